"""Records the running exporter: its scrapes, its memory and file descriptors in /proc, and the errors in its log."""

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec

from lab.exporting import Exporter
from lab.measure import Subject
from tools.soak.outcome import MEASURES, Struck
from tools.soak.scrapers import Seen
from tools.soak.trend import Point

__all__ = ["ExporterEndedError", "Observer"]

_ROOT = pathlib.Path(__file__).resolve().parents[2]


class ExporterEndedError(Exception):
    """The exporter has exited; the text is the end of its log."""


class Observer:
    """`scrape` and `sample` append to `scrapes` and `series`. Times are in seconds since the observer was created."""

    def __init__(self, exporter: Exporter) -> None:
        self.scrapes: list[Seen] = []
        self.series: dict[str, list[Point]] = {measure.name: [] for measure in MEASURES}
        self._exporter = exporter
        self._subject = Subject(pid=exporter.pid, host=exporter.address)
        self._started = time.monotonic()
        self._cpu = self._subject.cpu_seconds()

    @property
    def now(self) -> float:
        """Seconds since the creation of the observer."""
        return time.monotonic() - self._started

    @property
    def peak_mib(self) -> float:
        """The peak of the exporter's resident memory."""
        return self._subject.memory_mib(peak=True)

    @property
    def cpu_share(self) -> float:
        """The exporter's share of one core since the creation of the observer; 1 is a full core."""
        return (self._subject.cpu_seconds() - self._cpu) / self.now

    async def scrape(self, *, clients: int, least: int, most: int) -> None:
        """Records the scrapes of these clients until cancelled. A response must have `least` to `most` runs."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tools.soak.scrapers", self._exporter.address),
            *map(str, (clients, least, most)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            while line := await process.stdout.readline():
                self._record(msgspec.json.decode(line, type=Seen))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def sample(self) -> None:
        """Records the values in /proc each second until cancelled. Raises ExporterEndedError."""
        folder = pathlib.Path(f"/proc/{self._exporter.pid}")
        while True:
            if not self._exporter.running():
                raise ExporterEndedError(f"the exporter has ended: {self._exporter.log.read_text()[-1000:]}")
            values = {
                "memory": self._subject.memory_mib(),
                "descriptors": len(os.listdir(folder / "fd")),  # noqa: PTH208 - only the number is needed
                "threads": len(os.listdir(folder / "task")),  # noqa: PTH208 - only the number is needed
            }
            self._add("by /proc", values, at=self.now)
            await asyncio.sleep(1)

    def progress(self) -> str:
        """The last memory, tasks and descriptors, and the scrapes so far, as a part of a log line."""
        last = next((seen for seen in reversed(self.scrapes) if seen.memory), None)
        size = f"{last.memory / 2**20:.0f} MiB, {last.tasks:.0f} tasks, {last.descriptors:.0f} fds" if last else "-"
        slowest = max((seen.seconds for seen in self.scrapes), default=0.0)
        failed = sum(bool(seen.problem) for seen in self.scrapes)
        return f"{size:27} {len(self.scrapes):6,} scrapes, {failed} failed, slowest {slowest:.2f} s"

    def struck(self, faults: list[tuple[str, float]]) -> Iterator[Struck]:
        """Each fault (name, start), with the requests that the exporter sent until the next fault."""
        starts = [at for _, at in faults] + [float("inf")]
        requests = [(seen.at, seen.requests) for seen in self.scrapes if seen.requests]
        for (name, at), until in zip(faults, starts[1:], strict=True):
            before = max((count for when, count in requests if when <= at), default=0.0)
            after = max((count for when, count in requests if when <= until), default=0.0)
            yield Struck(name=name, at=at, asked=after - before)

    def complaints(self) -> list[str]:
        """The errors in the exporter's log."""
        lines = self._exporter.log.read_text().splitlines()
        return [line for line in lines if json.loads(line)["level"] == "ERROR"]

    def _record(self, seen: Seen) -> None:
        seen.at -= self._started
        self.scrapes.append(seen)
        if seen.memory:
            values = {"memory": seen.memory / 2**20, "tasks": seen.tasks, "descriptors": seen.descriptors}
            self._add("by its own page", values, at=seen.at)

    def _add(self, source: str, values: dict[str, float], *, at: float) -> None:
        for name, value in values.items():
            unit = ", MiB" if name == "memory" else ""
            self.series[f"{name} {source}{unit}"].append((at, value))
