"""Jobs and Pods that a queue holds back: what Kueue says about their Workload. Only a dump has it.

https://kueue.sigs.k8s.io/docs/concepts/workload/
"""

from collections.abc import Iterator
from typing import Final

from exporter.cache import Event, Job, ObjectCache, Pod
from exporter.diagnosis.events import words
from exporter.diagnosis.finding import Finding, found, of_job, of_pod

__all__ = ["STOPPED", "WORKLOAD", "events_of_workload", "gated_finding", "suspended_finding", "workload_key"]

WORKLOAD: Final = "Workload"
STOPPED: Final = "Stopped"
"""The reason with which Kueue says why it has suspended a Job."""
_KUEUE: Final = "kueue.x-k8s.io/"
_COMMAND: Final = "kubectl -n $namespace get workloads.kueue.x-k8s.io"


def workload_key(uid: str) -> str:
    """Replaces the UID in Events about the Workload of the Job or Pod with this UID."""
    return f"{uid}/workload"


def events_of_workload(uid: str, cache: ObjectCache) -> Iterator[Event]:
    """The Events about the Workload of a Job or Pod, the newest first."""
    yield from cache.events_about(workload_key(uid))


def suspended_finding(job: Job, cache: ObjectCache) -> Finding:
    """A Job or worker Pod that is suspended, or has a scheduling gate."""
    queue = f" by queue {job.queue}" if job.queue else ""
    gates = f": scheduling gate {job.pod.gates}" if job.pod is not None and job.pod.gates else ""
    said = _said(cache, job.uid)
    text = f"{job.worker} {job.name} is suspended{queue}{gates}{said}"
    command = _COMMAND if said or job.queue else ""
    return found("suspended", text, about=of_job(job), since=job.created, command=command)


def gated_finding(pod: Pod, cache: ObjectCache) -> Finding:
    """A Pod that the scheduler does not see yet."""
    said = _said(cache, pod.uid, pod.owner)
    gate = f"the scheduling gate {pod.gates}" if pod.gates else "a scheduling gate"
    command = _COMMAND if said or _KUEUE in pod.gates else ""
    return found("suspended", f"the pod has {gate}{said}", about=of_pod(pod), since=pod.created, command=command)


def _said(cache: ObjectCache, *uids: str) -> str:
    events = [event for uid in uids for event in events_of_workload(uid, cache)]
    events += [event for uid in uids for event in cache.events_about(uid) if event.reason == STOPPED]
    newest = max(events, key=lambda event: event.last or 0.0, default=None)
    return "" if newest is None else f": {words(newest)}"
