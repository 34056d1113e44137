"""What a resource is to us: a table of metric families, and the permission to read it."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from exporter.cluster import Cluster, Record
from exporter.exposition.family import Family
from exporter.exposition.text import escaped

__all__ = ["Resource", "Rule"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One RBAC rule. An empty group is the core one.

    A streamed list is a `watch` to the API server. `list` is asked by `check`, and where lists are not streamed.
    """

    group: str
    resource: str
    verbs: tuple[str, ...] = ("list", "watch")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """`own` are the labels for an object's namespace and its name; the families are in the page's order."""

    name: str
    own: tuple[str, ...]
    families: tuple[Family[Any, Cluster], ...]
    rule: Rule

    def lines(self, families: Sequence[int], records: Iterable[Record], cluster: Cluster) -> list[str]:
        """The text of each of these families, by index, for these objects."""
        items = list(records)
        objects = list(zip(self._labels(items), items, strict=True))
        return [self.families[index].lines(objects, cluster) for index in families]

    def begins(self, family: int, records: Sequence[Record]) -> list[str]:
        """What each line of this family, by index, begins with for these objects, and for no others."""
        return [f"{self.families[family].name}{{{labels}" for labels in self._labels(records)]

    def _labels(self, records: Sequence[Record]) -> list[str]:
        form = '{}="%s",{}="%s"'.format(*self.own)
        return [form % name for name in escaped([(item.namespace, item.name) for item in records])]
