"""Derives the history of a world's objects from the files, which contain the objects at one time (the snapshot).

An object is created at its creationTimestamp, and gets its status at `startTime` or `lastUpdate`, and its
deletionTimestamp at that time. `lives.py` has the earlier history of the objects for which this is not enough.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from lab.clock import seconds_of
from lab.worlds.lives import LIVES
from lab.worlds.loading import key_of, objects
from lab.worlds.steps import Step

__all__ = ["History", "history"]

_BEFORE = 180.0
"""Seconds from the start of a world to its first run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class History:
    """The steps of a world in order, and its start (seconds since the epoch)."""

    begin: float
    steps: tuple[Step, ...]


def history(files: Sequence[str], *, snapshot: float) -> History:
    """The history of the objects in these files. Objects without a time exist from the start.

    If a later file contains the same object, the object is replaced when the first run of that file is created.
    """
    sets = [objects(name, snapshot=snapshot) for name in files]
    begin = min(_first_creation(items) for items in sets if any(map(_has_time, items))) - _BEFORE
    steps: list[Step] = []
    seen: set[tuple[str, str, str]] = set()
    for items in sets:
        for item in items:
            since = _first_creation(items) if key_of(item) in seen else begin
            seen.add(key_of(item))
            life = LIVES.get(item["metadata"]["name"], _default_history)
            steps += life(item, snapshot) if _has_time(item) else [Step(at=since, item=item)]
    return History(begin=begin, steps=tuple(sorted(steps, key=lambda step: step.at)))


def _first_creation(items: Sequence[dict[str, Any]]) -> float:
    """The earliest creation time of the objects."""
    return min(_creation_time(item) for item in items if _has_time(item))


def _has_time(item: dict[str, Any]) -> bool:
    return "creationTimestamp" in item["metadata"] or "startTime" in item.get("status", {})


def _creation_time(item: dict[str, Any]) -> float:
    return seconds_of(item["metadata"].get("creationTimestamp") or item["status"]["startTime"])


def _default_history(item: dict[str, Any], _snapshot: float) -> Iterator[Step]:
    """The default history of an object: its creation, then its status."""
    born = _creation_time(item)
    yield Step(at=born, item={key: value for key, value in item.items() if key != "status"})
    status = item.get("status")
    if status:
        yield Step(at=max(born, seconds_of(status.get("startTime") or status["lastUpdate"])), item=item)
