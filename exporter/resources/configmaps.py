"""The required ConfigMaps: whether they are there and whole. Their content is measured and never kept."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter.cluster import Cluster, ConfigMap
from exporter.exposition.family import Family, Row
from exporter.resources.objects import Meta
from exporter.resources.resource import Resource, Rule

__all__ = [
    "CONFIGMAPS",
    "LIMIT",
    "RequiredConfigMap",
    "WireConfigMap",
    "absent_configmap",
    "absent_of",
    "is_near_limit",
    "place_of",
    "slim_configmap",
    "unused",
]

LIMIT = 1_048_576
"""Bytes of values that a ConfigMap may have: https://kubernetes.io/docs/concepts/configuration/configmap/"""
_NEAR_LIMIT = 0.8 * LIMIT


class WireConfigMap(msgspec.Struct, rename="camel"):
    """A ConfigMap on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequiredConfigMap:
    """A ConfigMap that the controller needs, and the keys in it that it needs.

    A name with `*` in it is a pattern: each ConfigMap that matches it is checked, and there has to be one.
    """

    namespace: str
    name: str
    keys: tuple[str, ...] = ()
    by_default: bool = False
    """Whether no setting names it: it is then required only where the platform uses one of the default set."""

    @property
    def uid(self) -> str:
        """The place, whichever object fills it."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for any number of ConfigMaps."""
        return "*" in self.name

    def matches(self, name: str) -> bool:
        """Whether it is about a ConfigMap of this name."""
        form = "[a-z0-9.-]*".join(map(re.escape, self.name.split("*")))  # what names consist of
        return re.fullmatch(form, name) is not None

    def named(self, name: str) -> "RequiredConfigMap":
        """The same about the one ConfigMap of this name."""
        return dataclasses.replace(self, name=name)


def place_of(name: str, places: Sequence[RequiredConfigMap]) -> RequiredConfigMap | None:
    """What is required of the ConfigMap of this name: by its own name, else by the first pattern that matches it."""
    found = [place for place in places if place.matches(name)]
    return min(found, key=lambda place: place.is_pattern).named(name) if found else None


def absent_of(places: Sequence[RequiredConfigMap], records: Mapping[str, ConfigMap]) -> dict[str, ConfigMap]:
    """The records, by UID, of what is required and not there: a name, or a pattern that nothing matches."""
    names = [record.name for record in records.values() if "*" not in record.name]
    return {place.uid: absent_configmap(place) for place in places if not any(map(place.matches, names))}


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
    return ConfigMap(
        uid=required.uid,
        namespace=required.namespace,
        name=required.name,
        by_default=required.by_default,
        required=not required.by_default,
    )


def unused(items: Sequence[ConfigMap]) -> str:
    """One line about the default set where nothing shows that this platform uses it; else empty.

    `items` are the records of the set, all of which have been looked for. Their names differ in the last word.
    """
    if not items or any(item.required or not item.read for item in items):
        return ""
    names = sorted(item.name for item in items)
    prefix = "".join(names[0].rpartition("-")[:2])
    ends = ",".join(name.removeprefix(prefix) for name in names)
    return (
        f"no ConfigMap is required, because namespace {items[0].namespace} has none of {prefix}{{{ends}}}. "
        "If the controller needs others, list them in configmaps.required."
    )


def _decoded_size(base64: str) -> int:
    """Bytes that a base64 text stands for, without decoding a mebibyte to count it."""
    return max(0, len(base64) * 3 // 4 - base64[-2:].count("="))


def is_near_limit(item: ConfigMap) -> bool:
    """Whether its values take more than 80 % of what Kubernetes accepts."""
    return item.size >= _NEAR_LIMIT


def health(item: ConfigMap, _: Cluster) -> float | None:
    """Absent where it could not be read, an unknown is not a no; and absent where nothing requires it."""
    return item.healthy


def problem(item: ConfigMap, _: Cluster) -> Iterator[Row]:
    """The first ones make health 0; `near_limit`, `shrunk` and `forbidden` do not."""
    for row in item.problems:
        yield row, 1
    if is_near_limit(item):
        yield ("near_limit", ""), 1
    if item.shrunk:
        yield ("shrunk", ""), 1
    if item.forbidden:
        yield ("forbidden", ""), 1


CONFIGMAPS = Resource(
    name="configmaps",
    own=("namespace", "configmap"),
    rule=Rule(group="", resource="configmaps", verbs=("list", "watch")),
    families=(
        Family(
            name="configmap_health",
            help="1 where a required ConfigMap exists and passes every check, else 0.",
            value=health,
            needs=("configmaps",),  # of the default set one that exists makes the others required
        ),
        Family(
            name="configmap_problem",
            help="What is wrong with a required ConfigMap.",
            own=("problem", "key"),
            rows=problem,
            needs=("configmaps",),
        ),
        Family(
            name="configmap_watched",
            help="1 for each ConfigMap that the exporter looks for and whose presence or absence it has read.",
            value=lambda item, _: 1 if item.read and not item.forbidden else None,
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
