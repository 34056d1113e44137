"""Applies the snapshots and changes of one stream to a sink, and stores the last resourceVersion."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

from exporter.reflector.source import Bookmarked, Delete, Sink, Snapshot, Upsert
from exporter.reflector.watching import WatchEvent
from exporter.telemetry import ResourceStatus

__all__ = ["Follower"]

R = TypeVar("R")


class Follower(Generic[R]):
    """Applies one stream. `version` is the resourceVersion from which the next watch starts."""

    def __init__(self, sink: Sink[R], status: ResourceStatus, version: str) -> None:
        self._sink = sink
        self._status = status
        self._before = version
        self.version = version
        self.confirmed = False
        """Whether a list, an event or a bookmark has shown that the version is valid."""

    @property
    def progressed(self) -> bool:
        """Whether events or bookmarks have changed the version. Repeated events do not change it."""
        return self.version != self._before

    async def follow(self, changes: AsyncGenerator[Snapshot[R] | list[WatchEvent[R]], None]) -> None:
        """Applies the changes until the stream ends. Raises a KubeError."""
        async with aclosing(changes):
            async for item in changes:
                if isinstance(item, Snapshot):
                    await self._apply_snapshot(item)
                else:
                    self._apply_batch(item)

    async def _apply_snapshot(self, snapshot: Snapshot[R]) -> None:
        await self._sink.replace(snapshot.records)
        # If watches fail, a list alone is not a recovery.
        watching = snapshot.watched or self._status.state in {"syncing", "watching"}
        if watching:
            self._sink.set_state("watching")
        # A list does not count as progress: if each watch after it fails, the backoff must grow, as lists are
        # expensive.
        self.version = self._before = snapshot.version
        self.confirmed = True
        self._status.record_list(objects=len(snapshot.records), watching=watching)

    def _apply_batch(self, batch: list[WatchEvent[R]]) -> None:
        if self._status.state != "watching":
            self._sink.set_state("watching")
            self._status.watching()
        changed = 0
        for change in batch:
            match change:
                case Upsert():
                    self._sink.upsert(change.uid, change.record)
                    changed += 1
                case Delete():
                    self._sink.delete(change.uid)
                    changed += 1
                case Bookmarked():
                    pass
            self.version = change.version or self.version
        self.confirmed = self.confirmed or bool(batch)
        # A watch that was accepted is a sync even without events: some networks cut it before the first bookmark.
        self._status.record_event(changed=changed)
