"""The required ConfigMaps: whether they are there and whole. Their content is measured and never kept."""

import dataclasses
from collections.abc import Iterator

import msgspec

from exporter.cluster import Cluster, ConfigMap
from exporter.exposition.family import Family, Row
from exporter.resources.objects import Meta
from exporter.resources.resource import Resource, Rule

__all__ = ["CONFIGMAPS", "RequiredConfigMap", "WireConfigMap", "absent_configmap", "slim_configmap"]

_LIMIT = 1_048_576  # bytes of values: https://kubernetes.io/docs/concepts/configuration/configmap/
_NEAR_LIMIT = 0.8 * _LIMIT


class WireConfigMap(msgspec.Struct, rename="camel"):
    """A ConfigMap on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequiredConfigMap:
    """A ConfigMap that the controller needs, and the keys in it that it needs."""

    namespace: str
    name: str
    keys: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        """The place, whichever object fills it."""
        return f"{self.namespace}/{self.name}"


def slim_configmap(item: WireConfigMap, *, required: RequiredConfigMap) -> ConfigMap:
    """The record of a ConfigMap that exists. Template files sit in binaryData as well as in data."""
    sizes = {key: len(text.encode("utf-8", "replace")) for key, text in (item.data or {}).items()}
    sizes |= {key: _decoded_size(text) for key, text in (item.binary_data or {}).items()}
    record = absent_configmap(required)
    record.exists = True
    record.keys = len(sizes)
    record.size = sum(sizes.values())
    record.missing_keys = tuple(key for key in required.keys if key not in sizes)
    record.empty_keys = tuple(key for key in required.keys if sizes.get(key) == 0)
    return record


def absent_configmap(required: RequiredConfigMap) -> ConfigMap:
    """The record of a ConfigMap that does not exist."""
    return ConfigMap(uid=required.uid, namespace=required.namespace, name=required.name)


def _decoded_size(base64: str) -> int:
    """Bytes that a base64 text stands for, without decoding a mebibyte to count it."""
    return max(0, len(base64) * 3 // 4 - base64[-2:].count("="))


def health(item: ConfigMap, _: Cluster) -> float | None:
    """Absent where it could not be read: an unknown is not a no."""
    return item.healthy


def problem(item: ConfigMap, _: Cluster) -> Iterator[Row]:
    """The first ones make health 0; `near_limit` and `forbidden` do not."""
    for row in item.problems:
        yield row, 1
    if item.size >= _NEAR_LIMIT:
        yield ("near_limit", ""), 1
    if item.forbidden:
        yield ("forbidden", ""), 1


CONFIGMAPS = Resource(
    name="configmaps",
    own=("namespace", "configmap"),
    rule=Rule(group="", resource="configmaps", verbs=("get", "list", "watch")),  # `check` gets each by its name
    families=(
        Family(
            name="configmap_health",
            help="1 where a required ConfigMap exists and passes every check, else 0.",
            value=health,
        ),
        Family(
            name="configmap_problem",
            help="What is wrong with a required ConfigMap.",
            own=("problem", "key"),
            rows=problem,
        ),
        Family(
            name="configmap_keys",
            help="Keys in data and binaryData.",
            value=lambda item, _: item.keys if item.exists else None,
        ),
        Family(
            name="configmap_size_bytes",
            help="Bytes of the values in data and, decoded, in binaryData. Kubernetes refuses more than 1048576.",
            value=lambda item, _: item.size if item.exists else None,
        ),
    ),
)
