"""Pods that are themselves workers of runs: wire type, lists and watches. Their records have the type `Job`.

Only Pods of kinds whose profile has a Pod worker are listed. Commands and environment of containers are not decoded.
"""

import datetime as dt
import functools
import sys
from collections.abc import Iterator, Sequence

import msgspec

from exporter.cache import JOBS, Job, named_key
from exporter.resources import jobs
from exporter.resources.kinds import RunKind, controller_of, pods_partition_prefix
from exporter.resources.objects import (
    QUEUE_LABEL,
    Condition,
    Meta,
    annotated_seconds,
    intern_label,
    object_name,
    truncate,
    unix_seconds,
)
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import Wanted

__all__ = ["RESOURCE", "WirePod", "pod_from_object"]

_RESULTS = {"Succeeded": "succeeded", "Failed": "failed"}
_RUNNING = frozenset({"Running", "Unknown"})  # Unknown: its node is not reachable
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})  # reasons of every Pod that starts

# status.reason of failed Pods, as set by the kubelet and by controllers:
# https://pkg.go.dev/k8s.io/api/core/v1#PodStatus and pkg/kubelet of kubernetes/kubernetes
_REASONS = frozenset(
    {"DeadlineExceeded", "Evicted", "NodeLost", "Preempting", "Terminated", "UnexpectedAdmissionError"}
)
_OUT_OF_MEMORY = "OOMKilled"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class NamedItem(msgspec.Struct):
    """A container or a scheduling gate; only its name is decoded."""

    name: str | None = None


class Spec(msgspec.Struct, rename="camel"):
    """`spec`, without commands and environment of containers."""

    active_deadline_seconds: float | None = None
    containers: list[NamedItem] | None = None
    scheduling_gates: list[NamedItem] | None = None


class Waiting(msgspec.Struct):
    """`state.waiting`: a container that is not running yet."""

    reason: str | None = None


class Terminated(msgspec.Struct, rename="camel"):
    """`state.terminated`: a container that has terminated."""

    reason: str | None = None
    finished_at: dt.datetime | None = None


class State(msgspec.Struct):
    """The state of a container; running if both fields are absent."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct):
    """An item of `status.containerStatuses`."""

    name: str | None = None
    state: State | None = None


class Status(msgspec.Struct, rename="camel"):
    """`status`, set by the kubelet and the scheduler."""

    phase: str | None = None
    reason: str | None = None
    start_time: dt.datetime | None = None
    conditions: list[Condition] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    container_statuses: list[ContainerStatus] | None = None


class WirePod(msgspec.Struct):
    """A Pod on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Spec | None = None
    status: Status | None = None


def pod_from_object(pod: WirePod, *, kinds: Sequence[RunKind]) -> Job | None:
    """The record of a worker Pod; None if none of these kinds controls it or references Pods by name."""
    meta, spec, status = pod.metadata, pod.spec or Spec(), pod.status or Status()
    owner, kind = controller_of(meta.owner_references or (), [kind for kind in kinds if kind.owns_pods])
    read = kind or next((kind for kind in kinds if kind.names_pods), None)
    if read is None:
        return None
    labels = meta.labels or {}
    agent, service, task_id, cli, attempt = read.pod_reader.about(labels, meta.annotations or {})
    namespace, name = intern_label(meta.namespace), object_name(meta.name)
    created, deleted = unix_seconds(meta.creation_timestamp), unix_seconds(meta.deletion_timestamp)
    result = _RESULTS.get(status.phase or "", "")
    is_running = status.phase in _RUNNING
    is_active = not result and deleted is None
    return Job(
        uid=meta.uid or f"{meta.namespace or ''}/{meta.name or ''}",
        namespace=namespace,
        name=name,
        owner=truncate(owner.uid) if kind else named_key(namespace, name),
        owner_name=kind.exposed_name(object_name(owner.name)) if kind else "",
        owner_resource=kind.resource if kind and not kind.profile.only else "",
        kind=kind.kind if kind else "",
        is_pod=True,
        is_named=kind is None,
        created=created,
        started=unix_seconds(status.start_time) or created,
        active=int(is_active),
        ready=int(is_active and is_running),
        terminating=int(not result and deleted is not None),
        finished=_finished(status) or deleted or unix_seconds(status.start_time) or created if result else None,
        result=result,
        reason=_reason(status) if result == "failed" else "",
        suspended=is_active and bool(spec.scheduling_gates),
        queue=intern_label(labels.get(QUEUE_LABEL)),
        deleted=deleted,
        version=jobs.attempt_of(attempt),
        agent=intern_label(agent.lower()),
        service=intern_label(service),
        task_id=intern_label(task_id),
        cli=intern_label(cli.lower()),
        deadline=spec.active_deadline_seconds,
        max_runtime=annotated_seconds(meta, jobs.MAX_RUNTIME_ANNOTATION),
        waiting=_waiting(status) if is_active and not is_running else "",
        main_ended=_main_ended(pod, read) if is_running else "",
    )


def _terminated(status: Status) -> Iterator[tuple[str, Terminated]]:
    """The terminated containers, with their names, without init containers."""
    for item in status.container_statuses or ():
        if item.state is not None and item.state.terminated is not None:
            yield item.name or "", item.state.terminated


def _finished(status: Status) -> float | None:
    """End of its last container. Without one, as after an eviction, the last transition of a condition."""
    ends = [unix_seconds(end.finished_at) for _, end in _terminated(status)]
    changes = [unix_seconds(condition.last_transition_time) for condition in status.conditions or ()]
    return max((end for end in ends if end), default=None) or max((at for at in changes if at), default=None)


def _reason(status: Status) -> str:
    """The reason, from a closed set, because it becomes a label of counters."""
    if status.reason:
        return status.reason if status.reason in _REASONS else "other"
    return _OUT_OF_MEMORY if any(end.reason == _OUT_OF_MEMORY for _, end in _terminated(status)) else ""


def _waiting(status: Status) -> str:
    """Why a Pod does not start: the reason of the first waiting container, else of the scheduler."""
    for item in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        reason = item.state.waiting.reason if item.state is not None and item.state.waiting is not None else None
        if reason and reason not in _STARTING:
            return sys.intern(f"container {intern_label(item.name)}: {intern_label(reason)}")
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return intern_label(condition.reason)
    return ""


def _main_ended(pod: WirePod, kind: RunKind) -> str:
    """The main container, if it has terminated. Of several, the one that terminated last, if all have."""
    statuses = (pod.status or Status()).container_statuses or ()
    form, default = kind.main_containers, _default_container(pod)
    mains = [item for item in statuses if (form.fullmatch(item.name or "") if form else item.name == default)]
    ended = dict(_terminated(Status(container_statuses=mains)))
    if not mains or len(ended) < len(mains):
        return ""
    return intern_label(max(ended, key=lambda name: unix_seconds(ended[name].finished_at) or 0.0))


def _default_container(pod: WirePod) -> str | None:
    """The default of `kubectl logs`: from the annotation, else the first container in the spec."""
    containers = pod.spec.containers if pod.spec is not None else None
    first = containers[0].name if containers else None
    return (pod.metadata.annotations or {}).get(_DEFAULT_CONTAINER) or first


def lists(wanted: Wanted) -> list[ListWatch]:
    """One for each label selector and namespace; none if no kind has Pod workers."""
    selectors = dict.fromkeys(kind.pods for kind in wanted.kinds if kind.pods is not None)
    return [_list(wanted, selector, scope) for selector in selectors for scope in wanted.scopes]


def _list(wanted: Wanted, selector: str, scope: str | None) -> ListWatch:
    return ListWatch(
        title="pods",
        scope="/".join(filter(None, (scope or "*", selector))),
        partition=pods_partition_prefix(selector) + (scope or "*"),
        group="",
        plural="pods",
        namespace=scope,
        labels=",".join(filter(None, (wanted.labels, selector))),
        wire=WirePod,
        record=functools.partial(pod_from_object, kinds=[kind for kind in wanted.kinds if kind.pods == selector]),
    )


RESOURCE = Resource(name="pods", table=JOBS, lists=lists, related=jobs.related)
