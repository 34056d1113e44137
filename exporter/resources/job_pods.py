"""Pods of Jobs: lists, watches and records. They are optional.

They are selected by the label `job-name`: the Job controller of every supported version of Kubernetes sets it. Its
successor `batch.kubernetes.io/job-name` is missing from Pods that were created before Kubernetes 1.27. A Job with
`spec.manualSelector` may have Pods without the label. Pods that have succeeded are not selected: most Pods in a
cluster have succeeded, and those of an unfinished Job exist only for a short time. When a Pod succeeds, the watch
reports it as deleted.
"""

import functools
from collections.abc import Sequence

from exporter.cache import PODS, SUCCEEDED, Pod, named_key
from exporter.resources.kinds import RunKind
from exporter.resources.objects import finalizers_of, intern_label, object_name
from exporter.resources.pod_objects import WirePod, job_of, main_containers, pod_record
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig

__all__ = ["RESOURCE", "pod_of_job"]

_SELECTOR = "job-name"
_MAX_PREFIX_LENGTH = 58  # of a generated name: https://pkg.go.dev/k8s.io/apiserver/pkg/storage/names
_UID_LABELS = frozenset({"controller-uid", "batch.kubernetes.io/controller-uid"})


def pod_of_job(pod: WirePod, *, kinds: Sequence[RunKind], with_ids: bool = False) -> Pod | None:
    """The record of a Pod; None if it is not the Pod of a Job, or if it has succeeded and no finalizer blocks it.

    A Pod without a controller and without the label of the Job's UID is matched by the label `job-name`, if its name
    begins with the name of the Job. The main containers may be those of any kind, because a Pod does not show the
    kind of its run.
    """
    controlled = job_of(pod.metadata.owner_references or ())
    owner = controlled or _named(pod)
    if not owner or (pod.status is not None and pod.status.phase == SUCCEEDED and not finalizers_of(pod.metadata)):
        return None
    labels = pod.metadata.labels or {}
    labelled = {name for kind in kinds for name in kind.main_container_names(labels)}
    patterns = [kind.job_containers for kind in kinds]
    found = [main_containers(pod, labelled=labelled, pattern=one, is_strict=True) for one in patterns if one]
    mains = next(filter(None, found), None) or main_containers(pod, labelled=labelled, pattern=None)
    return pod_record(pod, mains=mains, owner=owner, named=not controlled, with_ids=with_ids)


def _named(pod: WirePod) -> str:
    meta, labels = pod.metadata, pod.metadata.labels or {}
    if any(one.controller for one in meta.owner_references or ()) or not labels.keys().isdisjoint(_UID_LABELS):
        return ""
    name = object_name(labels.get(_SELECTOR))
    is_like = bool(name) and object_name(meta.name).startswith(f"{name}-"[:_MAX_PREFIX_LENGTH])
    return named_key(intern_label(meta.namespace), name) if is_like else ""


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """A list for each namespace, or one for all namespaces; none if the settings disable Pods.

    The label selector of the settings is not applied: the Pods of a Job need not have the labels of the Job.
    """
    return [
        ListWatch(
            title="pods",
            scope=f"{scope or '*'}/{_SELECTOR}",
            optional=True,
            partition=scope or "*",
            group="",
            plural="pods",
            namespace=scope,
            labels=_SELECTOR,
            fields=f"status.phase!={SUCCEEDED}",
            wire=WirePod,
            record=functools.partial(pod_of_job, kinds=wanted.kinds, with_ids=wanted.logs),
        )
        for scope in (wanted.scopes if wanted.pods else ())
    ]


RESOURCE = Resource(name="job_pods", table=PODS, lists=lists)
