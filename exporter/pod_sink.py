"""The sink for Pods of Jobs. If the permission is revoked, it removes them, because outdated Pods explain nothing."""

import asyncio
import dataclasses
import time
from typing import Any

from exporter.cache import Pod
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import ResourceStatus

__all__ = ["PodSink"]

_SLICE_SECONDS = 0.01  # other tasks run after this time


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodSink:
    """Updates the Pods of one list and watch, which fills one partition."""

    partition: str
    store: MetricsStore
    status: ResourceStatus

    async def replace(self, records: dict[str, Any]) -> None:
        """Replaces all Pods. Yields to other tasks every 10 ms."""
        pods = self.store.cache.pods
        changes = [(uid, None) for uid in pods.uids(self.partition) - records.keys()]
        until = 0.0
        for uid, pod in [*changes, *records.items()]:
            if time.monotonic() >= until:
                await asyncio.sleep(0)
                until = time.monotonic() + _SLICE_SECONDS
            self.store.put_pod(self.partition, uid, pod)
        pods.set_known(self.partition, known=True)

    def upsert(self, uid: str, record: Pod) -> None:
        """Adds or updates a Pod."""
        self._put(uid, record)

    def delete(self, uid: str) -> None:
        """Removes a Pod that was deleted or has succeeded."""
        self._put(uid, None)

    def set_state(self, state: str) -> None:
        """Removes the Pods if the exporter is not permitted to read them."""
        pods = self.store.cache.pods
        if state in {"forbidden", "missing"} and pods.known(self.partition):
            for uid in pods.uids(self.partition):
                self.store.put_pod(self.partition, uid, None)
            pods.set_known(self.partition, known=False)

    def _put(self, uid: str, pod: Pod | None) -> None:
        self.store.put_pod(self.partition, uid, pod)
        self.status.count(self.store.cache.pods.count(self.partition))
