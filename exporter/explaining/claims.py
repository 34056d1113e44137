"""The PersistentVolumeClaims that the Pods of a dump name.

Events about a claim say why its volume does not exist. Pods that name the same claim may wait for each other.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.cache import Event, Pod
from exporter.diagnosis.volumes import CLAIM, claim_key
from exporter.resources.objects import object_name, truncate

__all__ = ["Claims"]

_MAX_CLAIMS: Final = 20
"""Claims of a Pod."""
_MAX_OTHERS: Final = 10_000
_ONE_POD: Final = "ReadWriteOncePod"


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


class _ClaimSpec(msgspec.Struct, rename="camel"):
    """`spec` of a PersistentVolumeClaim."""

    access_modes: list[str] | None = None
    volume_name: str | None = None


class _Claim(msgspec.Struct):
    """A PersistentVolumeClaim."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _ClaimSpec | None = None


_decoder = msgspec.json.Decoder(_Pod)
_claims = msgspec.json.Decoder(_Claim)
_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Claims:
    """The UIDs of Pods by the namespace and name of a claim, and the volumes and access modes of the claims."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], list[str]] = {}
        self._others: dict[tuple[str, str], list[Pod]] = {}
        self._names: dict[str, list[str]] = {}
        self._volumes: dict[tuple[str, str], str] = {}
        self._for_one_pod: dict[tuple[str, str], bool] = {}
        self._number = 0

    def add(self, raw: msgspec.Raw) -> None:
        """Adds the claims of a Pod of a run."""
        for uid, key in _named(raw):
            self._pods.setdefault(key, []).append(uid)
            self._names.setdefault(uid, []).append(key[1])

    def add_other(self, raw: msgspec.Raw, pod: Pod) -> None:
        """Adds the claims of a Pod that belongs to no run."""
        for _, key in _named(raw):
            if self._number < _MAX_OTHERS:
                self._number += 1
                self._others.setdefault(key, []).append(pod)

    def add_claim(self, raw: msgspec.Raw) -> None:
        """Adds a PersistentVolumeClaim."""
        try:
            item = _claims.decode(raw)
        except _ERRORS:
            return
        spec = item.spec or _ClaimSpec()
        key = (item.metadata.namespace or "", object_name(item.metadata.name))
        self._volumes[key] = object_name(spec.volume_name)
        self._for_one_pod[key] = _ONE_POD in (spec.access_modes or ())

    def assign(self, event: Event) -> Iterator[Event]:
        """A copy of an Event about a claim for each Pod that names the claim, with `claim_key` of that Pod's UID."""
        if event.about_kind == CLAIM:
            for uid in self._pods.get((event.namespace, event.about_name), ()):
                yield msgspec.structs.replace(event, about=claim_key(uid))

    def of_pod(self, uid: str) -> list[str]:
        """The names of the claims of a Pod of a run."""
        return self._names.get(uid, [])

    def volume(self, namespace: str, claim: str) -> str | None:
        """The volume of the claim; None if the claim is not in the dump."""
        return self._volumes.get((namespace, claim))

    def is_for_one_pod(self, namespace: str, claim: str) -> bool | None:
        """Whether only one Pod can use it at a time; None if the claim is not in the dump."""
        return self._for_one_pod.get((namespace, claim))

    def users(self, namespace: str, claim: str) -> tuple[list[str], list[Pod]]:
        """The UIDs of the Pods of runs that name the claim, and the other Pods that do."""
        return self._pods.get((namespace, claim), []), self._others.get((namespace, claim), [])


def _named(raw: msgspec.Raw) -> Iterator[tuple[str, tuple[str, str]]]:
    """The UID of a Pod with the namespace and name of each of its claims."""
    try:
        pod = _decoder.decode(raw)
    except _ERRORS:
        return
    meta = pod.metadata
    for one in ((pod.spec and pod.spec.volumes) or ())[:_MAX_CLAIMS]:
        name = one.persistent_volume_claim.claim_name if one.persistent_volume_claim else None
        if one.ephemeral is not None:
            name = f"{meta.name}-{one.name}"
        if name and meta.uid:
            yield truncate(meta.uid), (meta.namespace or "", object_name(name))
