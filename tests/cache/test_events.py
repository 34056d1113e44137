"""The cached Events: only those about open objects, a few for each object, within memory limits."""

import functools

import pytest

from exporter.cache import Event
from exporter.cache.events import Events


def an_event(uid="e", *, about="pod", reason="Failed", note="words", last=1.0):
    """An Event about the object with the UID `about`."""
    return Event(
        uid=uid,
        namespace="n",
        about=about,
        about_kind="Pod",
        about_name="p",
        reason=reason,
        note=note,
        first=0.0,
        last=last,
    )


def cached(events, uid="pod"):
    """The UIDs of the cached Events about an object, newest first."""
    return [one.uid for one in events.about(uid)]


@pytest.fixture
def events():
    """An empty cache of Events, in which every object is open."""
    return Events(is_open=lambda *_: True)


def test_the_newest_event_is_first_and_a_repetition_replaces_the_event(events):
    """Kubernetes increases the count of an Event instead of creating another."""
    for uid, last in (("a", 1.0), ("b", 3.0), ("a", 4.0)):
        events.add(an_event(uid, last=last, reason=uid))
    assert cached(events) == ["a", "b"]
    assert events.count("n") == events.count("*") == 2
    assert events.count("m") == 0


def test_three_events_of_each_reason_and_eight_of_each_object_are_cached(events):
    """So many Events of one reason do not displace those of other reasons."""
    events.add(an_event("mount", reason="FailedMount", last=0.0))
    for number in range(100):
        events.add(an_event(f"e{number}", last=float(number + 1)))
    assert cached(events) == ["e99", "e98", "e97", "mount"]
    for number in range(100):
        events.add(an_event(f"r{number}", reason=f"R{number}", last=float(1000 + number)))
    assert len(cached(events)) == 8


def test_beyond_the_limit_events_about_finished_objects_are_dropped_first(events):
    """The oldest Events are dropped next. Dropped Events are counted."""
    events.add(an_event(about="first"))
    events.add(an_event(about="ended"))
    events.end("ended")
    for number in range(4999):
        events.add(an_event(about=f"o{number}"))
    assert (cached(events, "ended"), cached(events, "first"), events.dropped) == ([], ["e"], 1)
    events.add(an_event(about="more"))
    assert (cached(events, "first"), cached(events, "more"), events.dropped) == ([], ["e"], 2)


def test_the_memory_of_events_is_bounded(events):
    """This holds for names of any length."""
    for number in range(20_000):
        events.add(an_event(str(number), about=f"o{number % 4000}", reason=str(number), note="z" * 300))
    assert events.size <= 8 << 20
    assert events.size == sum(500 + 300 + len(one.about) + 1 for at in range(4000) for one in events.about(f"o{at}"))


def test_events_about_a_deleted_object_are_removed(events):
    """Events about a finished object remain."""
    events.add(an_event())
    events.end("pod")
    assert cached(events) == ["e"]
    events.forget("pod")
    assert (cached(events), events.size, events.count("*")) == ([], 0, 0)


def test_an_event_that_arrives_before_its_object_waits_for_it():
    """Watches of several resources are not synchronized. At most 500 objects are waited for."""
    known = {}
    events = Events(is_open=lambda uid, _: known.get(uid))
    for number in range(600):
        for uid in "abcd":
            made = functools.partial(an_event, uid, about=f"o{number}", last=float(ord(uid)))
            assert events.admit(f"o{number}", "n", made) is None
    known |= {"o0": True, "o599": True, "o598": False}
    for uid in ("o0", "o598", "o599"):
        events.claim(uid)
    assert (cached(events, "o0"), cached(events, "o598"), cached(events, "o599")) == ([], [], ["d", "c", "b"])


def test_events_about_finished_or_unnamed_objects_are_not_cached():
    """Events about open objects are cached."""
    events = Events(is_open=lambda uid, _: {"open": True, "ended": False}.get(uid))
    assert events.admit("open", "n", an_event) == an_event()
    assert events.admit("ended", "n", an_event) is None
    assert events.admit("", "n", an_event) is None


def test_events_of_a_namespace_are_known_while_it_is_watched(events):
    """A watch of all namespaces includes it."""
    events.scopes.add("n")
    assert (events.known("n"), events.known("m")) == (True, False)
    events.scopes.add("*")
    assert events.known("m")
