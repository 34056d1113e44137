"""Jobs and Pods that a queue holds back: what Kueue says about their Workload. Only a dump has it.

https://kueue.sigs.k8s.io/docs/concepts/workload/
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from exporter.cache import Event, Job, ObjectCache, Pod
from exporter.diagnosis.events import words
from exporter.diagnosis.finding import Finding, Subject, found, of_job, of_pod

__all__ = [
    "DEACTIVATED",
    "STOPPED",
    "WORKLOAD",
    "events_of_workload",
    "gated_finding",
    "state_key",
    "suspended_finding",
    "workload_key",
]

WORKLOAD: Final = "Workload"
STOPPED: Final = "Stopped"
"""The reason with which Kueue says why it has suspended a Job."""
DEACTIVATED: Final = "Deactivated"
"""The reason of an Event that is made from a Workload whose `spec.active` is false."""
_IS_DEACTIVATED: Final = re.compile(r"Deactivated|InactiveWorkload")
"""In the reasons of Kueue: `EvictedDueToDeactivated`, `DeactivatedDueToRequeuingLimitExceeded`."""
_KUEUE: Final = "kueue.x-k8s.io/"
_COMMAND: Final = "kubectl -n $namespace get workloads.kueue.x-k8s.io"
_DESCRIBE: Final = "kubectl -n $namespace describe workloads.kueue.x-k8s.io "


_MISCONFIGURED: Final = frozenset({"Inadmissible", "Misconfigured", "Suspended"})
_NEVER_FITS: Final = frozenset({"ExceedsMaxQuota", "NoMatchingFlavor"})
"""Reasons of the condition QuotaReserved: apis/kueue/v1beta2/workload_types.go. Older versions have fewer."""
_CANNOT: Final = re.compile(
    r"(LocalQueue|ClusterQueue) .{0,253}(doesn't exist|not found|terminating or missing)"
    r"|doesn't match ClusterQueue|resources validation failed|didn't satisfy LimitRange"
)
_TOO_LARGE: Final = re.compile(
    r"> maximum capacity|insufficient quota for \S+ in flavor \S+ in ClusterQueue|unavailable in ClusterQueue"
    r"|flavor \S+ (not found|doesn't match node affinity)|untolerated taint .{0,400} in flavor"
)
"""Why a flavor never fits: pkg/scheduler/flavorassigner. A Workload may fit into another one."""
_WAITS: Final = re.compile(r"insufficient unused quota|topology|preempt", re.IGNORECASE)
_STOPPED_QUEUE: Final = re.compile(r"(LocalQueue|ClusterQueue) .{0,253}is (inactive|stopped)")
_STOPPED_SECONDS: Final = 600.0
"""A queue that someone has stopped may be started again soon."""
_EARLY_SECONDS: Final = 60.0
"""A queue may be created shortly after its first Job."""


def workload_key(uid: str) -> str:
    """Replaces the UID in Events about the Workload of the Job or Pod with this UID."""
    return f"{uid}/workload"


def state_key(uid: str) -> str:
    """Replaces the UID in the Event that is made from the Workload itself: its present state."""
    return f"{uid}/workload-state"


def events_of_workload(uid: str, cache: ObjectCache) -> Iterator[Event]:
    """The Workload of a Job or Pod, then the Events about it, the newest first."""
    yield from cache.events_about(state_key(uid))
    yield from cache.events_about(workload_key(uid))


def suspended_finding(job: Job, cache: ObjectCache) -> Finding:
    """A Job or worker Pod that is suspended, or has a scheduling gate."""
    queue = f" by queue {job.queue}" if job.queue else ""
    gates = f": scheduling gate {job.pod.gates}" if job.pod is not None and job.pod.gates else ""
    text = f"{job.worker} {job.name} is suspended{queue}{gates}"
    return _held(text, _said(cache, job.uid), about=of_job(job), since=job.created, is_queued=bool(job.queue))


def gated_finding(pod: Pod, cache: ObjectCache) -> Finding:
    """A Pod that the scheduler does not see yet."""
    text = f"the pod has {f'the scheduling gate {pod.gates}' if pod.gates else 'a scheduling gate'}"
    said, is_queued = _said(cache, pod.uid, pod.owner), _KUEUE in pod.gates
    return _held(text, said, about=of_pod(pod), since=pod.created, is_queued=is_queued)


def _held(text: str, said: Event | None, *, about: Subject, since: float | None, is_queued: bool) -> Finding:
    """No fault, unless Kueue has deactivated the Workload: then it never starts by itself."""
    if said is None:
        return found("suspended", text, about=about, since=since, command=_COMMAND if is_queued else "")
    is_named = said.about_kind == WORKLOAD and said.about_name
    command = _DESCRIBE + shlex.quote(said.about_name).replace("$", "$$") if is_named else _COMMAND
    seconds = _inadmissible_after(said)
    cause = "suspended" if seconds is None else "workload_inadmissible"
    if _IS_DEACTIVATED.search(said.reason):
        cause = "workload_deactivated"
    if cause != "suspended":
        since = said.last or since
    grace = seconds or 0.0 if cause == "workload_inadmissible" else 0.0
    return found(cause, f"{text}: {words(said)}", about=about, since=since, command=command, grace=grace)


def _inadmissible_after(said: Event) -> float | None:
    """Seconds after which a Workload that Kueue cannot admit is a fault; None if it only waits for its turn."""
    if _STOPPED_QUEUE.search(said.note):
        return _STOPPED_SECONDS
    if _CANNOT.search(said.note) or said.reason in _NEVER_FITS:
        return _EARLY_SECONDS
    if _TOO_LARGE.search(said.note) and not _WAITS.search(said.note):
        return _EARLY_SECONDS
    return _STOPPED_SECONDS if said.reason in _MISCONFIGURED else None


def _said(cache: ObjectCache, *uids: str) -> Event | None:
    """What Kueue says: the Workload itself, else the newest Event about it or about its Job."""
    state = next((event for uid in uids for event in cache.events_about(state_key(uid))), None)
    if state is not None:
        return state
    events = [event for uid in uids for event in events_of_workload(uid, cache)]
    stopped = [event for uid in uids for event in cache.events_about(uid) if event.reason == STOPPED]
    # Kueue stops the Job at the same time as it evicts the Workload, and the reason of that Event says more.
    return max([*events, *stopped], key=lambda event: event.last or 0.0, default=None)
