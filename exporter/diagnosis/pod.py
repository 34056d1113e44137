"""Why a Pod does not start, does not run, or does not end."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from exporter.cache import RUNNING, ObjectCache, Pod
from exporter.diagnosis.causes import CAUSES, rank
from exporter.diagnosis.container import failed_containers, restarting_containers, waiting_containers
from exporter.diagnosis.deletion import MAX_END_SECONDS, is_kept, kept_pod
from exporter.diagnosis.events import holding, latest, words
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.lasting import START_GRACE
from exporter.diagnosis.mounts import mount_findings, volume_cause
from exporter.diagnosis.named_objects import named_object_finding
from exporter.diagnosis.pods import SCHEDULING, not_starting
from exporter.diagnosis.progress import owner_change, progress_grace
from exporter.diagnosis.queues import gated_finding
from exporter.diagnosis.scaling import coming_node, node_grace, scaling_words
from exporter.diagnosis.stages import recent
from exporter.diagnosis.volumes import with_claim

__all__ = ["few_findings", "pod_findings", "pods_findings"]

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
_DEFAULT_SCHEDULER = "default-scheduler"
_TAINTED = frozenset({"DeletionByTaintManager", "DeletionByPodGC"})


def pods_findings(pods: Iterable[Pod], cache: ObjectCache) -> Iterator[Finding]:
    """The findings of the Pods of one worker."""
    yield from few_findings(pods, lambda pod: pod_findings(pod, cache))


def few_findings(pods: Iterable[Pod], find: Callable[[Pod], Iterable[Finding]]) -> Iterator[Finding]:
    """What `find` returns for the Pods: at most 3 for each cause, and 10 in total. There may be thousands of Pods.

    The last one of a cause has the number of the other Pods with this cause.
    """
    kept: dict[str, dict[str, Finding]] = {}
    hidden: Counter[str] = Counter()
    for pod in pods:
        of_cause: dict[str, bool] = {}  # whether this Pod is in a finding
        for one in find(pod):
            same = kept.setdefault(one.cause, {})
            is_shown = one.evidence not in same and len(same) < _MAX_PER_CAUSE
            if is_shown:
                same[one.evidence] = one
            of_cause[one.cause] = of_cause.get(one.cause, False) or is_shown
        hidden.update(cause for cause, is_shown in of_cause.items() if not is_shown)
    for cause, same in kept.items():
        last = next(reversed(same))
        same[last] = msgspec.structs.replace(same[last], more=hidden[cause])
    shown = sorted((one for same in kept.values() for one in same.values()), key=lambda one: rank(one.cause))
    yield from shown[:_MAX_FINDINGS]


def pod_findings(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of a Pod; empty for a healthy one."""
    if pod.deleted is not None:
        yield from _terminating(pod, cache)
    elif pod.phase == "Failed":
        yield from _failed(pod, cache)
    elif pod.phase == "Unknown":
        yield _node_lost(pod, "phase Unknown")
    elif pod.phase in RUNNING:
        if (lost := _lost(pod, cache)) is not None:
            yield lost
        yield from restarting_containers(pod, cache)
    elif not pod.is_over:
        yield from (_begun(one, pod) for one in _pending(pod, cache))


def _pending(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    if pod.gated:
        yield gated_finding(pod, cache)
        return
    grace = 0.0
    if (missing := named_object_finding(pod, cache)) is not None:
        yield missing
    elif pod.unscheduled and not pod.node:
        cause = volume_cause(pod.unscheduled) or "unschedulable"
        others = [*_said_by_others(pod, cache), *scaling_words(pod, cache)]
        text = "; ".join((pod.unscheduled.removesuffix("."), *others)) if others else pod.unscheduled
        since = pod.unscheduled_since or pod.created
        grace = node_grace(pod, cache, since) if cause == "unschedulable" else 0.0
        coming = coming_node(pod, cache) if cause == "unschedulable" else None
        command, fix = coming or ("", "")
        finding = found(cause, text, about=of_pod(pod), since=since, grace=grace, command=command)
        finding = msgspec.structs.replace(finding, fix=fix)
        yield with_claim(finding, pod, cache) if cause == "volume_waiting" else finding
    elif pod.scheduler and (absent := _scheduler_absent(pod, cache)) is not None:
        yield absent
    else:
        known = [*waiting_containers(pod, cache)]
        if all(one.cause in _VAGUE for one in known):
            yield from mount_findings(pod, cache)
        yield from known
    if words := not_starting(pod, cache.events_about(pod.uid)):
        grace = max(grace, progress_grace(pod, owner_change(pod, cache)))
        yield found("pod_not_starting", words, about=of_pod(pod), since=pod.created, grace=grace)


def _scheduler_absent(pod: Pod, cache: ObjectCache) -> Finding | None:
    """The finding that no scheduler has processed the Pod; None if the kubelet or an Event shows that one has."""
    if pod.node or pod.started is not None or not_starting(pod, cache.events_about(pod.uid)):
        return None
    text = f"no scheduler has processed the pod: spec.schedulerName is {pod.scheduler}, PodScheduled is not set"
    command = "" if pod.scheduler == _DEFAULT_SCHEDULER else "kubectl get pods --all-namespaces"
    return found("scheduler_absent", text, about=of_pod(pod), since=pod.created, command=command)


def _begun(one: Finding, pod: Pod) -> Finding:
    """The grace period of a start that fails begins with the Pod: a failure may be new, and the Pod old."""
    return msgspec.structs.replace(one, begun=pod.created) if CAUSES[one.cause].grace == START_GRACE else one


def _said_by_others(pod: Pod, cache: ObjectCache) -> list[str]:
    """The newest warning of another component than the scheduler: it may say why the scheduler waits.

    Such as the controllers that create the resource claims and the claims of ephemeral volumes.
    """
    events = recent(holding(pod, cache.events_about(pod.uid)))
    return [words(event) for event in events if event.reason != SCHEDULING][:1]


def _failed(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    if lost := _LOST & {pod.reason, pod.disruption}:
        yield _node_lost(pod, pod.message or min(lost))
        return
    causes = {one: _cause_of(one) for one in (pod.reason, pod.disruption) if _cause_of(one)}
    if pod.reason and not causes and not any(one.state == "terminated" for one in pod.containers):
        causes[pod.reason] = "node_rejected"  # nothing has run: the kubelet has not admitted it
    containers = [*failed_containers(pod, cache, killed=bool(causes))]
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
