"""Collects fields, values, conditions and workers of the existing objects of a kind.

Sets of objects are bit sets, with one bit for each object.
"""

import collections
import re
from collections.abc import Iterator
from typing import Any, Final

from exporter.drafting.definition import field_path
from exporter.profiles.sources import format_value
from exporter.untrusted import identifier

__all__ = ["ObservedObjects"]

_MAX_OBJECTS: Final = 2_000
_MAX_DEPTH: Final = 6
_MAX_FIELDS: Final = 3_000
_MAX_ITEMS: Final = 500
_MAX_VALUES: Final = 30
_MAX_CONDITIONS: Final = 100
_MAX_LENGTH: Final = 63
_PARTS: Final = (("spec",), ("status",), ("metadata", "labels"), ("metadata", "annotations"))

_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}/[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # with a prefix

Names = tuple[str, ...]


class ObservedObjects:
    """Counts the first 2,000 objects, and the Jobs and Pods that they control."""

    def __init__(self, *, group: str, kind: str) -> None:
        self.objects = 0
        self.namespaces: set[str] = set()
        self.has: dict[str, int] = collections.defaultdict(int)
        """The objects (a bit set) by the path of a field that they have."""
        self.steps: dict[str, Names] = {}
        self.values: dict[str, dict[str, int]] = collections.defaultdict(dict)
        """The objects (a bit set) by the path of a field and its value."""
        self.conditions: dict[tuple[str, str, str], int] = collections.defaultdict(int)
        """The objects (a bit set) by type, status and reason of a condition."""
        self.workers: collections.Counter[str] = collections.Counter()
        self.containers: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        """The names of their first containers, by the kind of the worker."""
        self.pod_labels: collections.Counter[str] = collections.Counter()
        """The labels of the workers that are Pods."""
        self._group, self._kind = group, kind

    def add(self, item: Any) -> None:
        """Adds an object of the kind."""
        if self.objects >= _MAX_OBJECTS:
            return
        bit = 1 << self.objects
        self.objects += 1
        space = _at(item, ("metadata", "namespace"))
        if isinstance(space, str) and space:
            self.namespaces.add(space)
        for names, value in _leaves(item):
            self._add_field(names, value, bit)
        conditions = _at(item, ("status", "conditions"))
        for one in conditions[:_MAX_CONDITIONS] if isinstance(conditions, list) else ():
            if isinstance(one, dict) and isinstance(one.get("type"), str):
                key = (one["type"], format_value(one.get("status")), format_value(one.get("reason")))
                if key in self.conditions or len(self.conditions) < _MAX_CONDITIONS:
                    self.conditions[key] |= bit

    def add_worker(self, kind: str, item: Any) -> None:
        """Adds a Job, a Pod or another object, if an object of the kind is its controller."""
        owners = _at(item, ("metadata", "ownerReferences"))
        if not any(map(self._is_ours, owners if isinstance(owners, list) else ())):
            return
        if kind not in self.workers and len(self.workers) >= _MAX_VALUES:
            return
        self.workers[kind] += 1
        where = ("spec", "containers") if kind == "Pod" else ("spec", "template", "spec", "containers")
        containers = _at(item, where)
        first = containers[0] if isinstance(containers, list) and containers else None
        names = self.containers[kind]
        if isinstance(first, dict) and isinstance(first.get("name"), str) and len(names) < _MAX_VALUES:
            names[identifier(first["name"])] += 1
        labels = _at(item, ("metadata", "labels")) if kind == "Pod" else None
        for key in labels if isinstance(labels, dict) else ():
            if isinstance(key, str) and _LABEL.fullmatch(key) and len(self.pod_labels) < _MAX_ITEMS:
                self.pod_labels[key] += 1

    def _is_ours(self, owner: Any) -> bool:
        return (
            isinstance(owner, dict)
            and owner.get("controller") is True
            and owner.get("kind") == self._kind
            and str(owner.get("apiVersion")).partition("/")[0] == self._group
        )

    def _add_field(self, names: Names, value: Any, bit: int) -> None:
        if (path := field_path(names)) is None or (path[0] not in self.has and len(self.has) >= _MAX_FIELDS):
            return
        text, self.steps[path[0]] = path[0], names
        self.has[text] |= bit
        values, as_text = self.values[text], format_value(value)
        if len(as_text) <= _MAX_LENGTH and (as_text in values or len(values) < _MAX_VALUES):
            values[as_text] = values.get(as_text, 0) | bit


def _leaves(item: Any) -> Iterator[tuple[Names, Any]]:
    """Yields the fields outside of lists that are strings, numbers or booleans."""
    waiting = [(part, _at(item, part)) for part in _PARTS]
    number = 0
    for names, node in waiting:  # grows during iteration
        for name, value in node.items() if isinstance(node, dict) else ():
            number += 1
            if number > _MAX_ITEMS or not isinstance(name, str):
                return
            if isinstance(value, dict):
                if len(names) < _MAX_DEPTH:
                    waiting.append(((*names, name), value))
            elif format_value(value):
                yield (*names, name), value


def _at(item: Any, names: Names) -> Any:
    for name in names:
        item = item.get(name) if isinstance(item, dict) else None
    return item
