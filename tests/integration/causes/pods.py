"""The rows whose pods the test plays: the scheduler, the kubelet and the node controller write the rest."""

from typing import Any

from lab.controlplane.nodes import BY_HAND
from tests.integration.causes.kubelet import NODE, Word, ended, looping, pod, running, waiting
from tests.integration.causes.row import Alert, Row
from tests.integration.causes.row_run import RowRun, ago

__all__ = ["PODS"]

_NOT_STARTING = Alert("AgentPodNotStarting", "warning", "job_name")
_HANGING = Alert("AgentJobHanging", "critical", "job_name")
_NOT_EXITED = Alert("AgentFinishedNotExited", "critical", "job_name")
_NOT_UPDATED = Alert("CodeRunNotUpdated", "warning", "coderun")

_MAIN, _SIDE, _INIT = "claude-code", "sidecar-1", "clone"
_WITH_INIT = {"initContainers": [{"name": _INIT, "image": "git:1"}]}
_WITH_SIDE = {"containers": [{"name": name, "image": "agent:1"} for name in (_MAIN, _SIDE)]}
_ON_FAILURE = {"restartPolicy": "OnFailure"}
_LIMIT, _OVER = "2s", "has failed"

_NO_SCHEDULER = f"spec.schedulerName is {BY_HAND}"
_UNFIT = "0/3 nodes are available: 3 Insufficient cpu."
_UNCLAIMED = "0/3 nodes are available: waiting for dynamic resource controller to create the resourceclaim"
_CLAIMS = {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}]}
_NO_TEMPLATE = 'resourceclaimtemplate.resource.k8s.io "gpu" not found'
_UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
_ATTACHED = 'Multi-Attach error for volume "pvc-7" Volume is already exclusively attached to one node'
_NO_CONFIGMAP = 'MountVolume.SetUp failed for volume "task-files" : configmap "task-6-files" not found'
_NO_SECRET = 'MountVolume.SetUp failed for volume "github-app" : secret "github-app-rex" not found'
_NO_IMAGE = 'Failed to pull image "agent:1": not found'
_NO_KEY = "couldn't find key private-key in Secret agents/github-app-rex"
_AS_ROOT = "container has runAsNonRoot and image will run as root"
_NO_NETWORK = "Failed to create pod sandbox: failed to setup network for sandbox: no IP addresses available"
_NO_MEMORY = "The node was low on resource: memory."


def _pending(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"phase": "Pending", "startTime": ago(10), "containerStatuses": [*containers]}


def _initializing(state: dict[str, Any]) -> dict[str, Any]:
    return _pending(waiting(_MAIN, "PodInitializing")) | {"initContainerStatuses": [state]}


def _condition(kind: str, reason: str, message: str = "", value: str = "False") -> dict[str, Any]:
    return {"type": kind, "status": value, "reason": reason, "message": message, "lastTransitionTime": ago(10)}


def _unscheduled(message: str) -> dict[str, Any]:
    return {"phase": "Pending", "conditions": [_condition("PodScheduled", "Unschedulable", message)]}


def _running(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"phase": "Running", "startTime": ago(10), "containerStatuses": [*containers]}


def _failed(code: int, reason: str) -> dict[str, Any]:
    return {"phase": "Failed", "startTime": ago(10), "containerStatuses": [ended(_MAIN, code, reason)]}


_CREATING = _pending(waiting(_MAIN, "ContainerCreating"))
_LOST = _running(running(_MAIN)) | {"conditions": [_condition("Ready", "NodeNotReady")]}
_NOT_READY = Word("NodeNotReady", "Node is not ready", "node-controller")
_EVICTED = _failed(137, "Error") | {"reason": "Evicted", "message": _NO_MEMORY}
_PREEMPTION = _condition("DisruptionTarget", "PreemptionByScheduler", "preempted", "True")
_PREEMPTED = _failed(143, "Error") | {"conditions": [_PREEMPTION]}


def claim(at: RowRun) -> None:
    """A ResourceClaimTemplate that does not exist, as its real controller finds; the scheduler waits, by hand."""
    pod(status=_unscheduled(_UNCLAIMED), bound=False, spec=_CLAIMS)(at)


_STARTING = (
    Row("no-scheduler", pod(status={}, bound=False), "scheduler_absent", _NO_SCHEDULER, _NOT_STARTING),
    Row(
        "unschedulable", pod(status=_unscheduled(_UNFIT), bound=False), "unschedulable", _UNFIT, _NOT_STARTING,
    ),
    Row("claim", claim, "pod_object_missing", _NO_TEMPLATE, _NOT_STARTING),
    Row("unbound", pod(status=_unscheduled(_UNBOUND), bound=False), "volume_waiting", _UNBOUND, _NOT_STARTING),
    Row(
        "attach", pod(status=_CREATING, words=[Word("FailedAttachVolume", _ATTACHED, "attachdetach-controller")]),
        "volume_waiting", _ATTACHED, _NOT_STARTING, node=NODE,
    ),
    Row(
        "mount-configmap", pod(status=_CREATING, words=[Word("FailedMount", _NO_CONFIGMAP)]),
        "pod_configmap_missing", _NO_CONFIGMAP, _NOT_STARTING,
    ),
    Row(
        "mount-secret", pod(status=_CREATING, words=[Word("FailedMount", _NO_SECRET)]),
        "pod_secret_missing", _NO_SECRET, _NOT_STARTING,
    ),
    Row(
        "image", pod(status=_pending(waiting(_MAIN, "ImagePullBackOff")), words=[Word("Failed", _NO_IMAGE)]),
        "image_pull", _NO_IMAGE, _NOT_STARTING, node=NODE,
    ),
    Row(
        "secret-key", pod(status=_pending(waiting(_MAIN, "CreateContainerConfigError", _NO_KEY))),
        "pod_secret_missing", _NO_KEY, _NOT_STARTING,
    ),
    Row(
        "as-root", pod(status=_pending(waiting(_MAIN, "CreateContainerConfigError", _AS_ROOT))),
        "container_cannot_be_created", _AS_ROOT, _NOT_STARTING, node=NODE,
    ),
    Row(
        "sandbox", pod(status=_CREATING, words=[Word("FailedCreatePodSandBox", _NO_NETWORK)]),
        "container_cannot_be_created", _NO_NETWORK, _NOT_STARTING, node=NODE,
    ),
    Row(
        "init-stuck", pod(status=_initializing(running(_INIT)), spec=_WITH_INIT),
        "init_container_stuck", "init container clone is running", _NOT_STARTING,
    ),
    Row(
        "init-crash",
        pod(status=_initializing(looping(_INIT, 1, "Error")), spec=_WITH_INIT | _ON_FAILURE, retries=6),
        "init_container_failed", "CrashLoopBackOff; last: Error, exit code 1", _NOT_STARTING,
    ),
)  # fmt: skip
_STARTED = (
    Row(
        "oom-loop", pod(status=_running(looping(_MAIN, 137, "OOMKilled")), spec=_ON_FAILURE, retries=6, limit=_LIMIT),
        "oom_killed", "CrashLoopBackOff; last: OOMKilled, exit code 137", _HANGING,
    ),
    Row(
        "crash-loop", pod(status=_running(looping(_MAIN, 1, "Error")), spec=_ON_FAILURE, retries=6, limit=_LIMIT),
        "crash_loop", "CrashLoopBackOff; last: Error, exit code 1", _HANGING,
    ),
    Row(
        "node-lost", pod(status=_LOST, words=[_NOT_READY], limit=_LIMIT),
        "node_lost", "node by-hand: NodeNotReady", _HANGING,
    ),
    Row(
        "sidecar", pod(status=_running(ended(_MAIN, 0, "Completed"), running(_SIDE)), spec=_WITH_SIDE),
        "main_container_exited", "with exit code 0 (Completed); still running: sidecar-1", _NOT_EXITED,
    ),
    Row("evicted", pod(status=_EVICTED), "evicted", _NO_MEMORY, _NOT_UPDATED, _OVER, node=NODE),
    Row("preempted", pod(status=_PREEMPTED), "preempted", "PreemptionByScheduler", _NOT_UPDATED, _OVER),
    Row("crashed", pod(status=_failed(1, "Error")), "container_failed", "with exit code 1", _NOT_UPDATED, _OVER),
    Row("oom", pod(status=_failed(137, "OOMKilled")), "oom_killed", "(OOMKilled)", _NOT_UPDATED, _OVER),
)  # fmt: skip
PODS = (*_STARTING, *_STARTED)
"""Each is a word of the scheduler, the kubelet or a controller of nodes."""
