"""Deployments and StatefulSets of a dump without pods: one may be the platform's controller, scaled to 0."""

import types
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from exporter.kube.decode import Decoder
from exporter.resources.objects import Meta, intern_label, object_name

__all__ = ["APPS", "DownWorkload", "down_workload"]

APPS: Final = ("apps", frozenset({"Deployment", "StatefulSet"}))
"""The group and the kinds."""


_SCALED: Final = "is scaled to 0 replicas"


class DownWorkload(NamedTuple):
    """`why`: in words, after its name."""

    namespace: str
    kind: str
    name: str
    why: str
    labels: Mapping[str, str] = types.MappingProxyType({})
    """Those of its pods."""

    @property
    def is_scaled_down(self) -> bool:
        """Whether it is scaled to 0."""
        return self.why == _SCALED


class _Template(msgspec.Struct):
    """`spec.template`."""

    metadata: Meta = msgspec.field(default_factory=Meta)


class _Spec(msgspec.Struct):
    """`spec`."""

    replicas: int | None = None
    template: _Template | None = None


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
        why = _SCALED
    elif any((one.type, one.status) == ("Available", "False") for one in conditions):
        why = "is not available"
    meta = item.metadata
    if not why:
        return None
    labels = ((item.spec or _Spec()).template or _Template()).metadata.labels or {}
    return DownWorkload(intern_label(meta.namespace), kind, object_name(meta.name), why, labels)
