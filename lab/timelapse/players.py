"""The simulated controller and nodes, with faults that a simulation can trigger."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.clock import seconds_of
from lab.platform import statuses
from lab.platform.controller import Platform
from lab.platform.manifests import START_SECONDS, WORK_SECONDS
from lab.platform.workers import Workers, seconds_in

__all__ = ["Controller", "Nodes"]


class Controller(Platform):
    """The simulated controller, which may be down (`away`) or ignore the runs in `forgotten`."""

    def __init__(self, *, ahead: float, **of: Any) -> None:
        super().__init__(**of)
        self._ahead = ahead
        self._next = 0.0
        self.away = False
        self.forgotten: set[str] = set()

    def due(self, now: float) -> bool:
        """Whether the Job of a finished run must be deleted at `now`, according to the last round."""
        return now >= self._next

    async def reconcile(self, *, fault: Callable[[str, Exception], None] | None = None) -> None:
        """Reconciles all runs once, unless the controller is down."""
        self._next = math.inf
        if not self.away:
            await super().reconcile(fault=fault)

    async def _delete_expired_job(self, run: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> None:
        await super()._delete_expired_job(run, jobs)
        status = run["status"]
        if "expireAt" in status and "cleanupCompletedAt" not in status:
            self._next = min(self._next, seconds_of(status["expireAt"]) - self._ahead)

    async def _reconcile(self, run: Mapping[str, Any], jobs: Sequence[dict[str, Any]]) -> None:
        if run["metadata"]["name"] not in self.forgotten:
            await super()._reconcile(run, jobs)


class Nodes(Workers):
    """The simulated Job controller and kubelets, with suspended Jobs and restarts of nodes."""

    def __init__(self, *, ahead: float, **of: Any) -> None:
        super().__init__(**of)
        self._ahead = ahead
        self._next = 0.0

    def due(self, now: float) -> bool:
        """Whether the status of a Job must be updated at `now`, according to the last round."""
        return now >= self._next

    async def advance(self) -> None:
        """Updates the status of all Jobs once."""
        self._next = math.inf
        await super().advance()

    async def _advance(self, item: Mapping[str, Any]) -> None:
        status = item.get("status", {})
        if item["spec"].get("suspend"):
            if status.get("startTime"):
                await self._delete_pod(item)
                await self._write(item, statuses.suspended(self._clock()))
            return
        if not status.get("startTime") and status.get("conditions"):
            await self._start(item, statuses.resumed(self._clock()))
            return
        await super()._advance(item)
        if status.get("active"):
            began = seconds_of(status["startTime"])
            for seconds in (seconds_in(item, WORK_SECONDS), seconds_in(item, START_SECONDS)):
                if began + seconds > self._clock():
                    self._next = min(self._next, began + seconds - self._ahead)

    async def restart_node(self, rng: random.Random) -> None:
        """Restarts one of three nodes. Its pods are lost, so the Jobs fail, because their backoffLimit is 0."""
        for item in await self._writer.items(self._jobs):
            kinds = {owner["kind"] for owner in item["metadata"].get("ownerReferences", ())}
            if item.get("status", {}).get("active") and "CodeRun" in kinds and rng.choice((True, False, False)):
                await self._finish(item, "1")

    async def finish(self, run: str) -> None:
        """Completes the Job of the run, as if its leftover process was killed."""
        for item in await self._jobs_of(run):
            await self._finish(item, "0")

    async def suspend(self, run: str, *, suspended: bool) -> None:
        """Suspends or resumes the Job of the run."""
        for item in await self._jobs_of(run):
            path = f"{self._jobs}/{item['metadata']['name']}"
            await self._writer.patch(path, {"spec": {"suspend": suspended}})

    async def _jobs_of(self, run: str) -> list[dict[str, Any]]:
        items = await self._writer.items(self._jobs)
        return [item for item in items if any(one["name"] == run for one in item["metadata"]["ownerReferences"])]
