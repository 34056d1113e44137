"""The sink for Events. It adds Events about open objects, and keeps them after they expire in the API server."""

import asyncio
import dataclasses
from typing import Any

from exporter.cache import Event
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import ResourceStatus

__all__ = ["EventSink"]

_SLICE = 256  # Events; other tasks run between two slices


@dataclasses.dataclass(frozen=True, kw_only=True)
class EventSink:
    """Adds the Events of one watch. `scope` is its namespace, or `*`."""

    scope: str
    store: MetricsStore
    status: ResourceStatus

    async def replace(self, records: dict[str, Any]) -> None:
        """Adds the Events of a list, in slices."""
        for number, event in enumerate(records.values()):
            if not number % _SLICE:
                await asyncio.sleep(0)
            self._put(event)

    def upsert(self, uid: str, record: Event) -> None:  # noqa: ARG002 - as the protocol names it
        """Adds or updates an Event."""
        self._put(record)

    def delete(self, uid: str) -> None:
        """Ignores the deletion: the Event has expired in the API server, or was never added."""

    def set_state(self, state: str) -> None:
        """Records whether the Events are being watched."""
        scopes = self.store.cache.events.scopes
        (scopes.add if state == "watching" else scopes.discard)(self.scope)

    def _put(self, event: Event) -> None:
        self.store.put_event(event)
        self.status.count(self.store.cache.events.count(self.scope))
