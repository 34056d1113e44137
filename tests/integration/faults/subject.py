"""The exporter under a fault, and what must hold afterwards, whatever the fault was."""

import contextlib
import html
import json
import pathlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from lab.controlplane.plane import ControlPlane
from lab.exporting import Exporter, object_samples, series_of, stateless_samples
from lab.faults import impatient
from lab.faults.fresh import fresh_page
from lab.faults.proxy import FaultProxy
from lab.waiting import until
from tests.integration.load import Scraper, Seen

__all__ = ["IDLE_SECONDS", "Endured", "Subject", "Turn", "samples", "states"]

IDLE_SECONDS = 3.0
_PROGRAM = pathlib.Path(impatient.__file__)
_MOST_GROWTH_MIB = 24
"""What a process of this size may be larger by for reasons of its allocator."""


class Turn(NamedTuple):
    """A line of the log: a resource has gone from one state to another."""

    resource: str
    was: str
    state: str
    detail: str
    scope: str


class Footprint(NamedTuple):
    """What a leak would make grow."""

    tasks: int
    descriptors: int
    mib: float


class Endured:
    """What was seen of the exporter while something went on, and how long it took to be whole again."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.scrapes: list[Seen] = []
        self.mended_at: float | None = None
        self.whole_after = 0.0
        self.growth_mib = 0.0

    def mended(self) -> None:
        """The fault is over now: what it takes to be whole again is counted from here."""
        self.mended_at = time.monotonic()

    def turns_of(self, resource: str, *, scope: str = "") -> list[str]:
        """The states that a resource went through, one for each line of the log; in one scope, or in all."""
        return [turn.state for turn in self.turns if turn.resource == resource and scope in {"", turn.scope}]


class Subject:
    """An exporter that reads a real API server through a proxy; used as a context manager.

    It gives up a watch after `idle` seconds of silence. `clock` is a file that sets its clock wrong.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        plane: ControlPlane,
        proxy: FaultProxy,
        settings: dict[str, Any],
        kubeconfig: pathlib.Path,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.clock = folder / "clock"
        self._plane = plane
        self._proxy = proxy
        self._settings = settings
        self._exporter = Exporter(
            folder / "exporter",
            kubeconfig=kubeconfig,
            settings=settings | {"log": {"format": "json"}},
            program=(str(_PROGRAM), str(idle), str(self.clock)),
        )

    def __enter__(self) -> Self:
        self._exporter.__enter__()
        try:
            # Events are watched a moment after the lists of runs, of which some are open.
            until(lambda: "events" in self.states() and self.is_watching(), what="everything is watched")
            until(lambda: self.footprint().tasks, what="its tasks were counted once")
        except BaseException:
            self._exporter.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._exporter.__exit__(*error)

    @contextlib.contextmanager
    def enduring(self, *, seconds: float = 90.0) -> Iterator[Endured]:
        """What happens inside, happens to the exporter while it is scraped all the time; then all must be as before.

        Every scrape was answered, no series was there twice, and those that nobody touched (their names begin with
        `steady`) on every page with the same value. In the end everything is watched, the page is that of an
        exporter which was just started, and tasks, descriptors and memory are what they were.
        """
        endured, before, logged = Endured(), self.footprint(), len(self.turns())
        with Scraper(self._exporter) as scraper:
            until(lambda: scraper.seen, what="a scrape before it")
            yield endured
            begun = endured.mended_at or time.monotonic()
            until(self.is_watching, what="everything is watched again", seconds=seconds, otherwise=self.readiness)
            self._until_equal(seconds=seconds)
            endured.whole_after = time.monotonic() - begun
        endured.turns, endured.scrapes = self.turns()[logged:], scraper.seen
        _check(endured.scrapes)
        until(lambda: self._is_as_before(before), what=f"as before: {before}", otherwise=self.footprint)
        endured.growth_mib = self.footprint().mib - before.mib

    def page(self) -> str:
        """Its page."""
        return self._exporter.get().text

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with these labels."""
        return _sum(samples(self.page(), name, **labels))

    def late(self, *, seconds: str) -> float:
        """How often the event loop came back later than that, which is one of the histogram's bounds."""
        page, name = self.page(), "coderun_exporter_event_loop_delay_seconds"
        return _sum(samples(page, f"{name}_count")) - _sum(samples(page, f"{name}_bucket", le=seconds))

    def states(self) -> dict[str, str]:
        """The state of each resource, by its name; of several scopes the one that is not `watching`."""
        return states(self.page())

    def is_watching(self) -> bool:
        """Whether everything is watched."""
        return set(self.states().values()) == {"watching"}

    def readiness(self) -> str:
        """What /readyz says of each resource."""
        return self._exporter.get("/readyz").text

    def start_page(self) -> str:
        """The text of the page at `/`, which has the details."""
        return html.unescape(self._exporter.get("/").text)

    def turns(self) -> list[Turn]:
        """Every change of a resource's state that the log tells, in order."""
        lines = [json.loads(line) for line in self._exporter.log.read_text().splitlines()]
        return [
            Turn(line["resource"], line["was"], line["state"], line["detail"], line["scope"])
            for line in lines
            if line["msg"] == "Resource state changed"
        ]

    def errors(self) -> list[dict[str, str]]:
        """The log's lines of level ERROR: faults of the exporter itself, of which there must be none."""
        lines = [json.loads(line) for line in self._exporter.log.read_text().splitlines()]
        return [line for line in lines if line["level"] == "ERROR"]

    def footprint(self) -> Footprint:
        """Its tasks, descriptors and memory, without the proxy's connections, which come and go."""
        page = self.page()

        def one(name: str) -> float:
            return float(samples(page, name)[0].rpartition(" ")[2])

        return Footprint(
            tasks=int(one("coderun_exporter_event_loop_tasks")),
            descriptors=int(one("process_open_fds")),
            mib=one("process_resident_memory_bytes") / 2**20,
        )

    def is_fresh(self) -> bool:
        """Whether its page tells of the cluster what that of an exporter does which was just started."""
        fresh = fresh_page(self._settings, kubeconfig=self._plane.kubeconfig)
        names = {line.split()[2] for line in fresh.split("\n") if line.startswith("# TYPE ")}
        told = [line for line in stateless_samples(self.page()) if line.partition("{")[0].partition(" ")[0] in names]
        return sorted(told) == sorted(stateless_samples(fresh))

    def _until_equal(self, *, seconds: float) -> None:
        until(self.is_fresh, what="the page is that of a fresh exporter", seconds=seconds, otherwise=self.readiness)

    def _is_as_before(self, before: Footprint) -> bool:
        now = self.footprint()
        return (
            now.tasks <= before.tasks
            and now.descriptors <= before.descriptors
            and now.mib <= before.mib + _MOST_GROWTH_MIB
        )


def _check(scrapes: list[Seen]) -> None:
    assert {seen.status for seen in scrapes} == {200}
    steady = _steady(scrapes[0].page)
    for seen in scrapes:
        doubled = [series for series, count in Counter(series_of(seen.page)).items() if count > 1]
        assert not doubled
        assert _steady(seen.page) == steady


def _steady(page: str) -> list[str]:
    return sorted(line for line in object_samples(page) if '"steady-' in line)


def samples(page: str, name: str, **labels: str) -> list[str]:
    """The lines of a page that are samples of that name with these labels."""
    wanted = [f'{key}="{text}"' for key, text in labels.items()]
    lines = [line for line in page.split("\n") if line.startswith((f"{name}{{", f"{name} "))]
    return [line for line in lines if all(pair in line for pair in wanted)]


def states(page: str) -> dict[str, str]:
    """The state of each resource, by its name; of several scopes one that is not `watching`, where there is one."""
    ones = [line for line in samples(page, "coderun_exporter_resource_state") if line.endswith(" 1.0")]
    pairs = [(_label(line, "resource"), _label(line, "state")) for line in ones]
    return dict(sorted(pairs, key=lambda pair: pair[1] == "watching", reverse=True))


def _sum(lines: list[str]) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _label(line: str, name: str) -> str:
    return line.partition(f'{name}="')[2].partition('"')[0]
