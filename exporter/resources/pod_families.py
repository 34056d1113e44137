"""Metric families of Jobs and worker Pods that are computed from the records of Pods."""

import itertools
from collections.abc import Iterator

from exporter.cache import Job, ObjectCache, Pod
from exporter.diagnosis import main_ended
from exporter.exposition.family import Family, Row

__all__ = ["POD_FAMILIES"]

_STATES = ("running", "pending", "terminating")
_MAX_WAITING = 10

# The kubelet's reasons: pkg/kubelet/container/sync_result.go, pkg/kubelet/images/types.go and
# pkg/kubelet/kubelet_pods.go of kubernetes/kubernetes. Container runtimes may add others.
_REASONS = frozenset(
    {
        *("ContainerCreating", "PodInitializing", "CrashLoopBackOff", "RunContainerError", "CreateContainerError"),
        *("CreateContainerConfigError", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"),
        *("ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed", "PreCreateHookError"),
        *("PreStartHookError", "PostStartHookError", "StartError", "KillContainerError", "VerifyNonRootError"),
        *("RunInitContainerError", "CreatePodSandboxError", "ConfigPodSandboxError", "KillPodSandboxError"),
        *("SetupNetworkError", "TeardownNetworkError", "RestartingAllContainers"),
    }
)
# The scheduler's reasons: https://pkg.go.dev/k8s.io/api/core/v1#pkg-constants
_UNSCHEDULED = frozenset({"Unschedulable", "SchedulingGated", "SchedulerError"})


def job_pods(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The number of Pods of an unfinished Job by phase. If no unfinished Pod is known, from the status of the Job.

    A Pod that was just created may not be known yet, and Pods that have succeeded are not listed. `status.active`
    includes Pods that are not ready.
    """
    if job.result:
        return
    if states := [pod.state for pod in cache.pods_of(job) if not pod.is_over]:
        for state in _STATES:
            yield (state,), states.count(state)
        return
    if job.ready is not None:
        yield ("running",), job.ready
        yield ("pending",), max(0, job.active - job.ready)
    yield ("terminating",), job.terminating


def waiting(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The waiting containers of the Pods, at most 10. A Pod that is not scheduled has one row without a container."""
    pods = () if job.result else cache.pods_of(job)
    yield from itertools.islice((row for pod in pods if not pod.is_over for row in _waiting(pod)), _MAX_WAITING)


def _waiting(pod: Pod) -> Iterator[Row]:
    if pod.unscheduled and not pod.node:
        yield (pod.name, "", _closed(pod.unscheduled.partition(":")[0], _UNSCHEDULED)), 1
    for container in pod.containers:
        if container.state == "waiting":
            yield (pod.name, container.name, _closed(container.reason, _REASONS)), 1


def _closed(reason: str, known: frozenset[str]) -> str:
    return reason if not reason or reason in known else "other"


def main_finished(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The time at which the main container ended, while its Pod is running."""
    if (ended := main_ended(job, cache)) is not None and (since := ended[1].since) is not None:
        yield (ended[1].name,), since


POD_FAMILIES: tuple[Family[Job, ObjectCache], ...] = (
    Family(
        name="job_pods",
        help="Number of pods of an unfinished Job: running, pending or terminating.",
        label_names=("state",),
        rows=job_pods,
        uses=("job_pods",),
    ),
    Family(
        name="agent_pod_waiting",
        help="1 for each waiting container of the pods of an unfinished Job; without container: an unscheduled pod.",
        label_names=("pod", "container", "reason"),
        rows=waiting,
        needs=("job_pods",),
    ),
    Family(
        name="agent_main_container_finished_timestamp_seconds",
        help="Time at which the main container of a running pod terminated, in seconds since the epoch.",
        label_names=("container",),
        rows=main_finished,
        needs=("coderuns", "job_pods"),
    ),
)
