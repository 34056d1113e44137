"""A Workload that waits for its turn is no fault; one that Kueue cannot admit is."""

import pytest

from tests.diagnosis.test_causes import KUEUE
from tests.diagnosis.test_gone import about
from tests.diagnosis.test_queues import IS, SUSPENDED, a_workload, explained, pending
from tests.explaining.test_related import a_workload as a_deployment
from tests.objects import CREATED, a_job, stamp

FLAVORS = "couldn't assign flavors to pod set main:"
TOO_LARGE = "insufficient quota for cpu in flavor a, previously considered podsets requests (0) + current podset"
TOO_LARGE += " request (9) > maximum capacity (4)"
UNUSED = "insufficient unused quota for cpu in flavor b, 2 more needed"
NOW_SECONDS = 7200


def said(reason, message, *, at=0, kind="QuotaReserved", status="False"):
    """The Workload of the Job with this condition."""
    found = {"type": kind, "status": status, "reason": reason, "message": message}
    return a_workload() | {"status": {"conditions": [found | {"lastTransitionTime": stamp(CREATED + at)}]}}


@pytest.mark.parametrize(
    ("reason", "message", "fix"),
    [
        ("Inadmissible", "LocalQueue agents doesn't exist", "Create the LocalQueue"),
        ("Misconfigured", "LocalQueue agents doesn't exist", "Create the LocalQueue"),
        ("Misconfigured", "LocalQueue agents is terminating or missing", "Create the LocalQueue"),
        ("Inadmissible", "ClusterQueue c doesn't exist", "Create the ClusterQueue"),
        ("Pending", "ClusterQueue c not found", "Create the ClusterQueue"),
        ("Pending", "Workload namespace doesn't match ClusterQueue selector", "labels of the namespace"),
        ("Pending", f"{FLAVORS} {TOO_LARGE}", "Lower the requests"),
        ("ExceedsMaxQuota", f"{FLAVORS} {TOO_LARGE}, {UNUSED}", "Lower the requests"),
        ("Pending", f"{FLAVORS} insufficient quota for cpu in flavor a in ClusterQueue", "Lower the requests"),
        ("Pending", f"{FLAVORS} resource memory unavailable in ClusterQueue", "Add the resource"),
        ("Pending", f"{FLAVORS} flavor a doesn't match node affinity", "node selector"),
        ("Pending", f"{FLAVORS} untolerated taint {{spot true NoSchedule <nil>}} in flavor a", "node selector"),
        ("Pending", "resources validation failed: [spec.podSets[0]...]", "requests and limits"),
        ("Inadmissible", "ClusterQueue c is inactive", "stopPolicy"),
        ("Suspended", "LocalQueue agents is inactive", "stopPolicy"),
        ("Inadmissible", "for a new reason", None),
    ],
)
def test_a_workload_that_cannot_be_admitted(tmp_path, reason, message, fix):
    """Someone must change its queue or its requests."""
    code, run = explained(tmp_path, SUSPENDED, said(reason, message))
    first = run["findings"][0]
    assert (code, first["cause"], first["evidence"]) == (1, "workload_inadmissible", f"{IS}: {reason}: {message}")
    assert first["since"] == stamp(CREATED)
    assert (fix in first["fix"]) if fix else (first["fix"] == "")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Pending", f"{FLAVORS} {UNUSED}"),
        ("Pending", f"{FLAVORS} {TOO_LARGE}, {UNUSED}"),
        ("Pending", f"{FLAVORS} flavor a doesn't match node affinity, {UNUSED}"),
        ("WaitingForQuota", f"{FLAVORS} {UNUSED}"),
        ("Waiting", "waiting for all admitted workloads to be in the PodsReady condition"),
        ("Preempted", "Preempted to accommodate a workload (UID: u) due to prioritization in the ClusterQueue"),
        ("TopologyPlacementFailed", 'topology "default" allows to fit only 1 out of 2 pod(s)'),
    ],
)
def test_a_workload_that_waits_for_its_turn(tmp_path, reason, message):
    """Another flavor may become free."""
    code, run = explained(tmp_path, SUSPENDED, said(reason, message))
    assert (code, run["findings"][0]["cause"]) == (0, "suspended")


@pytest.mark.parametrize(
    ("message", "seconds", "code"),
    [
        ("LocalQueue agents doesn't exist", 59, 0),
        ("LocalQueue agents doesn't exist", 60, 1),
        ("ClusterQueue c is inactive", 599, 0),
        ("ClusterQueue c is inactive", 600, 1),
    ],
)
def test_it_is_a_fault_after_a_while(tmp_path, message, seconds, code):
    """A queue may be created after its first Job, and a stopped one is started again."""
    assert explained(tmp_path, SUSPENDED, said("Inadmissible", message, at=NOW_SECONDS - seconds))[0] == code


def test_a_newer_event_says_that_it_waits_again(tmp_path):
    """Such as after the creation of the queue, if the dump has no Workload."""
    name = "job-play-rex-5e3de"
    old = about(name, "Pending", "LocalQueue agents doesn't exist", kind="Workload", at=100)
    assert explained(tmp_path, SUSPENDED, old)[0] == 1
    assert explained(tmp_path, SUSPENDED, old, pending(name, at=900))[0] == 0


def test_the_state_after_an_eviction(tmp_path):
    """With the eviction, both conditions get its message; a new attempt replaces that of QuotaReserved."""
    workload = said("Preempted", "Preempted for a", kind="Evicted", status="True")
    reserved = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "Preempted for a"}
    workload["status"]["conditions"].append(reserved)
    evidence = explained(tmp_path, SUSPENDED, workload)[1]["findings"][0]["evidence"]
    assert evidence == f"{IS}: Preempted: Preempted for a"
    reserved["message"] = f"{FLAVORS} {UNUSED}"
    assert (
        explained(tmp_path, SUSPENDED, workload)[1]["findings"][0]["evidence"] == f"{IS}: Pending: {FLAVORS} {UNUSED}"
    )


DOWN = a_deployment("kueue-controller-manager", namespace="kueue-system")


@pytest.mark.parametrize("controller", [KUEUE, DOWN], ids=["pod", "deployment"])
def test_a_failing_controller_of_the_queue(tmp_path, controller):
    """A Job of which Kueue has said nothing waits for it."""
    code, run = explained(tmp_path, SUSPENDED, controller)
    first = run["findings"][0]
    assert (code, run["verdict"], first["cause"]) == (1, "fault", "queue_absent")
    assert first["evidence"].startswith(f"{IS}, and Kueue has not processed it; ")
    assert "kueue-system/kueue-controller-manager" in first["evidence"]


@pytest.mark.parametrize(
    "objects",
    [
        (SUSPENDED, said("Pending", UNUSED), KUEUE),
        (SUSPENDED, a_deployment("kueue-controller-manager", replicas=1)),
        (a_job(name="play-rex", spec={"suspend": True}, active=0), KUEUE),
        (SUSPENDED | {"metadata": SUSPENDED["metadata"] | {"creationTimestamp": stamp(CREATED + 7000)}}, KUEUE),
    ],
    ids=["waits", "works", "no queue", "new"],
)
def test_a_suspended_job_of_another_kind(tmp_path, objects):
    """It waits, and Kueue has seen it or does not matter."""
    code, run = explained(tmp_path, *objects)
    assert (code, run["findings"][0]["cause"]) == (0, "suspended")
