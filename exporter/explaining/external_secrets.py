"""ExternalSecrets of a dump that are not ready: the operator has not created the Secret that a pod needs."""

from typing import Final, NamedTuple

import msgspec

from exporter.kube.decode import Decoder
from exporter.resources.containers import cleaned
from exporter.resources.objects import Meta, intern_label, object_name

__all__ = ["EXTERNAL_SECRET", "ExternalSecret", "unready_secret"]

EXTERNAL_SECRET: Final = ("external-secrets.io", "ExternalSecret")
"""The group and the kind: https://external-secrets.io/latest/api/externalsecret/."""


class ExternalSecret(NamedTuple):
    """`target`: the name of its Secret. `why`: the reason and message of its condition Ready."""

    namespace: str
    name: str
    target: str
    why: str


class _Target(msgspec.Struct):
    """`spec.target`."""

    name: str | None = None


class _Spec(msgspec.Struct):
    """`spec`."""

    target: _Target | None = None


class _Condition(msgspec.Struct):
    """An item of `status.conditions`."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None


class _Status(msgspec.Struct):
    """`status`."""

    conditions: list[_Condition] | None = None


class _Object(msgspec.Struct):
    """An ExternalSecret on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: _Spec | None = None
    status: _Status | None = None


_decoder = Decoder(_Object)


def unready_secret(raw: msgspec.Raw) -> ExternalSecret | None:
    """The ExternalSecret, if its condition Ready is False."""
    item = _decoder.decode(raw)[0]
    conditions = (item.status or _Status()).conditions or ()
    ready = next((one for one in conditions if (one.type, one.status) == ("Ready", "False")), None)
    if ready is None:
        return None
    meta, target = item.metadata, (item.spec or _Spec()).target or _Target()
    name = object_name(meta.name)
    why = ": ".join(filter(None, (intern_label(ready.reason), cleaned(ready.message))))
    return ExternalSecret(intern_label(meta.namespace), name, object_name(target.name) or name, why or "not ready")
