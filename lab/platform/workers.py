"""Simulates the Job controller and the kubelets of Kubernetes 1.36: Jobs start, and end or hang.

It is not used with a real cluster, which has its own Job controller.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lab.clock import seconds_of
from lab.platform import statuses
from lab.platform.generations import NOVEMBER, Generation
from lab.platform.manifests import START_SECONDS, WORK_SECONDS, exit_of
from lab.platform.writer import Writer

__all__ = ["Workers", "seconds_in"]


class Workers:
    """Runs every Job according to its annotations: when its pod is ready, how long it works, and how it exits."""

    def __init__(self, *, writer: Writer, clock: Callable[[], float], generation: Generation = NOVEMBER) -> None:
        self._writer = writer
        self._clock = clock
        self._jobs = generation.jobs

    async def advance(self) -> None:
        """Updates the status of all Jobs once."""
        for item in await self._writer.items(self._jobs):
            await self._advance(item)

    async def _advance(self, item: Mapping[str, Any]) -> None:
        status, ending, now = item.get("status", {}), exit_of(item), self._clock()
        conditions = {each["type"] for each in status.get("conditions", ()) if each["status"] == "True"}
        if conditions & {"Complete", "Failed"}:
            return
        if not status.get("startTime"):
            await self._write(item, statuses.active(now, pods=0 if ending == "no-pod" else 1))
            return
        since = now - seconds_of(status["startTime"])
        if "FailureTarget" in conditions:
            await self._write(item, statuses.failed(now, reason="DeadlineExceeded"))
        elif since >= item["spec"].get("activeDeadlineSeconds", math.inf):
            await self._write(item, statuses.failing(now))
        elif ending in {"no-pod", "pending"} or not status.get("active"):
            return
        elif since >= seconds_in(item, WORK_SECONDS):
            await self._finish(item, ending)
        elif not status.get("ready") and since >= seconds_in(item, START_SECONDS):
            await self._write(item, statuses.active(ready=1))

    async def _finish(self, item: Mapping[str, Any], ending: str) -> None:
        """Ends the Job with the exit code `0` or `1`. For `never`, the process continues, and its pod is ready."""
        if ending == "0":
            await self._write(item, statuses.complete(self._clock()))
        elif ending == "1":
            await self._write(item, statuses.failed(self._clock()))
        elif not item["status"].get("ready"):
            await self._write(item, statuses.active(ready=1))

    async def _write(self, item: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        await self._writer.patch(f"{self._jobs}/{item['metadata']['name']}/status", {"status": status})


def seconds_in(item: Mapping[str, Any], annotation: str) -> float:
    """The number in an annotation of a Job; 0 without it."""
    return float(item["metadata"].get("annotations", {}).get(annotation, 0))
