"""The Events that are kept: about open objects, few of each, within limits."""

import functools

import pytest

from exporter.cache import Event
from exporter.cache.events import Events


def an_event(uid="e", *, about="pod", reason="Failed", note="words", last=1.0):
    """An Event."""
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


def kept(events, uid="pod"):
    """The UIDs of the Events about an object."""
    return [one.uid for one in events.about(uid)]


@pytest.fixture
def events():
    """Those about objects that are all open."""
    return Events(is_open=lambda *_: True)


def test_the_newest_come_first_and_a_repetition_replaces_the_event(events):
    """A component counts an Event up."""
    for uid, last in (("a", 1.0), ("b", 3.0), ("a", 4.0)):
        events.add(an_event(uid, last=last, reason=uid))
    assert kept(events) == ["a", "b"]
    assert events.count("n") == events.count("*") == 2
    assert events.count("m") == 0


def test_of_each_reason_three_and_of_each_object_eight_are_kept(events):
    """A storm of one reason hides no other one."""
    events.add(an_event("mount", reason="FailedMount", last=0.0))
    for number in range(100):
        events.add(an_event(f"e{number}", last=float(number + 1)))
    assert kept(events) == ["e99", "e98", "e97", "mount"]
    for number in range(100):
        events.add(an_event(f"r{number}", reason=f"R{number}", last=float(1000 + number)))
    assert len(kept(events)) == 8


def test_beyond_the_limits_those_about_ended_objects_are_dropped_first(events):
    """Then the oldest; and the drops are counted."""
    events.add(an_event(about="first"))
    events.add(an_event(about="ended"))
    events.end("ended")
    for number in range(4999):
        events.add(an_event(about=f"o{number}"))
    assert (kept(events, "ended"), kept(events, "first"), events.dropped) == ([], ["e"], 1)
    events.add(an_event(about="more"))
    assert (kept(events, "first"), kept(events, "more"), events.dropped) == ([], ["e"], 2)


def test_their_memory_is_bounded(events):
    """However long the names are."""
    for number in range(20_000):
        events.add(an_event(str(number), about=f"o{number % 4000}", reason=str(number), note="z" * 300))
    assert events.size <= 8 << 20
    assert events.size == sum(500 + 300 + len(one.about) + 1 for at in range(4000) for one in events.about(f"o{at}"))


def test_events_about_an_object_that_is_gone_are_forgotten(events):
    """They stay when it has ended."""
    events.add(an_event())
    events.end("pod")
    assert kept(events) == ["e"]
    events.forget("pod")
    assert (kept(events), events.size, events.count("*")) == ([], 0, 0)


def test_an_event_that_arrives_before_its_object_waits_for_it():
    """The lists and watches of several resources are not in step. At most 500 objects are waited for."""
    known = {}
    events = Events(is_open=lambda uid, _: known.get(uid))
    for number in range(600):
        for uid in "abcd":
            made = functools.partial(an_event, uid, about=f"o{number}", last=float(ord(uid)))
            assert events.admit(f"o{number}", "n", made) is None
    known |= {"o0": True, "o599": True, "o598": False}
    for uid in ("o0", "o598", "o599"):
        events.claim(uid)
    assert (kept(events, "o0"), kept(events, "o598"), kept(events, "o599")) == ([], [], ["d", "c", "b"])


def test_events_about_ended_or_unnamed_objects_are_not_admitted():
    """Those about open ones are."""
    events = Events(is_open=lambda uid, _: {"open": True, "ended": False}.get(uid))
    assert events.admit("open", "n", an_event) == an_event()
    assert events.admit("ended", "n", an_event) is None
    assert events.admit("", "n", an_event) is None


def test_events_of_a_namespace_are_known_while_they_are_watched(events):
    """With a watch of the namespace, or of all."""
    events.scopes.add("n")
    assert (events.known("n"), events.known("m")) == (True, False)
    events.scopes.add("*")
    assert events.known("m")
