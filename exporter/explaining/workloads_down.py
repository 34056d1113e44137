"""Deployments and StatefulSets of a dump without pods: one may be the platform's controller, scaled to 0."""

from typing import Final, NamedTuple

import msgspec

from exporter.kube.decode import Decoder
from exporter.resources.objects import Meta, intern_label, object_name

__all__ = ["APPS", "DownWorkload", "down_workload"]

APPS: Final = ("apps", frozenset({"Deployment", "StatefulSet"}))
"""The group and the kinds."""


class DownWorkload(NamedTuple):
    """`why`: in words, after its name."""

    namespace: str
    kind: str
    name: str
    why: str


class _Spec(msgspec.Struct):
    """`spec`."""

    replicas: int | None = None


class _Condition(msgspec.Struct):
    """An item of `status.conditions`."""

    type: str | None = None
    status: str | None = None


class _Status(msgspec.Struct):
    """`status`."""

    conditions: list[_Condition] | None = None


class _Workload(msgspec.Struct):
    """A Deployment or StatefulSet on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: _Spec | None = None
    status: _Status | None = None


_decoder = Decoder(_Workload)


def down_workload(raw: msgspec.Raw, kind: str) -> DownWorkload | None:
    """The workload, if it is scaled to 0 or its condition Available is False."""
    item = _decoder.decode(raw)[0]
    conditions = (item.status or _Status()).conditions or ()
    why = ""
    if item.spec is not None and item.spec.replicas == 0:
        why = "is scaled to 0 replicas"
    elif any((one.type, one.status) == ("Available", "False") for one in conditions):
        why = "is not available"
    meta = item.metadata
    return DownWorkload(intern_label(meta.namespace), kind, object_name(meta.name), why) if why else None
