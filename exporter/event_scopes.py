"""Which namespaces are watched for Events: those with open runs, at most 20; beyond that, all with one watch.

Watches start immediately and stop 10 minutes late, so that they do not start and stop with each run.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Literal

from exporter.cache import Job, ObjectCache, Run

__all__ = ["ALL", "ClusterWatchState", "EventScopes", "open_since"]

ALL = "*"
_MAX_NAMESPACES = 20
"""With more namespaces, one watch of all namespaces replaces their watches."""
_RESUME_NAMESPACES = 10
"""If there are at most so few for `_LINGER_SECONDS`, namespaces are watched one by one again."""
_LINGER_SECONDS = 600.0

ClusterWatchState = Literal["", "pending", "synced", "refused"]
"""State of the watch of all namespaces: not running, initial list not complete, complete, or not permitted."""


def open_since(cache: ObjectCache) -> dict[str, float]:
    """The namespaces with open runs or unfinished Jobs, each with the creation time of the oldest one."""
    found: dict[str, float] = {}
    items: Iterator[Run | Job] = itertools.chain(cache.unfinished.runs, cache.unfinished.jobs)
    for item in items:
        found[item.namespace] = min(item.created or 0.0, found.get(item.namespace, float("inf")))
    return found


class EventScopes:
    """`fixed`: the settings name the namespaces, so that all of them are never watched at once."""

    def __init__(self, *, fixed: bool) -> None:
        self._fixed = fixed
        self._seen: dict[str, float] = {}
        self._oldest: dict[str, float] = {}
        self._chosen: set[str] = set()
        self._many_at = float("-inf")
        self.unwatched = 0
        """The number of namespaces with open runs that no watch covers."""

    def update(self, found: Mapping[str, float], *, now: float, whole: ClusterWatchState) -> set[str]:
        """The scopes to watch. `found`: the namespaces with open runs, each with the creation time of its oldest one.

        A namespace is watched until it has had no open run for 10 minutes. If all 20 watches are in use, a namespace
        replaces a watched one if its oldest run is older by 10 minutes. The watch of all namespaces runs until at
        most 10 namespaces have had open runs for 10 minutes.
        """
        self._seen |= dict.fromkeys(found, now)
        self._seen = {name: at for name, at in self._seen.items() if now - at < _LINGER_SECONDS}
        self._oldest = {name: found.get(name, float("inf")) for name in self._seen}
        limit = _RESUME_NAMESPACES if self._many_at > now - _LINGER_SECONDS else _MAX_NAMESPACES
        if len(found) > limit and not self._fixed:
            self._many_at = now
        is_many = now - self._many_at < _LINGER_SECONDS
        self._chosen = set(sorted(self._seen, key=self._rank)[:_MAX_NAMESPACES])
        covered = is_many and whole == "synced"
        self.unwatched = 0 if covered else len(found.keys() - self._chosen)
        if covered:
            self._chosen = set()
        return self._chosen | ({ALL} if is_many else set())

    def _rank(self, name: str) -> tuple[float, str]:
        """Sorts namespaces by their oldest run. A watched namespace counts as 10 minutes older."""
        return self._oldest[name] - (_LINGER_SECONDS if name in self._chosen else 0.0), name
