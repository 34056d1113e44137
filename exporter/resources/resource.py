"""The definition of a resource: lists and watches with their permissions, metric families, related objects."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from exporter.cache import Key, ObjectCache, Record
from exporter.exposition.family import Family
from exporter.exposition.text import escape_rows
from exporter.resources.required import RequiredConfigMap
from exporter.resources.wanted import WatchConfig

__all__ = ["ListWatch", "Resource"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListWatch:
    """A list and watch: the request, and the conversion of objects to records.

    It needs the permission to list and watch `plural` of `group` in `namespace` (None: all namespaces), restricted to
    `name` if set. `labels` is a label selector, `fields` a field selector.
    """

    title: str
    """Name of the resource in logs and metrics; `scope` is its namespace, selector or object."""
    scope: str
    partition: str
    """The partition of the table that this list and watch fills."""
    group: str
    version: str = "v1"
    plural: str
    namespace: str | None
    name: str = ""
    labels: str = ""
    fields: str = ""
    required: bool = False
    """Whether the exporter becomes ready only after this initial list."""
    optional: bool = False
    """Whether the exporter works without the permission for it, so that no alert fires."""
    custom: bool = False
    """Whether a CRD defines the resource. If the API server does not serve it, it has no objects."""
    wire: Any
    """The type of decoded objects. It contains only the fields that are read."""
    record: Callable[[Any], Any]
    """Converts an object to its record; None: the object is ignored."""
    uid: Callable[[Any], str] | None = None
    """The key of a record, from its metadata; None: the UID."""
    requirements: tuple[RequiredConfigMap, ...] = ()
    """The required ConfigMaps that it reads."""

    @property
    def path(self) -> str:
        """The URL path of the list."""
        root = f"/apis/{self.group}" if self.group else "/api"
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}/{self.version}{inside}/{self.plural}"

    @property
    def params(self) -> dict[str, str]:
        """The selectors, as query parameters."""
        fields = ",".join(filter(None, (self.name and f"metadata.name={self.name}", self.fields)))
        chosen = {"labelSelector": self.labels, "fieldSelector": fields}
        return {key: value for key, value in chosen.items() if value}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource. `label_names` are the labels for namespace and name of an object.

    `table` contains its records. If several resources fill one table, the first one has the families.
    """

    name: str
    table: str
    lists: Callable[[WatchConfig], Sequence[ListWatch]]
    related: Callable[[Any, ObjectCache], set[Key]] = lambda _, __: set()
    """The objects whose series depend on a record, including itself."""
    on_demand: bool = False
    """Whether it is watched only in the namespaces that need it at the moment."""
    label_names: tuple[str, ...] = ()
    families: tuple[Family[Any, ObjectCache], ...] = ()
    role: str = ""
    """Suffix of the name of its Role."""

    def without(self, source: str) -> "Resource":
        """Without the families that read only this resource."""
        kept = tuple(family for family in self.families if family.uses != (source,))
        return dataclasses.replace(self, families=kept)

    def render_text(self, families: Sequence[int], records: Iterable[Record], cache: ObjectCache) -> list[str]:
        """The text of each of these families, by index, for these objects."""
        items = list(records)
        objects = list(zip(self._labels(items), items, strict=True))
        return [self.families[index].render_text(objects, cache) for index in families]

    def prefixes(self, family: int, records: Sequence[Record]) -> list[str]:
        """The prefix of the lines of each of these objects in this family, by index."""
        return [f"{self.families[family].name}{{{labels}" for labels in self._labels(records)]

    def _labels(self, records: Sequence[Record]) -> list[str]:
        form = '{}="%s",{}="%s"'.format(*self.label_names)
        return [form % name for name in escape_rows([(item.namespace, item.name) for item in records])]
