"""The data for the status page: the API server, stuck runs and broken ConfigMaps."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from exporter.addresses import safe_host
from exporter.cache import ConfigMap, Job, ObjectCache
from exporter.diagnosis import Stuck, findings, stuck

__all__ = ["Overview", "Row", "cluster_address"]

_MAX_ROWS = 200
_SLICE = 500  # objects to check before yielding to the event loop
_KEEP_SECONDS = 5.0
_CONTEXT = re.compile(r".*\(context ([A-Za-z0-9][A-Za-z0-9_.:@/+=-]{0,252})\)", re.DOTALL)


class Row(NamedTuple):
    """A stuck run or Job, for display. Times are in seconds."""

    critical: bool
    namespace: str
    name: str
    job: str
    seconds: float
    """Time since the run began to wait for a Job, or the Job started."""
    limit: float
    causes: tuple[str, ...]
    """The findings, causes before their effects."""
    next: str
    """The next command."""


class Overview:
    """Searches for stuck runs at most every five seconds.

    `address` is the address of the API server (see `cluster_address`); `clock` returns seconds since the epoch.
    """

    def __init__(self, *, cache: ObjectCache, address: Callable[[], str], clock: Callable[[], float]) -> None:
        self.address = address
        self._cache = cache
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: list[Stuck] = []
        self._more = 0
        self._until = float("-inf")

    async def rows(self) -> tuple[list[Row], int]:
        """Up to 200 stuck runs and Jobs, the most severe first, and the number of further ones."""
        async with self._lock:
            if time.monotonic() >= self._until:
                await self._search()
                self._until = time.monotonic() + _KEEP_SECONDS
        now = self._clock()
        return [self._row(found, now) for found in self._found], self._more

    def broken_configmaps(self) -> list[tuple[ConfigMap, str]]:
        """The required ConfigMaps that are missing or broken, with their problems."""
        return [(item, ", ".join(_problems(item))) for item in self._configmaps() if item.problems]

    def healthy_configmaps(self) -> int:
        """The number of healthy required ConfigMaps."""
        return sum(item.healthy is True for item in self._configmaps())

    def _configmaps(self) -> list[ConfigMap]:
        return sorted(self._cache.configmaps, key=lambda item: item.name)

    async def _search(self) -> None:
        now, found = self._clock(), []
        for number, item in enumerate([*self._cache.runs, *self._cache.jobs]):
            if not number % _SLICE:
                await asyncio.sleep(0)
            if (one := stuck(item, self._cache, now=now)) is not None:
                found.append(one)
        found.sort(key=lambda one: one.rank(now), reverse=True)
        self._found, self._more = found[:_MAX_ROWS], max(0, len(found) - _MAX_ROWS)

    def _row(self, found: Stuck, now: float) -> Row:
        item = found.item
        run = self._cache.run_of(item) if isinstance(item, Job) else item
        known = findings(item, self._cache)
        return Row(
            critical=found.critical(now),
            namespace=item.namespace,
            name=run.name if run is not None else item.owner_name if isinstance(item, Job) else "",
            job=item.name if isinstance(item, Job) else "",
            seconds=now - found.since,
            limit=found.limit,
            causes=tuple(": ".join(filter(None, (one.cause, one.evidence))) for one in known),
            next=known[0].next if known else "",
        )


def _problems(item: ConfigMap) -> Iterator[str]:
    for problem, key in item.problems:
        yield f"{problem.replace('_', ' ')} {key}".strip()


def cluster_address(source: str, server: str) -> str:
    """The context and host of the API server, without credentials. A part in an unknown format is not shown.

    `source` is `Credentials.source`, `server` the base URL.
    """
    host = safe_host(server)
    context = found[1] if (found := _CONTEXT.fullmatch(source)) else ""
    shown = (f"context {context}" if context else "", f"API server {host}" if host else "")
    return ", ".join(filter(None, shown))
