"""Namespaces of a dump that are being deleted: nothing can be created in them, also no controller."""

import datetime as dt
import re
import shlex
from typing import Final

import msgspec

from exporter.diagnosis.explanation import Explanation, FindingView
from exporter.diagnosis.finding import MAX_EVIDENCE
from exporter.kube.decode import Decoder
from exporter.resources.objects import Meta, intern_label, object_name
from exporter.untrusted import shorten

__all__ = ["Namespaces", "with_namespace"]

_MAX_NAMESPACES: Final = 10_000
_ELSEWHERE: Final = re.compile(r"garbage collector|Job controller of Kubernetes|Kueue removes it|exists$")
"""The finalizer is that of a component outside of the namespace, or there is none."""
_FIX: Final = (
    "Let a controller of another namespace process this one; if none can, clean up as it would, then remove the"
    " finalizer by hand."
)


class _Object(msgspec.Struct):
    """A Namespace or a workload on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)


_decoder = Decoder(_Object)


class Namespaces:
    """When the deletion of each namespace was requested, and which namespaces have pods or workloads of others."""

    def __init__(self) -> None:
        self.terminating: dict[str, dt.datetime] = {}
        self.populated: set[str] = set()

    def add(self, raw: msgspec.Raw) -> None:
        """Adds a Namespace."""
        meta = _decoder.decode(raw)[0].metadata
        if meta.deletion_timestamp is not None and len(self.terminating) < _MAX_NAMESPACES:
            self.terminating[object_name(meta.name)] = meta.deletion_timestamp

    def add_workload(self, raw: msgspec.Raw) -> None:
        """Adds a Deployment or StatefulSet."""
        self.has_pod(intern_label(_decoder.decode(raw)[0].metadata.namespace))

    def has_pod(self, namespace: str) -> None:
        """Notes that a pod of no run, or its workload, is in the namespace."""
        if len(self.populated) < _MAX_NAMESPACES:
            self.populated.add(namespace)


def with_namespace(run: Explanation, namespaces: Namespaces, *, knows_pods: bool) -> Explanation:
    """The run, whose finding about a finalizer has the deletion of its namespace, which also deleted its Job.

    `knows_pods`: the dump has pods, so one that is not in it does not exist.
    """
    at = namespaces.terminating.get(run.namespace)
    if at is None or not any(one.cause == "finalizer_stuck" for one in run.findings):
        return run
    is_empty = knows_pods and run.namespace not in namespaces.populated
    kept = (one for one in run.findings if one.cause != "job_missing")
    return msgspec.structs.replace(run, findings=tuple(_finding(one, run, at, is_empty=is_empty) for one in kept))


def _finding(one: FindingView, run: Explanation, at: dt.datetime, *, is_empty: bool) -> FindingView:
    if one.cause != "finalizer_stuck":
        return one
    since = at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"{one.evidence}; namespace {run.namespace} is being deleted since {since}, and waits for this"
    if is_empty and not _ELSEWHERE.search(one.evidence) and "; " not in one.evidence:
        command = f"kubectl get namespace {shlex.quote(run.namespace)} -o yaml"
        text += "; no controller is left in it"
        one = msgspec.structs.replace(one, fix=_FIX, next=command)
    return msgspec.structs.replace(one, evidence=shorten(text, limit=MAX_EVIDENCE))
