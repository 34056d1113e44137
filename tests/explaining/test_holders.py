"""A run that waits for a quota, a port or a volume: the pods that hold it are named."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, an_event, without_pod
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import CREATED, a_job, a_run, stamp

QUOTA = an_event("Job", "job-j", "FailedCreate", "pods is forbidden: exceeded quota: q, used: pods=1")
UNFIT = "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."
HELD = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) h'


def a_holder(end=60, phase="Running"):
    """Another run with its Job and Pod `h`, whose main container ended `end` seconds after the creation."""
    state = {"running": {"startedAt": stamp(CREATED)}}
    if end is not None:
        state = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": stamp(CREATED + end)}}
    run = a_run(name="old", uid="run-old", status={"phase": phase, "lastUpdate": stamp(CREATED)})
    job = a_job(name="i", uid="job-i", of=run)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "i", "uid": "job-i", "controller": True}
    statuses = [
        {"name": "agent", "state": state},
        {"name": "docker", "state": {"running": {"startedAt": stamp(CREATED)}}},
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "h", "namespace": "n", "uid": "h", "ownerReferences": [owner], "labels": {}},
        "spec": {"containers": [{"name": "agent"}, {"name": "docker"}], "nodeName": "a"},
        "status": {"phase": "Running", "containerStatuses": statuses},
    }
    pod["metadata"]["creationTimestamp"] = stamp(CREATED)
    return [run, job, pod]


def evidence(folder, *objects):
    """The first evidence of the run `r`."""
    out = explain(folder, [OPEN, *objects], "r", "--at", LATER)[1]
    return next(line for line in out.splitlines() if line.startswith("  Evidence:"))


def a_pending_pod(**status):
    """The Pod of the Job `j`."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "job-j", "controller": True}
    meta = {"name": "p", "namespace": "n", "uid": "pod-p", "ownerReferences": [owner], "labels": {"job-name": "j"}}
    meta["creationTimestamp"] = stamp(CREATED + 11)
    spec = {"containers": [{"name": "agent"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": spec,
        "status": {"phase": "Pending"} | status,
    }


ENDED = "pod h of CodeRun old, whose agent has ended, still runs"


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (a_holder(), ENDED),
        (a_holder(None, "Succeeded"), "pod h of CodeRun old, which is Succeeded, still runs"),
        (a_holder(None), ""),
        (a_holder(7190), ""),
    ],
)
def test_a_pod_that_outlives_its_agent_counts_in_the_quota(tmp_path, holder, words):
    """A pod whose agent works, or has just ended, is not named."""
    shown = evidence(tmp_path, without_pod(), QUOTA, *holder)
    assert shown.endswith(f"used: pods=1; {words}" if words else "used: pods=1")


def test_it_holds_its_ports(tmp_path):
    """No other pod gets them on its node."""
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": UNFIT}
    pod = a_pending_pod(conditions=[waits])
    assert evidence(tmp_path, a_job(), pod, READ, *a_holder()).endswith(f"requested pod ports; {ENDED}")
    waits["message"] = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    assert "still runs" not in evidence(tmp_path, a_job(), a_pending_pod(conditions=[waits]), READ, *a_holder())


@pytest.mark.parametrize(("end", "words"), [(60, ENDED), (None, "pod h is of CodeRun old")])
def test_the_run_of_a_pod_that_uses_the_volume(tmp_path, end, words):
    """The error names only the pod."""
    event = an_event(reason="FailedAttachVolume", note=HELD)
    assert evidence(tmp_path, a_job(), a_pending_pod(), event, *a_holder(end)).endswith(f"pod(s) h; {words}")
