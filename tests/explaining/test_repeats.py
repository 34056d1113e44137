"""Events that differ only in generated names and numbers are one failure, which began with the first of them."""

import itertools

import pytest

from exporter.cache.events import Events
from tests.cache.test_events import an_event as a_record
from tests.diagnosis.test_causes import OPEN, a_pod, an_event, without_pod
from tests.explaining.test_dump_findings import explain
from tests.objects import CREATED, stamp

MINUTES = (0, 1, 3, 7, 15, 25)
"""Attempts of the Job controller, in minutes."""
QUOTA = 'pods "j-{0}" is forbidden: exceeded quota: q, requested: limits.cpu=2, used: limits.cpu={1}, limited: 20'
SANDBOX = 'failed to setup network for sandbox "{2}": plugin type="cilium-cni" failed: unable to connect'


def repeated(note, *, minutes=MINUTES, **about):
    """An Event for each attempt."""
    names = itertools.count()
    for minute in minutes:
        number = next(names)
        text = note.format("abcdefg"[number], 19 + number, f"{number:02x}" * 32)
        event = an_event(note=text, **about)
        meta = event["metadata"] | {"uid": f"e{number}", "name": f"e{number}"}
        at = stamp(CREATED + 20 + 60 * minute)
        yield event | {"metadata": meta, "firstTimestamp": at, "lastTimestamp": at}


@pytest.mark.parametrize("note", [QUOTA, QUOTA.replace("exceeded quota: q,", "failed quota: q: must specify")])
def test_a_refusal_began_with_the_first_attempt(tmp_path, note):
    """It is a fault, although the newest Event is new."""
    events = repeated(note, kind="Job", uid="job-j", reason="FailedCreate")
    code, out = explain(tmp_path, [OPEN, without_pod(), *events], "r", "--at", stamp(CREATED + 1580))
    assert (code, "Cause:       quota\n" in out) == (1, True)
    assert f"Since:     {stamp(CREATED + 20)} (26m ago)" in out


def test_a_sandbox_has_another_id_in_each_attempt(tmp_path):
    """The ID is that of the attempt."""
    events = repeated(SANDBOX, reason="FailedCreatePodSandBox")
    _, out = explain(tmp_path, [OPEN, without_pod(active=1), a_pod(), *events], "r", "--at", stamp(CREATED + 1580))
    assert f"Since:     {stamp(CREATED + 20)} (26m ago)" in out


@pytest.mark.parametrize("end", ["timeout", "refused"])
def test_a_number_ends_with_its_word(end):
    """What follows the port is another failure, and not a part of the address."""
    events = Events(is_open=lambda *_: True)
    for uid, text, at in (("a", f"dial 10.1.2.3:{end}", 3000.0), ("b", "dial 10.1.2.4:refused", 4000.0)):
        record = a_record(uid, note=text, last=at)
        record.first = at
        events.add(record)
    assert events.about("pod")[0].since == (3000.0 if end == "refused" else 4000.0)


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_events_arrive_in_any_order(order):
    """The newest one has the time of the first one."""
    events = Events(is_open=lambda *_: True)
    for number in order:
        record = a_record(f"e{number}", note=f'pods "j-{number}" is forbidden', last=600.0 * number)
        record.first = record.last
        events.add(record)
    assert events.about("pod")[0].since == 0.0


@pytest.mark.parametrize(
    ("note", "first", "since"),
    [
        ("pods is forbidden: exceeded quota: a", 0.0, 4000.0),
        ("pods is forbidden: exceeded quota: b", 3000.0, 4000.0),
        ("pods is forbidden: exceeded quota: a", 3000.0, 3000.0),
    ],
)
def test_another_text_or_a_pause_begins_anew(note, first, since):
    """The failure between them was another one, or there was none."""
    events = Events(is_open=lambda *_: True)
    for uid, text, at in (("a", note, first), ("b", "pods is forbidden: exceeded quota: a", 4000.0)):
        record = a_record(uid, note=text, last=at)
        record.first = at
        events.add(record)
    assert events.about("pod")[0].since == since
