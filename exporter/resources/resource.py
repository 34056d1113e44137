"""What a resource is: its lists and watches with their permissions, its families, and what its changes touch."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from exporter.cache import Key, ObjectCache, Record
from exporter.exposition.family import Family
from exporter.exposition.text import escaped
from exporter.resources.required import RequiredConfigMap
from exporter.resources.wanted import Wanted

__all__ = ["ListWatch", "Resource"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListWatch:
    """One list and watch: what is requested, and how an object becomes a record.

    The permission that it needs is to list and watch exactly this: `group`, `plural`, `namespace` (None: all) and, of
    a single object, `name`. `labels` is a label selector.
    """

    title: str
    """Its name in states, logs and metrics; `scope` says which part of the resource it is."""
    scope: str
    part: str
    """The part of the table that it fills."""
    group: str
    version: str = "v1"
    plural: str
    namespace: str | None
    name: str = ""
    labels: str = ""
    required: bool = False
    """Whether the exporter is not ready without it."""
    custom: bool = False
    """Whether a CRD defines it: where the server does not know it, there are no objects of it."""
    wire: Any
    """The type that decodes what is read of an object, and nothing else."""
    record: Callable[[Any], Record | None]
    """The record of an object; None for one that is not kept."""
    uid: Callable[[Any], str] | None = None
    """The key of a record by its metadata, where it is not the UID."""
    places: tuple[RequiredConfigMap, ...] = ()
    """The required ConfigMaps that it is about."""

    @property
    def path(self) -> str:
        """Where it is listed."""
        root = f"/apis/{self.group}" if self.group else "/api"
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}/{self.version}{inside}/{self.plural}"

    @property
    def params(self) -> dict[str, str]:
        """Its selectors."""
        chosen = {"labelSelector": self.labels, "fieldSelector": self.name and f"metadata.name={self.name}"}
        return {key: value for key, value in chosen.items() if value}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """`own` are the labels for an object's namespace and its name; the families are in the page's order.

    `table` holds its records. Resources may share one: the families are then those of the first.
    """

    name: str
    table: str
    lists: Callable[[Wanted], Sequence[ListWatch]]
    related: Callable[[Any, ObjectCache], set[Key]]
    """The objects whose lines depend on a record, itself included."""
    label_names: tuple[str, ...] = ()
    families: tuple[Family[Any, ObjectCache], ...] = ()
    role: str = ""
    """What is appended to the name of the role that permits it."""

    def lines(self, families: Sequence[int], records: Iterable[Record], cache: ObjectCache) -> list[str]:
        """The text of each of these families, by index, for these objects."""
        items = list(records)
        objects = list(zip(self._labels(items), items, strict=True))
        return [self.families[index].lines(objects, cache) for index in families]

    def begins(self, family: int, records: Sequence[Record]) -> list[str]:
        """What each line of this family, by index, begins with for these objects, and for no others."""
        return [f"{self.families[family].name}{{{labels}" for labels in self._labels(records)]

    def _labels(self, records: Sequence[Record]) -> list[str]:
        form = '{}="%s",{}="%s"'.format(*self.label_names)
        return [form % name for name in escaped([(item.namespace, item.name) for item in records])]
