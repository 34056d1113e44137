"""Decodes Events: from an Event as JSON to its record."""

import msgspec
import pytest

from exporter.cache import Event
from exporter.kube.decode import Decoder
from exporter.resources.events import WireEvent, event_from_object, list_of, shorten
from tests.objects import CREATED, raw, stamp

NOTE = 'MountVolume.SetUp failed for volume "task-files" : configmap "task-6-files" not found'
NULLS = {"eventTime": None, "series": None}


def an_event(**fields):
    """An Event that regards the Pod `p`, without times."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "p.17c0ffee", "namespace": "n", "uid": "event-1", "creationTimestamp": stamp(CREATED)},
        "type": "Warning",
        "reason": "FailedMount",
        "note": NOTE,
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": "n", "name": "p", "uid": "pod-p"},
    } | fields


def record(item):
    """The record of an Event."""
    return event_from_object(Decoder(WireEvent).decode(raw(item))[0])


@pytest.mark.parametrize(
    ("fields", "first", "last", "count"),
    [
        (
            NULLS
            | {
                "deprecatedFirstTimestamp": stamp(CREATED - 60),
                "deprecatedLastTimestamp": stamp(CREATED + 600),
                "deprecatedCount": 22,
            },
            CREATED - 60,
            CREATED + 600,
            22,
        ),
        (
            {
                "eventTime": f"{stamp(CREATED + 1)[:-1]}.500000Z",
                "series": {"count": 7, "lastObservedTime": stamp(CREATED + 300)},
                "deprecatedFirstTimestamp": None,
                "deprecatedLastTimestamp": None,
            },
            CREATED,
            CREATED + 300,
            7,
        ),
        ({}, CREATED, CREATED, 1),
        ({"deprecatedCount": -3, "deprecatedLastTimestamp": "0001-01-01T00:00:00Z"}, CREATED, CREATED, 1),
    ],
    ids=["core/v1 writer", "new writer", "no times", "malformed"],
)
def test_an_event_has_its_message_times_and_count(fields, first, last, count):
    """Events of both API versions are read. `last` is the latest of all times."""
    assert record(an_event(**fields)) == Event(
        uid="event-1",
        namespace="n",
        about="pod-p",
        about_kind="Pod",
        about_name="p",
        reason="FailedMount",
        note=NOTE,
        first=first,
        last=last,
        count=count,
    )


@pytest.mark.parametrize(
    "note",
    [
        NOTE,
        'secret "regcred" not found',
        'Error: secret "api-keys" not found',
        'MountVolume.SetUp failed for volume "token" : secret "agent-token" not found',
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient memory.",
        'persistentvolumeclaim "workspace-rex" not found',
        'Failed to pull image "ghcr.io/5dlabs/claude:latest": rpc error: code = NotFound desc = not found',
        'Error creating: pods "tess-x" is forbidden: exceeded quota: agents, requested: pods=1, used: pods=20',
        "couldn't find key token in Secret n/api-keys",
        "Back-off restarting failed container agent in pod tess-x_n(1234)",
        'Error creating: pods "x" is forbidden: error looking up service account n/a: serviceaccount "a" not found',
    ],
)
def test_the_message_of_an_event_is_kept(note):
    """Names of Secrets and tokens are not redacted: users need them to find the cause."""
    assert record(an_event(note=note)).note == note


def test_a_hostile_message_becomes_one_short_line_without_credentials():
    """Anyone who can create Events can write such a message."""
    note = record(an_event(note="a\nb\u202e {{ .x }} token=hunter2secret9 " + "z" * 100_000, reason="A\nB")).note
    assert note.isprintable()
    assert len(note) <= 600
    assert "hunter2secret9" not in note


def test_an_event_without_an_object_has_a_record():
    """Malformed fields are empty."""
    item = {"metadata": {"name": "e", "namespace": "n"}, "regarding": "x", "note": 3, "series": {"count": "x"}}
    assert record(item) == Event(
        uid="n/e", namespace="n", about="", about_kind="", about_name="", reason="", note="", first=None, last=None
    )


def test_the_api_server_selects_warnings():
    """The field selector is used for one namespace and for all."""
    assert [(one.path, one.params) for one in map(list_of, ("n", None))] == [
        ("/apis/events.k8s.io/v1/namespaces/n/events", {"fieldSelector": "type!=Normal"}),
        ("/apis/events.k8s.io/v1/events", {"fieldSelector": "type!=Normal"}),
    ]


def test_an_event_that_waits_for_its_object_is_shortened():
    """The API server limits the message of an events.k8s.io Event, but not of a core/v1 Event."""
    item = an_event(note="z" * 1_000_000, reason="r" * 1_000_000, type="t" * 1_000_000)
    item["metadata"] |= {"annotations": {"a": "b" * 200_000}, "uid": "u" * 200_000}
    item["regarding"] |= dict.fromkeys(("kind", "name", "namespace", "uid"), "k" * 200_000)
    wire, _ = Decoder(WireEvent).decode(raw(item))
    shorten(wire)
    assert len(msgspec.json.encode(wire)) < 5000
