"""Watches the Events of the namespaces with open runs. Watches start and stop as runs open and close."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from exporter.cache import Event
from exporter.event_scopes import ALL, ClusterWatchState, EventScopes, open_since
from exporter.informers import Informer, informer_of
from exporter.notices import Notices
from exporter.resources import events
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import ResourceStatus, Telemetry

__all__ = ["EventWatches"]

Follow = Callable[[Informer], Coroutine[Any, Any, None]]


class EventWatches:
    """`statuses` contains the status of each running watch. `follow` runs an informer until it is cancelled.

    `fixed`: the settings name the namespaces.
    """

    def __init__(
        self,
        *,
        store: MetricsStore,
        telemetry: Telemetry,
        statuses: list[ResourceStatus],
        notices: Notices,
        tasks: asyncio.TaskGroup,
        follow: Follow,
        fixed: bool,
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._statuses = statuses
        self._notices = notices
        self._tasks = tasks
        self._follow = follow
        self._scopes = EventScopes(fixed=fixed)
        self._running: dict[str, tuple[asyncio.Task[None], ResourceStatus]] = {}
        self._kept, self._ignored = (telemetry.events.labels(one) for one in ("kept", "ignored"))

    def update(self) -> None:
        """Starts and stops watches."""
        found = open_since(self._store.cache)
        wanted = self._scopes.update(found, now=self._telemetry.clock(), whole=self._whole())
        for scope in self._running.keys() - wanted:
            self._stop(scope)
        for scope in sorted(wanted - self._running.keys()):
            self._start(scope)
        self._telemetry.events_unwatched.set(self._scopes.unwatched)
        self._notices.set("events", _notice(len(found), self._scopes.unwatched))

    def stop(self) -> None:
        """Stops all watches."""
        for scope in list(self._running):
            self._stop(scope)

    def _whole(self) -> ClusterWatchState:
        if ALL not in self._running:
            return ""
        status = self._running[ALL][1]
        if status.state in {"forbidden", "missing"}:
            return "refused"
        return "pending" if status.last_sync is None else "synced"

    def _start(self, scope: str) -> None:
        watch = events.list_of(None if scope == ALL else scope, admit=self._admit)
        informer = informer_of(events.RESOURCE, watch, self._telemetry)
        task = self._tasks.create_task(self._follow(informer), name=informer.name)
        self._running[scope] = task, informer.status
        self._statuses.append(informer.status)

    def _stop(self, scope: str) -> None:
        task, status = self._running.pop(scope)
        task.cancel()
        self._statuses.remove(status)
        self._store.cache.events.scopes.discard(scope)
        status.remove()

    def _admit(self, event: events.WireEvent) -> Event | None:
        events.shorten(event)
        about = (event.regarding.uid or "") if event.regarding is not None else ""
        make = functools.partial(events.event_from_object, event)
        record = self._store.cache.events.admit(about, event.metadata.namespace or "", make)
        (self._ignored if record is None else self._kept).inc()
        return record


def _notice(number: int, unwatched: int) -> str:
    if not unwatched:
        return ""
    return (
        f"Events: of {number} namespaces with open runs, the {number - unwatched} with the oldest runs are watched: "
        "permit to list and watch Events in all namespaces, or read fewer namespaces"
    )
