"""The required ConfigMaps: whether they exist and are complete. Their content is measured and not stored."""

from collections.abc import Iterator, Sequence

import msgspec

from exporter.cache import CODERUNS, CONFIGMAPS, ConfigMap, Key, ObjectCache
from exporter.exposition.family import Family, Row
from exporter.resources.objects import Meta
from exporter.resources.required import RequiredConfigMap, absent_configmap, find_requirement
from exporter.resources.resource import ListWatch, Resource
from exporter.resources.wanted import WatchConfig

__all__ = ["RESOURCE", "WireConfigMap", "configmap_from_object", "unused"]


class WireConfigMap(msgspec.Struct, rename="camel"):
    """A ConfigMap on the wire."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


def configmap_from_object(item: WireConfigMap, *, required: RequiredConfigMap) -> ConfigMap:
    """The record of an existing ConfigMap. Template files can be in data and in binaryData."""
    sizes = {key: len(text.encode("utf-8", "replace")) for key, text in (item.data or {}).items()}
    sizes |= {key: _decoded_size(text) for key, text in (item.binary_data or {}).items()}
    record = absent_configmap(required)
    record.exists = True
    record.keys = len(sizes)
    record.size = sum(sizes.values())
    record.missing_keys = tuple(key for key in required.keys if key not in sizes)
    record.empty_keys = tuple(key for key in required.keys if sizes.get(key) == 0)
    return record


def unused(items: Sequence[ConfigMap]) -> str:
    """A message if the platform does not use the default set of ConfigMaps; else empty.

    `items` are the records of the whole set. Their names differ only in the last word.
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
    """Length of the decoded bytes of a base64 text, computed without decoding."""
    return max(0, len(base64) * 3 // 4 - base64[-2:].count("="))


def health(item: ConfigMap, _: ObjectCache) -> float | None:
    """Absent if the ConfigMap could not be read or is not required."""
    return item.healthy


def problem(item: ConfigMap, _: ObjectCache) -> Iterator[Row]:
    """All problems. `near_limit`, `shrunk` and `forbidden` do not set the health to 0."""
    for row in item.problems:
        yield row, 1
    if item.near_limit:
        yield ("near_limit", ""), 1
    if item.shrunk:
        yield ("shrunk", ""), 1
    if item.forbidden:
        yield ("forbidden", ""), 1


def lists(wanted: WatchConfig) -> list[ListWatch]:
    """A list for each name, for which a Role with resourceNames is sufficient.

    If a pattern is configured, one list of all ConfigMaps of the namespace. Records have only sizes.
    """
    requirements = wanted.configmaps
    if any(requirement.is_pattern for requirement in requirements):
        return [_list(requirements, scope=requirements[0].namespace)]
    return [_list((requirement,), scope=requirement.key, name=requirement.name) for requirement in requirements]


def _list(requirements: Sequence[RequiredConfigMap], *, scope: str, name: str = "") -> ListWatch:
    space = requirements[0].namespace

    def record(item: WireConfigMap) -> ConfigMap | None:
        requirement = find_requirement(item.metadata.name or "", requirements)
        return None if requirement is None else configmap_from_object(item, required=requirement)

    return ListWatch(
        title="configmaps",
        scope=scope,
        partition=scope,
        group="",
        plural="configmaps",
        namespace=space,
        name=name,
        wire=WireConfigMap,
        record=record,
        uid=lambda meta: f"{space}/{meta.name or ''}",
        requirements=tuple(requirements),
    )


def related(item: ConfigMap, cache: ObjectCache) -> set[Key]:
    """The ConfigMap, open runs without a Job, and the default set: if one of them exists, the others are required."""
    same = cache.default_configmaps if item.by_default else [item]
    waiting = (run for run in cache.unfinished.runs if cache.newest_job(run) is None)
    return {
        *(Key(CONFIGMAPS, one.uid) for one in (item, *same)),
        *(Key(CODERUNS, run.uid) for run in waiting),
    }


RESOURCE = Resource(
    name="configmaps",
    table=CONFIGMAPS,
    label_names=("namespace", "configmap"),
    role="-configmaps",  # its own Role: several exporters share it, and the namespace may also have a Role for runs
    lists=lists,
    related=related,
    families=(
        Family(
            name="configmap_health",
            help="1 if a required ConfigMap exists and passes every check, else 0.",
            value=health,
            needs=("configmaps",),  # whether the default set is required depends on all of its ConfigMaps
        ),
        Family(
            name="configmap_problem",
            help="Problem of a required ConfigMap.",
            label_names=("problem", "key"),
            rows=problem,
            needs=("configmaps",),
        ),
        Family(
            name="configmap_watched",
            help="1 for each required ConfigMap whose presence or absence the exporter has read.",
            value=lambda item, _: 1 if item.read and not item.forbidden else None,
        ),
        Family(
            name="configmap_keys",
            help="Number of keys in data and binaryData.",
            value=lambda item, _: item.keys if item.exists else None,
        ),
        Family(
            name="configmap_size_bytes",
            help="Size of the values in data and, decoded, in binaryData, in bytes. Kubernetes allows 1048576.",
            value=lambda item, _: item.size if item.exists else None,
        ),
    ),
)
