"""What an agent says itself: that its work is done, in the status of its run.

It is played on a real cluster as well: the containers there do no work.
"""

from collections.abc import Callable, Mapping
from typing import Any

from exporter.demo.clock import rfc3339, seconds_of
from exporter.demo.manifests import WORK_SECONDS, exit_of
from exporter.demo.platform import JOBS, RUNS
from exporter.demo.writer import Writer

__all__ = ["Agents"]


class Agents:
    """The agents of the Jobs whose container stays: each reports its success once, and that is the incident."""

    def __init__(self, *, writer: Writer, clock: Callable[[], float]) -> None:
        self._writer = writer
        self._clock = clock
        self._reported: set[str] = set()

    async def advance(self) -> None:
        """One round over all Jobs."""
        jobs = await self._writer.items(JOBS)
        for item in jobs:
            if item["metadata"]["uid"] not in self._reported and self._has_worked(item) and exit_of(item) == "never":
                self._reported.add(item["metadata"]["uid"])
                await self._report(item)
        self._reported &= {item["metadata"]["uid"] for item in jobs}

    def _has_worked(self, item: Mapping[str, Any]) -> bool:
        status, notes = item.get("status", {}), item["metadata"].get("annotations", {})
        if not status.get("active") or not status.get("startTime"):
            return False
        return self._clock() - seconds_of(status["startTime"]) >= float(notes.get(WORK_SECONDS, 0))

    async def _report(self, item: Mapping[str, Any]) -> None:
        for owner in item["metadata"].get("ownerReferences", ()):
            status = {"workCompleted": True, "lastUpdate": rfc3339(self._clock())}
            await self._writer.patch(f"{RUNS}/{owner['name']}/status", {"status": status})
