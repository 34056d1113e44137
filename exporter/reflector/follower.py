"""Applies one stream to the sink, and remembers how far it came."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

from exporter.reflector.source import Put, Sink, Snapshot
from exporter.reflector.watching import Watched
from exporter.telemetry import ResourceStatus

__all__ = ["Follower"]

R = TypeVar("R")


class Follower(Generic[R]):
    """`version` is where the next watch begins."""

    def __init__(self, sink: Sink[R], status: ResourceStatus, version: str) -> None:
        self._sink = sink
        self._status = status
        self._before = version
        self.version = version
        self.confirmed = False
        """Whether something came that shows that the version is good: a list, an event or a bookmark."""

    @property
    def progressed(self) -> bool:
        """Whether events or bookmarks have moved the version on. A server that repeats itself does not."""
        return self.version != self._before

    async def follow(self, changes: AsyncGenerator[Snapshot[R] | list[Watched[R]], None]) -> None:
        """Until the end of the stream."""
        async with aclosing(changes):
            async for item in changes:
                if isinstance(item, Snapshot):
                    await self._snapshot(item)
                else:
                    self._batch(item)

    async def _snapshot(self, snapshot: Snapshot[R]) -> None:
        await self._sink.replace(snapshot.records)
        # Where lists succeed and watches fail, each list in pages would look like a recovery.
        watching = snapshot.watched or self._status.state in {"syncing", "watching"}
        if watching:
            self._sink.entered("watching")
        # A list is no progress: where each watch after it is refused, every list costs the server dear.
        self.version = self._before = snapshot.version
        self.confirmed = True
        self._status.record_list(objects=len(snapshot.records), watching=watching)

    def _batch(self, batch: list[Watched[R]]) -> None:
        if self._status.state != "watching":
            self._sink.entered("watching")
            self._status.watching()
        changed = 0
        for change in batch:
            if isinstance(change, Put):
                self._sink.put(change.uid, change.record)
                changed += 1
            self.version = change.version or self.version
        self.confirmed = self.confirmed or bool(batch)
        # A watch that was accepted and is silent is up to date too: not every network leaves it time for a bookmark.
        self._status.record_event(changed=changed)
