"""What is seen of the exporter while it runs: by its clients, by /proc, and in its log."""

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
from tools.soak.judge import MEASURES, Struck
from tools.soak.scrapers import Seen
from tools.soak.trend import Point

__all__ = ["ExporterEndedError", "Eyes"]

_ROOT = pathlib.Path(__file__).resolve().parents[2]


class ExporterEndedError(Exception):
    """The exporter has ended by itself; the text is the end of its log."""


class Eyes:
    """`scrapes` and `series` grow while `scrape` and `sample` run; their times are seconds since this was made."""

    def __init__(self, exporter: Exporter) -> None:
        self.scrapes: list[Seen] = []
        self.series: dict[str, list[Point]] = {measure.name: [] for measure in MEASURES}
        self._exporter = exporter
        self._subject = Subject(pid=exporter.pid, host=exporter.address)
        self._begun = time.monotonic()
        self._cpu = self._subject.cpu_seconds()

    @property
    def now(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begun

    @property
    def peak_mib(self) -> float:
        """Of its resident memory."""
        return self._subject.memory_mib(peak=True)

    @property
    def cpu_share(self) -> float:
        """Of one core, since the begin."""
        return (self._subject.cpu_seconds() - self._cpu) / self.now

    async def scrape(self, *, clients: int, least: int, most: int) -> None:
        """Notes what so many clients see, for ever; a page has at least so many runs, and at most."""
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
                self._note(msgspec.json.decode(line, type=Seen))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def sample(self) -> None:
        """Notes each second what /proc says, for ever. Raises ExporterEndedError."""
        folder = pathlib.Path(f"/proc/{self._exporter.pid}")
        while True:
            if not self._exporter.running():
                raise ExporterEndedError(f"the exporter has ended: {self._exporter.log.read_text()[-1000:]}")
            values = {
                "memory": self._subject.memory_mib(),
                "descriptors": len(os.listdir(folder / "fd")),  # noqa: PTH208 - a count is all
                "threads": len(os.listdir(folder / "task")),  # noqa: PTH208 - a count is all
            }
            self._add("by /proc", values, at=self.now)
            await asyncio.sleep(1)

    def progress(self) -> str:
        """Where it stands."""
        last = next((seen for seen in reversed(self.scrapes) if seen.memory), None)
        size = f"{last.memory / 2**20:.0f} MiB, {last.tasks:.0f} tasks, {last.descriptors:.0f} fds" if last else "-"
        slowest = max((seen.seconds for seen in self.scrapes), default=0.0)
        failed = sum(bool(seen.problem) for seen in self.scrapes)
        return f"{size:27} {len(self.scrapes):6,} scrapes, {failed} failed, slowest {slowest:.2f} s"

    def struck(self, faults: list[tuple[str, float]]) -> Iterator[Struck]:
        """Each fault, by its name and its begin, with the requests from the last scrape before it to the next one."""
        begins = [at for _, at in faults] + [float("inf")]
        told = [(seen.at, seen.requests) for seen in self.scrapes if seen.requests]
        for (name, at), until in zip(faults, begins[1:], strict=True):
            before = max((count for when, count in told if when <= at), default=0.0)
            after = max((count for when, count in told if when <= until), default=0.0)
            yield Struck(name=name, at=at, asked=after - before)

    def complaints(self) -> list[str]:
        """The errors in its log."""
        lines = self._exporter.log.read_text().splitlines()
        return [line for line in lines if json.loads(line)["level"] == "ERROR"]

    def _note(self, seen: Seen) -> None:
        seen.at -= self._begun
        self.scrapes.append(seen)
        if seen.memory:
            values = {"memory": seen.memory / 2**20, "tasks": seen.tasks, "descriptors": seen.descriptors}
            self._add("by its own page", values, at=seen.at)

    def _add(self, source: str, values: dict[str, float], *, at: float) -> None:
        for name, value in values.items():
            unit = ", MiB" if name == "memory" else ""
            self.series[f"{name} {source}{unit}"].append((at, value))
