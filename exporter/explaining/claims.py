"""The PersistentVolumeClaims that the Pods of a dump name. Events about a claim say why its volume does not exist."""

from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Event
from exporter.diagnosis.volumes import CLAIM, claim_key
from exporter.resources.objects import object_name, truncate

__all__ = ["Claims"]

_MAX_CLAIMS: Final = 20
"""Claims of a Pod."""


class _Named(msgspec.Struct, rename="camel"):
    """`persistentVolumeClaim` of a volume."""

    claim_name: str | None = None


class _Volume(msgspec.Struct, rename="camel"):
    """An item of `spec.volumes`. The claim of an ephemeral volume has the name of the Pod and the volume."""

    name: str | None = None
    persistent_volume_claim: _Named | None = None
    ephemeral: dict[str, msgspec.Raw] | None = None


class _Spec(msgspec.Struct):
    """`spec` of a Pod."""

    volumes: list[_Volume] | None = None


class _Meta(msgspec.Struct):
    """`metadata`."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None


class _Pod(msgspec.Struct):
    """A Pod, of which only its volumes are read."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _Spec | None = None


_decoder = msgspec.json.Decoder(_Pod)


class Claims:
    """The UIDs of Pods by the namespace and name of a claim."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], list[str]] = {}

    def add(self, raw: msgspec.Raw) -> None:
        """Adds the claims of a Pod."""
        try:
            pod = _decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        meta = pod.metadata
        for one in ((pod.spec and pod.spec.volumes) or ())[:_MAX_CLAIMS]:
            name = one.persistent_volume_claim.claim_name if one.persistent_volume_claim else None
            if one.ephemeral is not None:
                name = f"{meta.name}-{one.name}"
            if name and meta.uid:
                key = (meta.namespace or "", object_name(name))
                self._pods.setdefault(key, []).append(truncate(meta.uid))

    def assign(self, event: Event) -> Iterator[Event]:
        """A copy of an Event about a claim for each Pod that names the claim, with `claim_key` of that Pod's UID."""
        if event.about_kind == CLAIM:
            for uid in self._pods.get((event.namespace, event.about_name), ()):
                yield msgspec.structs.replace(event, about=claim_key(uid))
