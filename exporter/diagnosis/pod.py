"""Why a Pod does not start, does not run, or does not end."""

from collections import Counter
from collections.abc import Iterable, Iterator

from exporter.cache import RUNNING, ObjectCache, Pod
from exporter.diagnosis.causes import rank
from exporter.diagnosis.container import failed_containers, restarting_containers, waiting_containers
from exporter.diagnosis.deletion import MAX_END_SECONDS, is_kept, kept_pod
from exporter.diagnosis.events import latest, words
from exporter.diagnosis.finding import Finding, distinct, found, of_pod
from exporter.diagnosis.mounts import mount_findings, volume_cause
from exporter.diagnosis.pods import not_starting
from exporter.diagnosis.queues import gated_finding

__all__ = ["pod_findings", "pods_findings"]

_MAX_FINDINGS = 10  # maximum number of findings of a worker
_MAX_PER_CAUSE = 3  # maximum number of findings with the same cause

_LOST = frozenset({"NodeLost", "NodeNotReady", "DeletionByPodGC"})
_REASONS = {
    "Evicted": "evicted",
    "Preempting": "preempted",
    "PreemptionByScheduler": "preempted",
    "DeadlineExceeded": "deadline_exceeded",
    "UnexpectedAdmissionError": "node_rejected",
    "Terminated": "evicted",
    "NodeShutdown": "evicted",
    "Shutdown": "evicted",
    "NodeAffinity": "node_rejected",
    "TerminationByKubelet": "evicted",
    "EvictionByEvictionAPI": "evicted",
    "DeletionByTaintManager": "evicted",
}
"""status.reason of failed Pods, and reasons of the condition DisruptionTarget."""
_VAGUE = frozenset({"init_container_stuck", "container_cannot_be_created"})
"""Causes that may be the effect of a volume or a missing object."""
_TAINTED = frozenset({"DeletionByTaintManager", "DeletionByPodGC"})


def pods_findings(pods: Iterable[Pod], cache: ObjectCache) -> Iterator[Finding]:
    """The findings of the Pods of one worker: at most 3 for each cause, and 10 in total. There may be thousands."""
    counts: Counter[str] = Counter()
    kept = []
    for one in distinct(finding for pod in pods for finding in pod_findings(pod, cache)):
        counts[one.cause] += 1
        if counts[one.cause] <= _MAX_PER_CAUSE:
            kept.append(one)
    yield from sorted(kept, key=lambda one: rank(one.cause))[:_MAX_FINDINGS]


def pod_findings(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of a Pod; empty for a healthy one."""
    if pod.deleted is not None:
        yield from _terminating(pod, cache)
    elif pod.phase == "Failed":
        yield from _failed(pod)
    elif pod.phase == "Unknown":
        yield _node_lost(pod, "phase Unknown")
    elif pod.phase in RUNNING:
        if (lost := _lost(pod, cache)) is not None:
            yield lost
        yield from restarting_containers(pod)
    elif not pod.is_over:
        yield from _pending(pod, cache)


def _pending(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    if pod.gated:
        yield gated_finding(pod, cache)
        return
    if pod.unscheduled and not pod.node:
        cause = volume_cause(pod.unscheduled) or "unschedulable"
        yield found(cause, pod.unscheduled, about=of_pod(pod), since=pod.unscheduled_since or pod.created)
    else:
        known = [*waiting_containers(pod, cache)]
        if all(one.cause in _VAGUE for one in known):
            yield from mount_findings(pod, cache)
        yield from known
    if words := not_starting(pod, cache.events_about(pod.uid)):
        yield found("pod_not_starting", words, about=of_pod(pod), since=pod.created)


def _failed(pod: Pod) -> Iterator[Finding]:
    if lost := _LOST & {pod.reason, pod.disruption}:
        yield _node_lost(pod, pod.message or min(lost))
        return
    causes = {one: _cause_of(one) for one in (pod.reason, pod.disruption) if _cause_of(one)}
    containers = [*failed_containers(pod, killed=bool(causes))]
    if causes and not any(one.cause == "oom_killed" for one in containers):
        reason, cause = next(iter(causes.items()))
        text = f"{reason}: {pod.message}" if pod.message else reason
        yield found(cause, text, about=of_pod(pod), since=pod.finished or pod.created)
    yield from containers


def _cause_of(reason: str) -> str:
    """The cause for a reason. The kubelet rejects a Pod that does not fit its node with reasons such as OutOfcpu."""
    return "node_rejected" if reason.startswith("OutOf") else _REASONS.get(reason, "")


def _terminating(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of a terminating Pod. The kubelet deletes a Pod when all its containers have ended."""
    if (lost := _lost(pod, cache)) is not None:
        yield lost
        return
    late = pod.deleted is not None and cache.now - pod.deleted >= MAX_END_SECONDS
    if is_kept(pod, cache.now):
        yield kept_pod(pod)
    elif late and pod.disruption in _TAINTED:
        yield _node_lost(pod, f"{pod.disruption}, and its containers have not ended")


def _lost(pod: Pod, cache: ObjectCache) -> Finding | None:
    """The finding that the node is lost: reported by the node controller, and no change of the Pod since then.

    The node controller sets the condition Ready to False. If the node is available again, the kubelet changes it.
    """
    if pod.reason in _LOST:
        return _node_lost(pod, pod.message or pod.reason)
    event = next(latest(cache, pod.uid, "NodeNotReady"), None)
    if event is None or pod.ready:
        return None
    changes = (pod.ready_since, *(one.since for one in pod.containers))
    if any((at or 0.0) > (event.last or 0.0) for at in changes):
        return None
    return _node_lost(pod, words(event), event.first)


def _node_lost(pod: Pod, evidence: str, since: float | None = None) -> Finding:
    node = f"node {pod.node}: " if pod.node else ""
    return found("node_lost", node + evidence, about=of_pod(pod), since=since or pod.deleted or pod.finished)
