"""Failures of newer features of Kubernetes, with the texts of its components: objects, and what `explain` says."""

import pytest

from tests.diagnosis.test_causes import NOW, OPEN, READ, a_pod, an_event, explain_objects, without_pod
from tests.objects import CREATED, a_job, stamp

WAITS = a_job() | {"status": {"active": 1, "ready": 0, "startTime": stamp(CREATED)}}
STARTED = {"running": {"startedAt": stamp(CREATED + 20)}}
AGENT = {"name": "agent", "state": {"waiting": {"reason": "PodInitializing"}}}


def now(reason, note, *, at=NOW - 30):
    """A warning about the Pod that was repeated until now."""
    return an_event(reason=reason, note=note) | {"lastTimestamp": stamp(at)}


def on_node(phase="Pending", *, agent=AGENT, sidecar=None, **status):
    """The Pod, accepted by the kubelet, and with the state of a native sidecar."""
    statuses = {"containerStatuses": [agent]} | ({"initContainerStatuses": [sidecar]} if sidecar else {})
    pod = a_pod(phase, startTime=stamp(CREATED + 12), **statuses, **status)
    pod["spec"] |= {"nodeName": "node-1"}
    pod["spec"] |= {"initContainers": [{"name": "otel", "restartPolicy": "Always"}]} if sidecar else {}
    return pod


def unscheduled(message):
    """A Pod that the scheduler keeps for this reason."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return a_pod(conditions=[condition | {"lastTransitionTime": stamp(CREATED + 12)}])


def first(folder, *objects):
    """The first finding."""
    _, (run,) = explain_objects(folder, [OPEN, *objects], "")
    return run["findings"][0]


PROBE = "Startup probe failed: cat: can't open '/tmp/ready'"
NOT_STARTED = "native sidecar otel is running, and its startup probe or postStart hook has not succeeded"


@pytest.mark.parametrize(
    ("event", "evidence"),
    [(READ, NOT_STARTED), (now("Unhealthy", PROBE), f"{NOT_STARTED}; Unhealthy: Startup probe failed")],
)
def test_a_native_sidecar_whose_startup_probe_fails_holds_the_agent_back(tmp_path, event, evidence):
    """It runs, so no state of a container says why: https://github.com/kubernetes/kubernetes/issues/132826."""
    sidecar = {"name": "otel", "state": STARTED, "started": False}
    found = first(tmp_path, WAITS, on_node(sidecar=sidecar), event)
    assert (found["cause"], found["evidence"]) == ("init_container_stuck", evidence)
    assert found["next"] == "kubectl -n n logs p -c otel --timestamps --tail=30"
    found = first(tmp_path, WAITS, on_node(sidecar=sidecar | {"started": True}), event)
    assert found["cause"] == "pod_not_starting"


def test_the_output_of_a_startup_probe_is_in_no_evidence(tmp_path):
    """Also not in that of the finding that the Pod does not start."""
    sidecar = {"name": "otel", "state": STARTED, "started": False}
    _, (run,) = explain_objects(tmp_path, [OPEN, WAITS, on_node(sidecar=sidecar), now("Unhealthy", PROBE)], "")
    causes = {one["cause"]: one["evidence"] for one in run["findings"]}
    assert causes["pod_not_starting"] == "Unhealthy: Startup probe failed; on node node-1"
    assert not [text for text in causes.values() if "open" in text]


def test_a_native_sidecar_that_is_restarted_holds_the_agent_back_since_its_first_start(tmp_path):
    """Each restart is only minutes old."""
    new = {"running": {"startedAt": stamp(NOW - 40)}}
    sidecar = {"name": "otel", "state": new, "started": False, "restartCount": 14}
    found = first(tmp_path, WAITS, on_node(sidecar=sidecar), now("Unhealthy", PROBE))
    assert (found["since"], found["fault"]) == (stamp(CREATED + 12), True)


def test_a_native_sidecar_that_does_not_end_is_named(tmp_path):
    """The kubelet ends it after the main container, so making it a native sidecar is no advice."""
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": stamp(CREATED + 600)}}
    pod = on_node("Running", agent={"name": "agent", "state": ended}, sidecar={"name": "otel", "state": STARTED})
    found = first(tmp_path, a_job(), pod, READ)
    assert found["evidence"].endswith("exit code 0 (Completed); still running: native sidecar otel")
    assert (
        found["fix"] == "The kubelet ends native sidecars after the main container: look for a hanging preStop hook."
    )


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("AppArmor", "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host"),
        ("SysctlForbidden", 'Pod was rejected: forbidden sysctl: "net.core.somaxconn" not allowlisted'),
        ("TopologyAffinityError", "Pod was rejected: Resources cannot be allocated with Topology locality"),
        ("SMTAlignmentError", "Pod was rejected: SMT Alignment Error: requested 3 cpus"),
        ("TaintToleration", "Pod was rejected: Predicate TaintToleration failed"),
        ("AnyLaterReason", "Pod was rejected: not supported by this kubelet"),
    ],
)
def test_a_pod_that_failed_before_a_container_ran_was_rejected_by_the_kubelet(tmp_path, reason, message):
    """Each release adds reasons. Its containers have no state."""
    pod = a_pod("Failed", reason=reason, message=message)
    found = first(tmp_path, a_job(active=0), pod, READ)
    assert (found["cause"], found["evidence"]) == ("node_rejected", f"{reason}: {message}")


def test_a_pod_whose_container_ran_was_not_rejected(tmp_path):
    """Another component may set a reason too."""
    agent = {"name": "agent", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    found = first(tmp_path, a_job(active=0), on_node("Failed", agent=agent, reason="Custom"), READ)
    assert found["cause"] == "container_failed"


CLAIM = '0/3 nodes are available: waiting for dynamic resource controller to create the resourceclaim "p-gpu".'
TEMPLATE = 'PodResourceClaim gpu: failed to create ResourceClaim: resourceclaimtemplate "gpu" not found'
VOLUME = '0/3 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v".'
NO_VOLUME = 'ephemeral volume v: persistentvolumeclaims "p-v" is forbidden: exceeded quota: storage'


@pytest.mark.parametrize(
    ("message", "reason", "note", "cause"),
    [
        (CLAIM, "FailedResourceClaimCreation", TEMPLATE, "unschedulable"),
        (VOLUME, "FailedBinding", NO_VOLUME, "volume_waiting"),
    ],
)
def test_the_controller_for_which_the_scheduler_waits_says_why(tmp_path, message, reason, note, cause):
    """Its Event is in the evidence, unless the scheduler has been reporting for long after it."""
    found = first(tmp_path, WAITS, unscheduled(message), now(reason, note))
    assert (found["cause"], found["evidence"]) == (cause, f"Unschedulable: {message[:-1]}; {reason}: {note}")
    later = now("FailedScheduling", message) | {"metadata": {"name": "s", "namespace": "n", "uid": "s"}}
    old = now(reason, note, at=NOW - 3600)
    assert first(tmp_path, WAITS, unscheduled(message), old, later)["evidence"] == f"Unschedulable: {message}"


@pytest.mark.parametrize("why", ["", "still not schedulable,", "no new claims to deallocate,"])
def test_what_the_scheduler_says_about_preemption_is_left_out(tmp_path, why):
    """With resource claims, it has words before it."""
    text = "0/3 nodes are available: 3 cannot allocate all claims."
    end = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    found = first(tmp_path, WAITS, unscheduled(" ".join(filter(None, (text, why, end)))), READ)
    assert found["evidence"] == f"Unschedulable: {text}"


def test_devices_that_cannot_be_prepared(tmp_path):
    """The driver of the resource claim fails on the node, before the sandbox is created."""
    note = "Failed to prepare dynamic resources: DRA driver gpu.example.com is not registered"
    agent = {"name": "agent", "state": {"waiting": {"reason": "ContainerCreating"}}}
    found = first(tmp_path, WAITS, on_node(agent=agent), now("FailedPrepareDynamicResources", note))
    assert found["cause"] == "container_cannot_be_created"
    assert found["evidence"] == f"FailedPrepareDynamicResources: {note}; on node node-1"


@pytest.mark.parametrize(("at", "is_named"), [(NOW - 30, True), (NOW - 3600, False)])
def test_a_pull_secret_that_does_not_exist_is_named(tmp_path, at, is_named):
    """The registry only says that the pull is unauthorized. The kubelet repeats its warning with each attempt."""
    message = 'Back-off pulling image "r/x": ErrImagePull: failed to authorize: 401 Unauthorized'
    agent = {"name": "agent", "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}}
    note = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    pull = now("Failed", message) | {"metadata": {"name": "f", "namespace": "n", "uid": "f"}}
    found = first(tmp_path, WAITS, on_node(agent=agent), now("FailedToRetrieveImagePullSecret", note, at=at), pull)
    assert found["cause"] == "image_pull"
    assert ("; Unable to retrieve some image pull secrets (regcred);" in found["evidence"]) is is_named


def test_no_policy_denies_a_pod_in_a_namespace_that_is_being_deleted(tmp_path):
    """The API server also writes "is forbidden"."""
    note = 'Error creating: pods "j-x" is forbidden: unable to create new content in namespace n because it is being'
    event = an_event("Job", "job-j", "FailedCreate", f"{note} terminated")
    assert first(tmp_path, without_pod(), event)["cause"] == "pod_creation_failed"
