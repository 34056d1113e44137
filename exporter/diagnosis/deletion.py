"""Objects whose deletion was requested and that still exist."""

from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Job, Pod, Run
from exporter.diagnosis.finding import Finding, Subject, found, of_job, of_pod, of_run

__all__ = ["MAX_END_SECONDS", "deletion_findings", "is_kept", "kept_pod"]

MAX_END_SECONDS: Final = 60.0
"""Seconds after the grace period until a terminating Pod is stuck."""
_CLUSTER: Final = "who runs the cluster"
_FOREGROUND: Final = "foregroundDeletion"
_REMOVERS: Final = {
    "foregroundDeletion": "the garbage collector removes it once the objects that it owns are gone",
    "orphan": "the garbage collector removes it",
    "batch.kubernetes.io/job-tracking": "the Job controller of Kubernetes removes it",
    "kueue.x-k8s.io/managed": "Kueue removes it",
    "kueue.x-k8s.io/resource-in-use": "Kueue removes it",
}
"""Who removes a finalizer, if it is not the platform's controller."""


def deletion_findings(item: Run | Job) -> Iterator[Finding]:
    """The finding that a run or a Job is being deleted. The owner of its finalizer must remove the finalizer."""
    if item.deleted is None or (isinstance(item, Job) and item.is_pod):
        return
    kind, about = ("Job", of_job(item)) if isinstance(item, Job) else (item.kind, of_run(item))
    text = f"{_keeper(item.finalizers)} {kind} {item.name}, whose deletion was requested"
    yield _kept(text, item.finalizers, about, item.deleted)


def is_kept(pod: Pod, now: float) -> bool:
    """Whether something blocks its deletion: its containers have all ended, and its grace period a minute ago.

    The kubelet removes such a Pod, unless a finalizer or the loss of its node prevents that.
    """
    ended = bool(pod.containers) and all(one.state == "terminated" for one in pod.containers)
    return ended and pod.deleted is not None and now - pod.deleted >= MAX_END_SECONDS


def kept_pod(pod: Pod) -> Finding:
    """A Pod whose containers have all ended, and that still exists."""
    if pod.finalizers:
        text = f"{_keeper(pod.finalizers)} pod {pod.name}, whose containers have all ended"
        return _kept(text, pod.finalizers, of_pod(pod), pod.deleted)
    text = f"all containers of pod {pod.name} have ended, and the pod still exists"
    return found("finalizer_stuck", text, about=of_pod(pod), since=pod.deleted, act=_CLUSTER)


def _keeper(finalizers: str) -> str:
    if not finalizers:
        return "a finalizer keeps"
    return f"finalizers {finalizers} keep" if "," in finalizers else f"finalizer {finalizers} keeps"


def _kept(text: str, finalizers: str, about: Subject, since: float | None) -> Finding:
    """The finalizer that waits for nothing but its controller decides who must act."""
    first = min(finalizers.split(", "), key=lambda name: name == _FOREGROUND)
    remover = _REMOVERS.get(first, "")
    text, act = (f"{text}: {remover}", _CLUSTER) if remover else (text, "")
    finding = found("finalizer_stuck", text, about=about, since=since, act=act)
    return msgspec.structs.replace(finding, effect=first == _FOREGROUND)
