"""Why a Pod does not start, and whether its main container has ended: from its record and the Events about it."""

from collections.abc import Sequence
from typing import Final

from exporter.cache import Container, Event, Job, ObjectCache, Pod
from exporter.diagnosis.events import holding, telling, words

__all__ = ["SCHEDULING", "current_pods", "ended_main", "not_starting", "waiting_reason"]

_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})  # normal reasons of a Pod that is starting
SCHEDULING: Final = "FailedScheduling"


def current_pods(job: Job, cache: ObjectCache) -> Sequence[Pod]:
    """The Pods of a worker that have not ended; if all have, the newest one. Earlier attempts explain nothing."""
    pods = cache.pods_of(job)
    return [pod for pod in pods if not pod.is_over] or pods[-1:]


def waiting_reason(container: Container) -> str:
    """The reason for which a container is waiting; empty if it is not, or if it is just starting."""
    return container.reason if container.state == "waiting" and container.reason not in _STARTING else ""


def not_starting(pod: Pod, events: Sequence[Event]) -> str:
    """Why a pending Pod does not start: from a container, the scheduler or an Event; empty if unknown."""
    if pod.state != "pending" or pod.gated:
        return ""
    newest = _newest_words(pod, events)
    for container in pod.containers:
        if reason := waiting_reason(container):
            return f"container {container.name}: " + ": ".join(filter(None, (reason, container.message or newest)))
    return pod.unscheduled or newest


def _newest_words(pod: Pod, events: Sequence[Event]) -> str:
    """Reason and note of the newest Event. Events of the scheduler are ignored once the Pod has a node."""
    told = telling(one for one in holding(pod, events) if one.note and not (one.reason == SCHEDULING and pod.node))
    return words(told[0]) if told else ""


def ended_main(pod: Pod) -> Container | None:
    """The main container of a running Pod, if it has ended. Of several, the last one, once all have."""
    mains = []
    for one in pod.containers:
        if one.role == "main":
            if one.state != "terminated":
                return None
            mains.append(one)
    return max(mains, key=lambda one: one.since or 0.0, default=None) if pod.state == "running" else None
