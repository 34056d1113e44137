"""What a resource is to us: a table of metric families, and the permission to read it."""

import dataclasses
from typing import Any

from exporter.cluster import Cluster
from exporter.exposition.family import Family

__all__ = ["Resource", "Rule"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One RBAC rule. An empty group is the core one."""

    group: str
    resource: str
    verbs: tuple[str, ...] = ("get", "list", "watch")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """`own` are the labels that name one of its objects. Its families stand on the page in this order."""

    name: str
    own: tuple[str, ...]
    families: tuple[Family[Any, Cluster], ...]
    rule: Rule
