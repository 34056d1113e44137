"""What a queue or a gate holds back is no fault, and the evidence says by what and why."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, READ, a_pod
from tests.diagnosis.test_gone import about
from tests.objects import CREATED, a_job, a_run, stamp

QUEUE = {"kueue.x-k8s.io/queue-name": "agents"}
SUSPENDED = a_job(name="play-rex", spec={"suspend": True}, active=0, labels=QUEUE)
REASON = "couldn't assign flavors to pod set main: insufficient unused quota for cpu"
IS = "Job play-rex is suspended by queue agents"


def explained(folder, *objects):
    """Exit code, and the run."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [OPEN, *objects, READ]}))
    code, out, _ = call("explain", "-f", path, "--at", stamp(NOW), "-o", "json")
    return code, json.loads(out)["items"][0]


def evidence(folder, *objects):
    """Of the first finding, which is no fault."""
    code, run = explained(folder, *objects)
    assert (code, run["findings"][0]["cause"]) == (0, "suspended")
    return run["findings"][0]["evidence"]


def pending(name, **more):
    """An Event about a Workload."""
    return about(name, "Pending", REASON, kind="Workload", **more)


def a_workload(*conditions, uid="job-j"):
    """The Workload of the Job, with these conditions as (type, status)."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "play-rex", "uid": uid, "controller": True}
    found = [
        {
            "type": kind,
            "status": status,
            "reason": f"{kind}Reason",
            "message": REASON,
            "lastTransitionTime": stamp(CREATED),
        }
        for kind, status in conditions
    ]
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "Workload",
        "metadata": {"name": "w", "namespace": "n", "uid": "w", "ownerReferences": [owner]},
        "status": {"conditions": found},
    }


@pytest.mark.parametrize("kind", ["Normal", "Warning"])
@pytest.mark.parametrize("name", ["job-play-rex-5e3de", "job-play-5e3de"])
def test_kueue_says_why_a_job_waits(tmp_path, name, kind):
    """In Events about the Workload, whose name begins with that of the Job, or with a part of it."""
    assert evidence(tmp_path, SUSPENDED, pending(name, type=kind)) == f"{IS}: Pending: {REASON}"


@pytest.mark.parametrize("name", ["job-play-cleo-5e3de", "play-rex", "job-play-rex"])
def test_the_workload_of_another_job_says_nothing(tmp_path, name):
    """Neither does one that may be that of two Jobs."""
    assert evidence(tmp_path, SUSPENDED, pending(name)) == IS
    run = a_run(name="z", uid="run-z")
    both = [SUSPENDED, run, a_job(name="play-rex-2", uid="other", of=run)]
    assert evidence(tmp_path, *both, pending("job-play-5e3de")) == IS
    assert evidence(tmp_path, *both, pending("job-play-rex-5e3de")) == f"{IS}: Pending: {REASON}"


def test_the_newest_event_is_the_evidence_and_is_listed(tmp_path):
    """It may be admitted by now."""
    name = "job-play-rex-5e3de"
    admitted = about(name, "Admitted", "Admitted by ClusterQueue c", kind="Workload", at=900, type="Normal")
    code, run = explained(tmp_path, SUSPENDED, pending(name), admitted)
    assert (code, run["findings"][0]["evidence"]) == (0, f"{IS}: Admitted: Admitted by ClusterQueue c")
    assert [event["object"] for event in run["events"]] == [f"workload/{name}"] * 2
    assert run["findings"][0]["next"] == f"kubectl -n n describe workloads.kueue.x-k8s.io {name}"
    assert run["findings"][0]["act"] == "who runs the queue, or has suspended it, if it waits too long"


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ([("QuotaReserved", "False")], "QuotaReservedReason"),
        ([("QuotaReserved", "True"), ("Admitted", "False")], "AdmittedReason"),
        ([("QuotaReserved", "False"), ("Evicted", "True")], "EvictedReason"),
        ([("QuotaReserved", "True"), ("Evicted", "False")], ""),
        ([], ""),
    ],
)
def test_the_workload_itself_says_it_too(tmp_path, conditions, reason):
    """By its conditions, and without Events in the dump."""
    assert evidence(tmp_path, SUSPENDED, a_workload(*conditions)) == IS + (f": {reason}: {REASON}" if reason else "")
    assert evidence(tmp_path, SUSPENDED, a_workload(*conditions, uid="other")) == IS


@pytest.mark.parametrize("wrong", [{"status": 7}, {"metadata": []}, {"status": {"conditions": [7]}}])
def test_a_malformed_workload_says_nothing(tmp_path, wrong):
    """The Job is explained all the same."""
    assert evidence(tmp_path, SUSPENDED, a_workload(("QuotaReserved", "False")) | wrong) == IS


def test_a_scheduling_gate_has_a_name(tmp_path):
    """And a gate of Kueue a Workload, whose Events say what it waits for."""
    pod = a_pod(gates=["kueue.x-k8s.io/admission", "example.com/other"])
    text = "the pod has the scheduling gate kueue.x-k8s.io/admission, example.com/other"
    assert evidence(tmp_path, a_job(), pod) == text
    assert evidence(tmp_path, a_job(), pod, pending("pod-p-5e3de")) == f"{text}: Pending: {REASON}"
    assert evidence(tmp_path, a_job(), pod, pending("job-j-5e3de")) == f"{text}: Pending: {REASON}"
    assert evidence(tmp_path, a_job(), a_pod(gates=["{{ .x }}"])) == "the pod has a scheduling gate"


@pytest.mark.parametrize(("at", "words"), [(200, f"Pending: {REASON}"), (400, "Stopped: Preempted to accommodate")])
def test_kueue_says_why_it_has_stopped_a_job(tmp_path, at, words):
    """In an Event about the Job, which may be older than one about its Workload."""
    stopped = about("play-rex", "Stopped", "Preempted to accommodate", kind="Job", uid="job-j", at=at, type="Normal")
    assert evidence(tmp_path, SUSPENDED, stopped, pending("job-play-rex-5e3de", at=300)) == f"{IS}: {words}"


LIMIT = "The workload is deactivated due to exceeding the maximum number of re-queuing retries"
PROVISIONING = {"name": "dws", "state": "Pending", "message": "Retrying after failure: Max nodepool size reached"}


def with_checks(workload, *checks):
    """The Workload with these admission checks."""
    return workload | {"status": workload["status"] | {"admissionChecks": list(checks)}}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([("QuotaReserved", "False"), ("Evicted", "True")], f"Deactivated: {REASON}"),
        ([], "Deactivated: spec.active is false"),
    ],
)
def test_a_deactivated_workload_is_a_fault(tmp_path, conditions, words):
    """Kueue does not start it again. Later Events about it, and admission checks, do not change that."""
    workload = with_checks(a_workload(*conditions), PROVISIONING) | {"spec": {"active": False}}
    for more in ((), (pending("job-play-rex-5e3de", at=900),)):
        code, run = explained(tmp_path, SUSPENDED, workload, *more)
        first = run["findings"][0]
        assert (code, first["cause"], first["evidence"]) == (1, "workload_deactivated", f"{IS}: {words}")
        assert first["next"] == "kubectl -n n describe workloads.kueue.x-k8s.io w"
    assert evidence(tmp_path, SUSPENDED, workload | {"spec": {"active": True}}).startswith(IS)


@pytest.mark.parametrize(
    "reason", ["EvictedDueToDeactivatedDueToRequeuingLimitExceeded", "EvictedDueToInactiveWorkload"]
)
def test_an_event_says_that_a_workload_is_deactivated(tmp_path, reason):
    """Unless a newer Event says that it waits again."""
    name = "job-play-rex-5e3de"
    event = about(name, reason, LIMIT, kind="Workload", at=500, type="Normal")
    code, run = explained(tmp_path, SUSPENDED, event)
    assert (code, run["findings"][0]["cause"]) == (1, "workload_deactivated")
    assert run["findings"][0]["since"] == stamp(CREATED + 500)
    assert evidence(tmp_path, SUSPENDED, event, pending(name, at=600)) == f"{IS}: Pending: {REASON}"
    gated = a_pod(gates=["kueue.x-k8s.io/admission"])
    code, run = explained(
        tmp_path,
        a_job(),
        gated,
        event | {"involvedObject": {"kind": "Workload", "namespace": "n", "name": "pod-p-5e3de", "uid": "w"}},
    )
    assert (code, run["findings"][0]["cause"]) == (1, "workload_deactivated")


@pytest.mark.parametrize(
    ("conditions", "check", "words"),
    [
        ([("QuotaReserved", "True")], PROVISIONING, "AdmissionCheck: dws is Pending: {message}"),
        (
            [("QuotaReserved", "True"), ("Admitted", "False")],
            PROVISIONING,
            "AdmissionCheck: dws is Pending: {message}",
        ),
        ([("QuotaReserved", "False")], PROVISIONING, "QuotaReservedReason: {REASON}"),
        ([("QuotaReserved", "True")], PROVISIONING | {"state": "Ready"}, ""),
        (
            [("QuotaReserved", "False"), ("Evicted", "True")],
            PROVISIONING | {"state": "Retry"},
            "EvictedReason: {REASON}; dws is Retry: {message}",
        ),
    ],
)
def test_an_admission_check_says_why_a_job_waits(tmp_path, conditions, check, words):
    """After the quota is reserved, and before if the check has failed. An older Event does not say more."""
    event = about("job-play-rex-5e3de", "QuotaReserved", "Quota reserved", kind="Workload", at=5000, type="Normal")
    text = words.format(message=PROVISIONING["message"], REASON=REASON) or "QuotaReserved: Quota reserved"
    assert evidence(tmp_path, SUSPENDED, with_checks(a_workload(*conditions), check), event) == f"{IS}: {text}"
