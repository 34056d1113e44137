"""What the specs of the Pods of a dump say of their containers: mounts, memory limits, and texts that name Services.

Commands and environment are searched for the names of Services, and never shown.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from exporter.diagnosis.explanation import Explanation
from exporter.kube.decode import Decoder
from exporter.resources.objects import Meta, intern_label, object_name

__all__ = ["ContainerSpec", "PodSpecs", "Volume", "labels_of"]

_MAX_PODS: Final = 10_000
_MAX_ITEMS: Final = 100
"""Containers, mounts, volumes or texts of one Pod."""
_MAX_TEXT: Final = 20_000
_DEFAULT_MODE: Final = 0o644
"""https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/"""


class _Item(msgspec.Struct):
    """An item of `items`: the file of one key."""

    path: str | None = None
    mode: int | None = None


class _Files(msgspec.Struct, rename="camel"):
    """A volume whose files the kubelet writes. Each source of a projected one has its own items."""

    default_mode: int | None = None
    items: list[_Item] | None = None
    sources: list[dict[str, Any]] | None = None


class _Volume(msgspec.Struct, rename="camel"):
    """An item of `spec.volumes`."""

    name: str | None = None
    config_map: _Files | None = None
    secret: _Files | None = None
    projected: _Files | None = None
    downward_api: _Files | None = msgspec.field(default=None, name="downwardAPI")
    empty_dir: dict[str, Any] | None = None
    host_path: dict[str, Any] | None = None
    persistent_volume_claim: dict[str, Any] | None = None
    ephemeral: dict[str, Any] | None = None


class _Mount(msgspec.Struct, rename="camel"):
    """An item of `volumeMounts`."""

    name: str | None = None
    mount_path: str | None = None
    sub_path: str | None = None
    sub_path_expr: str | None = None


class _Env(msgspec.Struct):
    """An item of `env`. The values of Secrets are not in it."""

    value: str | None = None


class _Resources(msgspec.Struct):
    """`resources`."""

    limits: dict[str, Any] | None = None


class _Container(msgspec.Struct, rename="camel"):
    """A container of the spec."""

    name: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[_Env] | None = None
    working_dir: str | None = None
    volume_mounts: list[_Mount] | None = None
    resources: _Resources | None = None


class _Spec(msgspec.Struct, rename="camel"):
    """`spec` of a Pod. Its own resources are limits of all containers together."""

    init_containers: list[_Container] | None = None
    containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None
    resources: _Resources | None = None


class _Pod(msgspec.Struct):
    """A Pod on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: _Spec | None = None


class Volume(NamedTuple):
    """`kind`: its field in the API, such as `configMap`; empty: another one. `modes`: of single files, by path."""

    name: str
    kind: str
    default_mode: int
    modes: dict[str, int]

    def mode(self, path: str) -> int | None:
        """The mode of a file that the kubelet writes; None in a volume of another kind."""
        return self.modes.get(path, self.default_mode) if self.kind in _WRITTEN else None


class ContainerSpec(NamedTuple):
    """`mounts`: the mount path, the path in the volume, and the volume. `memory`: the limit; empty: there is none."""

    mounts: list[tuple[str, str, Volume]]
    working_dir: str
    memory: str
    texts: list[str]


_WRITTEN: Final = ("configMap", "secret", "projected", "downwardAPI")
_OTHERS: Final = {
    "emptyDir": "empty_dir",
    "hostPath": "host_path",
    "persistentVolumeClaim": "persistent_volume_claim",
    "ephemeral": "ephemeral",
}
_FIELDS: Final = dict(zip(_WRITTEN, ("config_map", "secret", "projected", "downward_api"), strict=True))
_decoder = Decoder(_Pod)


class PodSpecs:
    """The containers of the Pods of runs, by namespace, Pod and container; of the first 10,000 Pods."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], dict[str, ContainerSpec]] = {}

    def add(self, raw: msgspec.Raw) -> None:
        """Adds a Pod."""
        if len(self._pods) < _MAX_PODS:
            pod = _decoder.decode(raw)[0]
            meta, spec = pod.metadata, pod.spec or _Spec()
            volumes = {one.name or "": _volume(one) for one in (spec.volumes or ())[:_MAX_ITEMS]}
            every = [*(spec.init_containers or ()), *(spec.containers or ())][:_MAX_ITEMS]
            shared = _memory(spec.resources)
            containers = {intern_label(one.name): _container(one, volumes, shared) for one in every}
            self._pods[intern_label(meta.namespace), object_name(meta.name)] = containers

    def of(self, run: Explanation, container: str) -> Iterator[ContainerSpec]:
        """The specs of the container in the Pods of a run that are shown, those of the current worker first."""
        for worker in sorted(run.workers, key=lambda one: not one.current):
            for pod in worker.pods:
                if (found := self._pods.get((run.namespace, pod.name), {}).get(container)) is not None:
                    yield found


def _container(one: _Container, volumes: dict[str, Volume], shared: str) -> ContainerSpec:
    mounts = [
        (mount.mount_path, mount.sub_path or mount.sub_path_expr or "", volumes[mount.name or ""])
        for mount in (one.volume_mounts or ())[:_MAX_ITEMS]
        if mount.mount_path and (mount.name or "") in volumes
    ]
    words = (*(one.command or ()), *(one.args or ()))
    values = (item.value for item in one.env or () if item.value)
    # One text for the command: the host and its port may be two words.
    texts = [" ".join(words)[:_MAX_TEXT], *(value[:_MAX_TEXT] for value in [*values][:_MAX_ITEMS])]
    return ContainerSpec(mounts, one.working_dir or "", _memory(one.resources) or shared, texts)


def _volume(one: _Volume) -> Volume:
    for kind, field in _FIELDS.items():
        files: _Files | None = getattr(one, field)
        if files is not None:
            given = [*(files.items or ()), *_projected(files)]
            modes = {item.path: item.mode for item in given if item.path and item.mode is not None}
            mode = _DEFAULT_MODE if files.default_mode is None else files.default_mode
            return Volume(object_name(one.name), kind, mode, modes)
    kind = next((kind for kind, field in _OTHERS.items() if getattr(one, field) is not None), "")
    return Volume(object_name(one.name), kind, 0, {})


def _projected(files: _Files) -> Iterator[_Item]:
    for source in (files.sources or ())[:_MAX_ITEMS]:
        for given in source.values():
            items = given.get("items") if isinstance(given, dict) else None
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and isinstance(item.get("mode"), int) and isinstance(item.get("path"), str):
                    yield _Item(item["path"], item["mode"])


def _memory(given: _Resources | None) -> str:
    found = ((given and given.limits) or {}).get("memory")
    return intern_label(str(found)) if isinstance(found, str | int) else ""


def labels_of(raw: msgspec.Raw) -> dict[str, str]:
    """The labels of a Pod."""
    return _decoder.decode(raw)[0].metadata.labels or {}
