"""The never-ending task: a first state, then changes, then again from where it broke off.

It never returns and never gives up; only cancellation ends it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.errors import (
    BrokenAnswerError,
    GoneError,
    KubeError,
    MissingError,
    RefusedRequestError,
    ServerError,
)
from exporter.reflector.backoff import Backoff
from exporter.reflector.listing import first_state
from exporter.reflector.source import Put, Sink, Snapshot, Source
from exporter.reflector.watching import IDLE_SECONDS, Watched, watch
from exporter.telemetry import ResourceStatus

__all__ = ["reflect"]

R = TypeVar("R")

_SHORT_SECONDS = 1.0
_FAILURES = 2  # one may be a half-open connection, or an API server that is just starting

_log = logging.getLogger(__name__)


async def reflect(
    *,
    client: KubeClient,
    source: Source[R],
    sink: Sink[R],
    status: ResourceStatus,
    backoff: Backoff,
    idle: float = IDLE_SECONDS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Keeps `sink` equal to what the API server has at `source`, for ever.

    A connection that says nothing for `idle` seconds is given up.
    """
    version = ""
    failures = said = 0
    was = ""
    while True:
        begun = monotonic()
        follower = _Follower(sink, status, backoff, version)
        try:
            await follower.follow(_changes(client, source, status, version, idle=idle))
            failures = said = 0
            # An end by the server's time-out is normal life; one right after the start would be a busy loop.
            wait = backoff.next() if monotonic() - begun < _SHORT_SECONDS else 0.0
            version = follower.version
        except GoneError as error:
            status.gone(code=error.code)
            version = ""
            wait = backoff.next()
        except KubeError as error:
            said, was = said + 1 if error.state == was else 1, error.state
            # A server that has just started may know of no rights and no CRDs yet: its first No after an outage
            # is still the outage.
            starting = status.state == "unreachable" and said < _FAILURES
            state = "unreachable" if starting else error.state
            status.failed(state=state, code=error.code, detail=str(error))
            sink.entered(state)
            if isinstance(error, MissingError) and error.by_api_server and source.defined and said == _FAILURES:
                sink.replace({})  # the CRD took its objects along, seen or not
                status.count(0)
            # What comes back after a 404 is another CRD. And there are versions that a server will never go on
            # from: it refuses them, cannot decode what follows, or was restored from a backup and is silent.
            failures = failures + 1 if _is_about_the_version(error, follower) else 0
            lost = isinstance(error, MissingError) or failures >= _FAILURES
            version = "" if lost else follower.version
            wait = backoff.next(at_least=error.retry_after)
        except Exception as error:  # noqa: BLE001 - see below
            # A fault of ours in one resource must not end the others: it is told, counted, and tried from scratch.
            _log.exception("a list or watch failed by a fault of the exporter")
            status.failed(
                state="unreachable", code="bug", detail=f"{type(error).__name__} in the exporter: see its log"
            )
            sink.entered("unreachable")
            version = ""
            wait = backoff.next()
        await sleep(wait)


def _is_about_the_version(error: KubeError, follower: "_Follower[Any]") -> bool:
    if follower.silent and error.code == "timeout":
        return True
    return not follower.progressed and isinstance(error, BrokenAnswerError | RefusedRequestError | ServerError)


def _changes(
    client: KubeClient, source: Source[R], status: ResourceStatus, version: str, *, idle: float
) -> AsyncGenerator[Snapshot[R] | list[Watched[R]], None]:
    if version:
        return watch(client, source, status, {"resourceVersion": version}, idle=idle)
    return first_state(client, source, status, idle=idle)


class _Follower(Generic[R]):
    """Applies one stream to the sink, and remembers how far it came."""

    def __init__(self, sink: Sink[R], status: ResourceStatus, backoff: Backoff, version: str) -> None:
        self._sink = sink
        self._status = status
        self._backoff = backoff
        self.version = version
        self.progressed = False
        self.silent = False
        """Whether a watch was accepted, and then nothing came."""

    async def follow(self, changes: AsyncGenerator[Snapshot[R] | list[Watched[R]], None]) -> None:
        async with aclosing(changes):
            async for item in changes:
                if isinstance(item, Snapshot):
                    self._snapshot(item)
                else:
                    self._batch(item)

    def _snapshot(self, snapshot: Snapshot[R]) -> None:
        self._sink.replace(snapshot.records)
        self._sink.entered("watching")
        self.version = snapshot.version
        # No reset of the back-off yet: where each watch after a list is refused, every list costs the server dear.
        self._status.synced(objects=len(snapshot.records))

    def _batch(self, batch: list[Watched[R]]) -> None:
        if self._status.state != "watching":
            self._sink.entered("watching")
            self._status.watching()
        self.silent = not batch
        changed = 0
        for change in batch:
            if isinstance(change, Put):
                self._sink.put(change.uid, change.record)
                changed += 1
            self.version = change.version or self.version
        # A watch that was accepted and is silent is up to date too: not every network leaves it time for a bookmark.
        self._status.heard(changed=changed)
        if batch:
            self.progressed = True
            self._backoff.reset()
