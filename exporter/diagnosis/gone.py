"""Why a pod of a worker (the Job or Pod of a run) was ended, from Events about objects that no longer exist.

Only a dump has these Events. In a running exporter, the record of the pod is kept with the run.
"""

from collections.abc import Iterator
from typing import Final

from exporter.cache import Event, Job, ObjectCache, Run
from exporter.diagnosis.events import telling, words
from exporter.diagnosis.finding import Finding, found, of_job, of_run
from exporter.diagnosis.kills import kill_cause

__all__ = ["CREATED_POD", "TELLING", "events_of_gone", "gone_findings", "gone_key", "last_failure"]

CREATED_POD: Final = "SuccessfulCreate"
"""The reason with which the Job controller reports a pod that it has created."""
_CAUSES: Final = {
    "Preempted": "preempted",
    "Preempting": "preempted",
    "Evicted": "evicted",
    "EvictedByVPA": "evicted",
    "Descheduled": "evicted",
    "ScaleDown": "evicted",
    "TaintManagerEviction": "evicted",
    "NodeNotReady": "node_lost",
}
"""Reasons of the scheduler, the kubelet, the taint manager, the cluster autoscaler, VPA and the descheduler."""
TELLING: Final = frozenset({*_CAUSES, "Killing"})
"""Reasons of Events of type `Normal` about pods."""
_CANCELLED: Final = "Cancelling"
"""The beginning of the note with which the taint manager reports that it does not evict the pod."""


_EVENTS: Final = "kubectl -n $namespace get events --sort-by=.lastTimestamp"


def gone_key(uid: str) -> str:
    """The `about` of Events about objects that no longer exist and belonged to the run or Job with this UID."""
    return f"{uid}/gone"


def events_of_gone(uid: str, cache: ObjectCache, kind: str = "") -> Iterator[Event]:
    """The Events about objects of the run or Job, the newest first. `kind`: only about objects of this kind."""
    return (event for event in cache.events_about(gone_key(uid)) if kind in {"", event.about_kind})


def gone_findings(item: Run | Job, cache: ObjectCache) -> Iterator[Finding]:
    """Why the newest pod of a failed worker was ended, unless its worker had another one after it."""
    for event in events_of_gone(item.uid, cache, "Pod"):
        cause = _CAUSES.get(event.reason) or kill_cause(event)
        if not cause or event.note.startswith(_CANCELLED):
            continue
        if not _had_another(item, event, cache) and not _is_later(event, item.finished):
            about = of_job(item) if isinstance(item, Job) else of_run(item)
            text = f"pod {event.about_name}: {words(event)}"
            yield found(cause, text, about=about, since=event.last, command="" if cause != "node_lost" else _EVENTS)
        return


def last_failure(job: Job, cache: ObjectCache) -> str:
    """What the newest pod of a Job failed to do, if that pod no longer exists; empty if no Event says so."""
    every = [event for event in events_of_gone(job.uid, cache, "Pod") if event.reason.startswith("Failed")]
    newest = [event for event in every if event.about_name == every[0].about_name]
    return "".join(f"pod {event.about_name}: {words(event)}" for event in telling(newest)[:1])


def _had_another(item: Run | Job, event: Event, cache: ObjectCache) -> bool:
    """Whether the Job controller created another pod after this Event."""
    every = (*cache.events_about(item.uid), *events_of_gone(item.uid, cache))
    created = (one for one in every if one.reason == CREATED_POD and one.last is not None)
    return any((one.last or 0.0) > (event.last or 0.0) for one in created)


def _is_later(event: Event, end: float | None) -> bool:
    return end is not None and event.last is not None and event.last > end
