"""Later progress of the Pod makes an Event about an earlier failure obsolete."""

import json

import pytest

from tests.commands.in_process import call
from tests.diagnosis.test_causes import NOW, OPEN, READ, a_pod, an_event, without_pod
from tests.objects import CREATED, a_job, a_run, stamp

WAITS = a_job() | {"status": {"active": 1, "ready": 0, "startTime": stamp(CREATED + 10)}}
"""A Job whose Pod is pending."""
OTHER_EVENT = READ | {"metadata": READ["metadata"] | {"uid": "other"}}
"""An Event about another object. Without any Event in the dump, Events would count as not read."""
STARTED, ENDED, LATER = stamp(CREATED + 60), stamp(CREATED + 70), CREATED + 60
PULLS = {"name": "agent", "state": {"waiting": {"reason": "ContainerCreating"}}}
INIT = {"name": "setup", "state": {"running": {"startedAt": STARTED}}}
INIT_ENDED = {"name": "setup", "state": {"terminated": {"exitCode": 0, "finishedAt": ENDED}}}
UP = {"name": "agent", "state": {"running": {"startedAt": stamp(CREATED + 15)}}}
NOT_READY = an_event(reason="NodeNotReady", note="Node is not ready")
KUBELET = "MountVolume.SetUp failed for volume"


def condition(name, status, seconds):
    """A condition of a Pod that changed this number of seconds after the creation."""
    return {"type": name, "status": status, "lastTransitionTime": stamp(CREATED + seconds)}


def a_started_pod(*conditions, init=(), containers=(PULLS,), phase="Pending"):
    """A Pod that is assigned to a node, with these containers."""
    pod = a_pod(phase, containerStatuses=list(containers), initContainerStatuses=list(init))
    pod["status"]["conditions"] = list(conditions)
    spec = pod["spec"] | {"nodeName": "a", "initContainers": [{"name": one["name"]} for one in init]}
    return pod | {"spec": spec}


def causes(folder, *objects):
    """The causes that `explain` finds in a dump of these objects."""
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*objects, OTHER_EVENT]}))
    out = call("explain", "--all", "-f", path, "--at", stamp(NOW), "-o", "json")[1]
    return [finding["cause"] for finding in json.loads(out)["items"][0]["findings"]]


@pytest.mark.parametrize(
    ("note", "cause"),
    [
        (f'{KUBELET} "v" : configmap "x" not found', "pod_configmap_missing"),
        (f'{KUBELET} "v" : secret "x" not found', "pod_secret_missing"),
        (f'{KUBELET} "v" : rpc error: code = DeadlineExceeded', "volume_waiting"),
    ],
)
def test_a_container_that_has_started_shows_that_volumes_are_mounted(tmp_path, note, cause):
    """An init container shows it as well."""
    event, job = an_event(reason="FailedMount", note=note), WAITS
    assert causes(tmp_path, OPEN, job, a_started_pod(), event)[0] == cause
    for init in (INIT, INIT_ENDED):
        assert cause not in causes(tmp_path, OPEN, job, a_started_pod(init=[init]), event)


@pytest.mark.parametrize("reason", ["FailedCreatePodSandBox", "NetworkNotReady", "FailedMount"])
def test_a_sandbox_makes_earlier_failures_obsolete(tmp_path, reason):
    """The condition PodReadyToStartContainers has the time of the sandbox. Later failures are not obsolete."""
    event, job = an_event(reason=reason, note="failed"), WAITS
    for seconds, is_obsolete in ((25, False), (31, True)):
        pod = a_started_pod(condition("PodReadyToStartContainers", "True", seconds))
        found = causes(tmp_path, OPEN, job, pod, event)
        assert (found == ["pod_not_starting"]) is is_obsolete
    lost = a_started_pod(condition("PodReadyToStartContainers", "False", 31))
    assert len(causes(tmp_path, OPEN, job, lost, event)) == 2


@pytest.mark.parametrize(
    ("ready", "lost"),
    [
        ([condition("Ready", "True", 40)], False),
        ([condition("Ready", "True", 15)], False),
        ([condition("Ready", "False", 40)], False),
        ([condition("Ready", "False", 30)], True),
        ([], True),
    ],
)
def test_a_node_is_lost_only_while_its_pod_is_not_ready(tmp_path, ready, lost):
    """The kubelet sets the condition again once the node is available."""
    pod = a_started_pod(*ready, containers=[UP], phase="Running")
    assert ("node_lost" in causes(tmp_path, OPEN, a_job(), pod, NOT_READY)) is lost


def test_a_rejected_creation_is_obsolete_once_the_job_has_a_younger_pod(tmp_path):
    """For example between two attempts."""
    event = an_event("Job", "job-j", "FailedCreate", "Error creating: pods is forbidden: exceeded quota: q")
    job = without_pod(failed=1)
    assert "quota" in causes(tmp_path, OPEN, job, event)
    pod = a_pod("Failed")
    pod["metadata"]["creationTimestamp"] = stamp(LATER)
    assert "quota" not in causes(tmp_path, OPEN, job, pod, event)


@pytest.mark.parametrize(("code", "is_effect"), [(143, True), (137, True), (1, False)])
@pytest.mark.parametrize("reason", ["DeadlineExceeded", "Evicted", "Preempting"])
def test_a_container_that_kubernetes_terminated_has_not_failed_itself(tmp_path, reason, code, is_effect):
    """Exit codes of signals are the effect of the termination."""
    end = {"exitCode": code, "reason": "Error", "finishedAt": ENDED}
    pod = a_pod("Failed", reason=reason, containerStatuses=[{"name": "agent", "state": {"terminated": end}}])
    found = causes(tmp_path, OPEN, a_job(ended="Failed", reason="BackoffLimitExceeded"), pod)
    assert ("container_failed" not in found) is is_effect


@pytest.mark.parametrize(
    "text",
    [
        'admission webhook "v.example" denied the request: serviceaccount "x" not found, exceeded quota',
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed quota: x",
        "MutatingAdmissionPolicy 'p' with binding 'b' denied request: failed quota: x",
        'Internal error occurred: failed calling webhook "v.example": serviceaccount "x" not found',
    ],
)
def test_the_message_of_a_webhook_or_policy_does_not_determine_the_cause(tmp_path, text):
    """Such a message can contain any text."""
    event = an_event("Job", "job-j", "FailedCreate", f"Error creating: {text}")
    assert causes(tmp_path, OPEN, without_pod(), event)[0] == "admission_denied"


def test_a_rejection_in_the_message_of_a_run_does_not_determine_the_cause_either(tmp_path):
    """A controller may repeat the message of the rejection."""
    text = 'cannot create Job: admission webhook "v.example" denied the request: the template failed, no pull request'
    failed = a_run(status={"phase": "Failed", "message": text})
    assert causes(tmp_path, failed) == ["admission_denied"]


@pytest.mark.parametrize(
    "text",
    [
        'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded',
        'running "VolumeBinding" filter plugin: error getting PVC',
        "0/3 nodes are available: 3 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).",
        "0/3 nodes are available: 3 node(s) did not have enough free storage.",
        "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind.",
    ],
)
def test_a_scheduler_error_about_volumes_is_volume_waiting(tmp_path, text):
    """The messages are those of the scheduler's plugins."""
    scheduled = condition("PodScheduled", "False", 15) | {"reason": "SchedulerError", "message": text}
    pod = a_pod(conditions=[scheduled])
    assert causes(tmp_path, OPEN, WAITS, pod)[0] == "volume_waiting"
