"""What stands where no Job controller and no kubelet run: Jobs start, their agents work, and they end or hang.

A real cluster has its own; there the demo leaves this out.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from exporter.demo.clock import rfc3339, seconds_of
from exporter.demo.manifests import EXITS, WORK_SECONDS
from exporter.demo.platform import JOBS, RUNS
from exporter.demo.writer import Writer

__all__ = ["Workers"]


class Workers:
    """Plays every Job by its annotations: how long the agent works, and what its container does afterwards."""

    def __init__(self, *, writer: Writer, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._clock = clock
        self._reported: set[str] = set()

    async def advance(self) -> None:
        """One round over all Jobs."""
        jobs = await self._writer.items(JOBS)
        for item in jobs:
            await self._advance(item)
        self._reported &= {item["metadata"]["uid"] for item in jobs}

    async def _advance(self, item: Mapping[str, Any]) -> None:
        status = item.get("status", {})
        if not status.get("startTime"):
            await self._write(item, {"startTime": rfc3339(self._clock()), "active": 1, "ready": 1})
        elif status.get("active"):
            worked = self._clock() - seconds_of(status["startTime"])
            if worked >= item["spec"].get("activeDeadlineSeconds", math.inf):
                await self._fail(item, "DeadlineExceeded")
            elif worked >= float(item["metadata"].get("annotations", {}).get(WORK_SECONDS, 0)):
                await self._finish(item, _exit_of(item))

    async def _finish(self, item: Mapping[str, Any], ending: str) -> None:
        """`0` and `1` are exit codes. `never` is the incident: the agent reports success, the process stays."""
        if ending == "never":
            if item["metadata"]["uid"] not in self._reported:
                self._reported.add(item["metadata"]["uid"])
                await self._report(item)
        elif ending == "0":
            conditions = self._conditions("SuccessCriteriaMet", "Complete")
            ended = {"succeeded": 1, "completionTime": rfc3339(self._clock()), "conditions": conditions}
            await self._write(item, {"active": None, "ready": 0} | ended)
        else:
            await self._fail(item, "BackoffLimitExceeded")

    async def _fail(self, item: Mapping[str, Any], reason: str) -> None:
        conditions = self._conditions("FailureTarget", "Failed", reason=reason)
        await self._write(item, {"active": None, "ready": 0, "failed": 1, "conditions": conditions})

    def _conditions(self, *kinds: str, **more: str) -> list[dict[str, str]]:
        """What announces the end, and the end: the API server refuses the one without the other."""
        now = rfc3339(self._clock())
        return [{"type": kind, "status": "True", "lastTransitionTime": now} | more for kind in kinds]

    async def _report(self, item: Mapping[str, Any]) -> None:
        """The agent says that it is done, in the status of its run."""
        for owner in item["metadata"].get("ownerReferences", ()):
            status = {"workCompleted": True, "lastUpdate": rfc3339(self._clock())}
            await self._writer.patch(f"{RUNS}/{owner['name']}/status", {"status": status})

    async def _write(self, item: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        await self._writer.patch(f"{JOBS}/{item['metadata']['name']}/status", {"status": status})


def _exit_of(item: Mapping[str, Any]) -> str:
    """The word of this attempt; the last one stands for all later ones."""
    meta = item["metadata"]
    exits: list[str] = meta.get("annotations", {}).get(EXITS, "0").split(",")
    attempt = int(meta.get("labels", {}).get("context-version", "1"))
    return exits[min(attempt, len(exits)) - 1]
