"""The clock of a node that is ahead: what the kubelet writes is corrected by the times of the API server."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import READ
from tests.diagnosis.test_progress import PULLS, WAITS, a_started_pod, condition
from tests.objects import CREATED, a_run, stamp

OPEN = a_run(status={"phase": "Running", "lastUpdate": stamp(CREATED)})
AHEAD = 10_800
"""Seconds."""


def an_event_of(host, seconds, *, ahead=AHEAD, name="e1", **more):
    """An Event of the kubelet about an image, `seconds` after the creation, with its times `ahead`."""
    at = stamp(CREATED + seconds + ahead)
    meta = {"name": name, "namespace": "n", "uid": name, "creationTimestamp": stamp(CREATED + seconds)}
    about = {"kind": "Pod", "namespace": "n", "name": "p", "uid": "pod-p"}
    event = {"apiVersion": "v1", "kind": "Event", "type": "Normal", "reason": "Pulling", "metadata": meta}
    times = {"firstTimestamp": at, "lastTimestamp": at, "source": {"component": "kubelet", "host": host}}
    return event | {"involvedObject": about, "message": "Pulling image"} | times | more


def a_bound_pod(*, bound=12, started=13 + AHEAD, owner=None):
    """A Pod on node `a` that the API server has bound, and the kubelet has started."""
    pod = a_started_pod(condition("PodScheduled", "True", bound))
    pod["status"]["startTime"] = stamp(CREATED + started)
    if owner:
        pod["metadata"]["ownerReferences"].append({"kind": owner, "name": "o", "uid": "o"})
    return pod


def explained(folder, *objects):
    """Exit code and the explanation of the only run."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, WAITS, READ, *objects]}))
    code, out, _ = call("explain", "-f", path, "r", "-o", "json")
    return code, json.loads(out)


NOTE = "The clock of node a is 3h ahead: its times are corrected"


@pytest.mark.parametrize("group", ["v1", "events.k8s.io/v1"])
def test_the_creation_of_an_event_shows_that_a_clock_is_ahead(tmp_path, group):
    """The run is as old as the clock of the API server says, so it is no fault that its pod has not started yet."""
    event = an_event_of("a", 60)
    if group != "v1":
        event |= {"apiVersion": group, "eventTime": event["firstTimestamp"], "reportingInstance": "a", "source": None}
    code, run = explained(tmp_path, a_bound_pod(), event)
    assert (code, run["observed"]) == (0, stamp(CREATED + 60))
    assert NOTE in run["notes"]


def test_the_start_of_a_bound_pod_shows_it_too(tmp_path):
    """Without Events of the kubelet. A Pod of a DaemonSet may be bound while its node is not ready."""
    code, run = explained(tmp_path, a_bound_pod())
    assert (code, run["observed"], NOTE in run["notes"]) == (0, stamp(CREATED + 30), True)
    for pod in (a_bound_pod(owner="DaemonSet"), a_bound_pod(started=200), a_bound_pod(started=20)):
        assert not any("clock" in note for note in explained(tmp_path, pod)[1]["notes"])


@pytest.mark.parametrize(
    "events",
    [
        [an_event_of("a", 60, ahead=59)],
        [an_event_of("a", 60), an_event_of("a", 70, ahead=0, name="e2")],
        [an_event_of("a", 60), an_event_of("", 70, name="e2")],
        [an_event_of("a", 60) | {"metadata": {"name": "e1", "namespace": "n", "uid": "e1"}}],
    ],
)
def test_a_clock_is_ahead_only_if_all_evidence_says_so(tmp_path, events):
    """Not a delay of seconds, not if another Event is in time, and not if the control plane is ahead as well."""
    _, run = explained(tmp_path, a_started_pod(), *events)
    assert not any("clock" in note for note in run["notes"])
    assert run["observed"] == max(event["lastTimestamp"] for event in events)


def test_all_times_of_the_node_are_corrected(tmp_path):
    """Those of containers, and those of Events that are evidence."""
    init = {"name": "setup", "state": {"running": {"startedAt": stamp(CREATED + AHEAD + 20)}}}
    pod = a_started_pod(init=[init], containers=[PULLS])
    late = an_event_of("a", 40, type="Warning", reason="FailedCreatePodSandBox", message="no network")
    late["lastTimestamp"] = stamp(CREATED + AHEAD + 400)
    _, run = explained(tmp_path, pod, late)
    assert run["observed"] == stamp(CREATED + 400)
    assert run["workers"][0]["pods"][0]["containers"][0]["since"] == stamp(CREATED + 20)
    assert run["events"][0]["last"] == stamp(CREATED + 400)
    assert [one["since"] for one in run["findings"]] == [
        stamp(CREATED + 40),
        stamp(CREATED + 20),
        stamp(CREATED + 11),
    ]


@pytest.mark.parametrize("wrong", [{"source": 7}, {"firstTimestamp": "x"}, {"metadata": []}])
def test_a_malformed_event_says_nothing_about_a_clock(tmp_path, wrong):
    """And the dump is explained."""
    _, run = explained(tmp_path, a_started_pod(), an_event_of("a", 60) | wrong)
    assert not any("clock" in note for note in run["notes"])
