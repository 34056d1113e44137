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


@pytest.mark.parametrize(("end", "words"), [(60, ENDED), (None, "pod h of CodeRun old is running")])
def test_the_run_of_a_pod_that_uses_the_volume(tmp_path, end, words):
    """The error names only the pod."""
    event = an_event(reason="FailedAttachVolume", note=HELD)
    assert evidence(tmp_path, a_job(), a_pending_pod(), event, *a_holder(end)).endswith(f"pod(s) h; {words}")


FREE = "Wait for the end of the pod that uses the volume, or give each run a claim of its own."
RWOP = "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod"
RWOP += " access mode."
UNFIT_BY_CLAIM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": RWOP}


def using(pod, *claims):
    """The Pod with these claims as volumes."""
    volumes = [{"name": f"v{name}", "persistentVolumeClaim": {"claimName": name}} for name in claims]
    return pod | {"spec": pod["spec"] | {"volumes": volumes}}


def a_claim(name, mode="ReadWriteOncePod", volume="pvc-1"):
    """A claim."""
    meta = {"name": name, "namespace": "n", "uid": name}
    spec = {"accessModes": [mode], "volumeName": volume}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def a_node(ready):
    """The Node of the holder."""
    conditions = [{"type": "Ready", "status": ready}]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "status": {"conditions": conditions}}


def deleted(objects, seconds, *, claims=(), finalizers=()):
    """The holder, whose grace period ended `seconds` before now."""
    *others, pod = objects
    more = {"deletionTimestamp": stamp(CREATED + 7200 - seconds), "finalizers": [*finalizers]}
    return [*others, using(pod, *claims) | {"metadata": pod["metadata"] | more}]


def finding(folder, *objects, run="r"):
    """The first evidence of the run, its next command and its fix."""
    lines = explain(folder, [OPEN, *objects], run, "--at", LATER)[1].splitlines()
    return [next((line[13:] for line in lines if line.startswith(f"  {word}:")), "") for word in WORDS]


WORDS = ("Evidence", "Next", "Fix")
MULTI = an_event(reason="FailedAttachVolume", note=HELD)


@pytest.mark.parametrize(
    ("objects", "words", "fix"),
    [
        (a_holder(), ENDED, "End the pod that uses the volume: its agent or its run is over."),
        (a_holder(None), "pod h of CodeRun old is running", FREE),
        (deleted(a_holder(None), -20), "pod h of CodeRun old is terminating", "Wait for the end of the terminating"),
        (deleted(a_holder(None), 900), "is terminating, and does not end", "Find out why"),
        ([*deleted(a_holder(None), 900), a_node("Unknown")], "on node a, which does not respond", "Repair its node"),
        ([*a_holder(None), a_node("Unknown")], "is on node a, which does not respond", "Repair its node"),
        ([*a_holder(60), a_node("Unknown")], "is on node a, which does not respond", "Repair its node"),
        ([*a_holder(60), a_node("True")], ENDED, "End the pod"),
    ],
)
def test_the_state_of_the_pod_that_uses_the_volume(tmp_path, objects, words, fix):
    """It decides what frees the volume. A pod that works is never ended."""
    shown, command, mends = finding(tmp_path, a_job(), a_pending_pod(), MULTI, *objects)
    assert shown.endswith(words)
    assert mends.startswith(fix)
    assert command.startswith("kubectl describe nodes a" if "node a" in words else "kubectl -n n ")


def test_a_pod_that_is_not_in_the_dump(tmp_path):
    """Its state is unknown, so it is not ended."""
    shown, _, fix = finding(tmp_path, a_job(), a_pending_pod(), MULTI)
    assert (shown.endswith("by pod(s) h"), fix) == (True, FREE)


def test_pods_in_different_states(tmp_path):
    """The fix does not end both."""
    event = an_event(reason="FailedAttachVolume", note=HELD + ", h2")
    run, job, pod = a_holder(None)
    names = {"run": {"name": "old2", "uid": "run-2"}, "job": {"name": "i2", "uid": "job-2"}}
    run = run | {"metadata": run["metadata"] | names["run"]}
    job = job | {"metadata": job["metadata"] | names["job"]}
    job["metadata"]["ownerReferences"] = [job["metadata"]["ownerReferences"][0] | names["run"]]
    owner = pod["metadata"]["ownerReferences"][0] | names["job"]
    pod = pod | {"metadata": pod["metadata"] | {"name": "h2", "uid": "h2", "ownerReferences": [owner]}}
    shown, _, fix = finding(tmp_path, a_job(), a_pending_pod(), event, *a_holder(), run, job, pod)
    assert shown.endswith(f"; {ENDED}; pod h2 of CodeRun old2 is running")
    assert fix == FREE


def by_claim(*claims):
    """The Job, and its Pod that waits for one of these claims."""
    return a_job(), using(a_pending_pod(conditions=[UNFIT_BY_CLAIM]), *claims), READ


def test_the_pod_with_the_same_claim(tmp_path):
    """The scheduler names neither the pod nor the claim."""
    run, job, pod = a_holder(None)
    held = [run, job, using(pod, "ws")]
    shown, _, fix = finding(tmp_path, *by_claim("ws"), *held)
    assert shown.endswith("; claim ws: pod h of CodeRun old is running")
    assert fix == FREE
    assert "claim" not in finding(tmp_path, *by_claim("other"), *held)[0].partition("access mode")[2]
    over = using(pod, "ws") | {"status": {"phase": "Succeeded"}}
    assert "claim ws" not in finding(tmp_path, *by_claim("ws"), run, job, over)[0]


def test_several_claims(tmp_path):
    """The access mode tells which claim is meant; without it, none is named."""
    run, job, pod = a_holder(None)
    held = [run, job, using(pod, "ws", "cache")]
    shared = a_claim("cache", "ReadWriteMany")
    assert "; claim ws: pod h" in finding(tmp_path, *by_claim("ws", "cache"), *held, a_claim("ws"), shared)[0]
    assert "claim ws" not in finding(tmp_path, *by_claim("ws", "cache"), *held)[0]
    assert "claim cache" not in finding(tmp_path, *by_claim("cache"), *held, shared)[0]


def test_the_claim_of_a_volume_that_is_attached_elsewhere(tmp_path):
    """Such an error names the volume only."""
    note = 'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node'
    event = an_event(reason="FailedAttachVolume", note=note)
    run, job, pod = a_holder(None)
    held = [run, job, using(pod, "ws", "cache"), a_claim("ws"), a_claim("cache", volume="pvc-2")]
    waiting = using(a_pending_pod(), "ws", "cache")
    assert "; claim ws: pod h" in finding(tmp_path, a_job(), waiting, event, *held)[0]


def test_a_pod_that_belongs_to_no_run(tmp_path):
    """Such as one that a user has started to look at the volume."""
    _, _, pod = a_holder(None)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "debug", "uid": "rs", "controller": True}
    pod = using(pod, "ws") | {
        "metadata": pod["metadata"] | {"name": "debug-1", "uid": "d", "ownerReferences": [owner]}
    }
    shown, _, fix = finding(tmp_path, *by_claim("ws"), pod)
    assert shown.endswith("; claim ws: pod debug-1 is running")
    assert fix == FREE
