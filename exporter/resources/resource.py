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
        form = '{}="%s",{}="%s"'.format(*self.own)
        items = list(records)
        names = escaped([(item.namespace, item.name) for item in items])
        objects = [(form % name, item) for name, item in zip(names, items, strict=True)]
        return [self.families[index].lines(objects, cluster) for index in families]
