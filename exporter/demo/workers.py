"""What stands where no Job controller and no kubelet run: Jobs start, and they end or hang.

A real cluster has its own; there the demo leaves this out.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from exporter.demo.clock import rfc3339, seconds_of
from exporter.demo.manifests import WORK_SECONDS, exit_of
from exporter.demo.platform import JOBS
from exporter.demo.writer import Writer

__all__ = ["Workers"]


class Workers:
    """Plays every Job by its annotations: how long its container works, and what it does afterwards."""

    def __init__(self, *, writer: Writer, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._clock = clock

    async def advance(self) -> None:
        """One round over all Jobs."""
        for item in await self._writer.items(JOBS):
            await self._advance(item)

    async def _advance(self, item: Mapping[str, Any]) -> None:
        status = item.get("status", {})
        if not status.get("startTime"):
            await self._write(item, {"startTime": rfc3339(self._clock()), "active": 1, "ready": 1})
        elif status.get("active"):
            worked = self._clock() - seconds_of(status["startTime"])
            if worked >= item["spec"].get("activeDeadlineSeconds", math.inf):
                await self._fail(item, "DeadlineExceeded")
            elif worked >= float(item["metadata"].get("annotations", {}).get(WORK_SECONDS, 0)):
                await self._finish(item, exit_of(item))

    async def _finish(self, item: Mapping[str, Any], ending: str) -> None:
        """`0` and `1` are exit codes. `never` is the incident: the process stays."""
        if ending == "0":
            conditions = self._conditions("SuccessCriteriaMet", "Complete")
            ended = {"succeeded": 1, "completionTime": rfc3339(self._clock()), "conditions": conditions}
            await self._write(item, {"active": None, "ready": 0} | ended)
        elif ending != "never":
            await self._fail(item, "BackoffLimitExceeded")

    async def _fail(self, item: Mapping[str, Any], reason: str) -> None:
        conditions = self._conditions("FailureTarget", "Failed", reason=reason)
        await self._write(item, {"active": None, "ready": 0, "failed": 1, "conditions": conditions})

    def _conditions(self, *kinds: str, **more: str) -> list[dict[str, str]]:
        """What announces the end, and the end: the API server refuses the one without the other."""
        now = rfc3339(self._clock())
        return [{"type": kind, "status": "True", "lastTransitionTime": now} | more for kind in kinds]

    async def _write(self, item: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        await self._writer.patch(f"{JOBS}/{item['metadata']['name']}/status", {"status": status})
