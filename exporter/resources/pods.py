"""Worker Pods (Pods that work for a run without a Job): lists and watches. Their records have the type `Job`.

Pods are listed only if the profile of a kind has a Pod worker.
"""

import functools
from collections.abc import Sequence

from exporter.cache import JOBS, RUNNING, Job, named_key
from exporter.resources import jobs
from exporter.resources.containers import terminated
from exporter.resources.kinds import RunKind, controller_of, pods_partition_prefix
from exporter.resources.objects import (
    QUEUE_LABEL,
    annotated_seconds,
    intern_label,
    object_name,
    truncate,
    unix_seconds,
)
from exporter.resources.pod_objects import Spec, Status, WirePod, finished, main_containers, pod_record
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig

__all__ = ["RESOURCE", "pod_from_object"]

_RESULTS = {"Succeeded": "succeeded", "Failed": "failed"}

# status.reason of failed Pods, as set by the kubelet and by controllers:
# https://pkg.go.dev/k8s.io/api/core/v1#PodStatus and pkg/kubelet of kubernetes/kubernetes
_REASONS = frozenset(
    {"DeadlineExceeded", "Evicted", "NodeLost", "Preempting", "Terminated", "UnexpectedAdmissionError"}
)
_OUT_OF_MEMORY = "OOMKilled"


def pod_from_object(pod: WirePod, *, kinds: Sequence[RunKind], with_ids: bool = False) -> Job | None:
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
    is_running = status.phase in RUNNING
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
        finished=finished(status) or deleted or unix_seconds(status.start_time) or created if result else None,
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
        pod=pod_record(pod, mains=_mains(pod, read), with_ids=with_ids),
    )


def _reason(status: Status) -> str:
    """The reason, from a closed set, because it becomes a label of counters."""
    if status.reason:
        return status.reason if status.reason in _REASONS else "other"
    ends = terminated(status.container_statuses)
    return _OUT_OF_MEMORY if any(end.reason == _OUT_OF_MEMORY for _, end in ends) else ""


def _mains(pod: WirePod, kind: RunKind) -> list[str]:
    labelled = kind.main_container_names(pod.metadata.labels or {})
    return main_containers(pod, labelled=labelled, pattern=kind.main_containers, is_strict=True)


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """A list for each label selector and namespace; none if no kind has Pod workers."""
    selectors = dict.fromkeys(kind.pods for kind in wanted.kinds if kind.pods is not None)
    return [_list(wanted, selector, scope) for selector in selectors for scope in wanted.scopes]


def _list(wanted: WatchConfig, selector: str, scope: str | None) -> ListWatch:
    return ListWatch(
        title="pods",
        scope="/".join(filter(None, (scope or "*", selector))),
        partition=pods_partition_prefix(selector) + (scope or "*"),
        group="",
        plural="pods",
        namespace=scope,
        labels=",".join(filter(None, (wanted.labels, selector))),
        wire=WirePod,
        record=functools.partial(
            pod_from_object, kinds=[kind for kind in wanted.kinds if kind.pods == selector], with_ids=wanted.logs
        ),
    )


RESOURCE = Resource(name="pods", table=JOBS, lists=lists, related=jobs.related)
