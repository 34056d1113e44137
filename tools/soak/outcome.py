"""The outcome of a soak test, and one line for each problem in it."""

import dataclasses
from collections.abc import Iterator, Sequence

from tools.soak.scrapers import Seen
from tools.soak.trend import Point, Trend, trend

__all__ = ["MEASURES", "Measure", "Outcome", "Struck", "grows", "wrongs"]

_HOUR = 3600.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measure:
    """A quantity that must not grow by more than `drift` between the warm-up and the end of the test.

    Memory of the allocator and the number of open connections vary. That growth is bounded, but a leak is not. So a
    longer test finds smaller leaks.
    """

    name: str
    drift: float
    digits: int = 0

    def per_hour(self, found: Trend) -> str:
        """The 95 % interval of the slope, per hour."""
        return f"{found.low * _HOUR:+,.{self.digits}f} to {found.high * _HOUR:+,.{self.digits}f}"

    def allowed(self, *, seconds: float) -> float:
        """The allowed growth per hour, if the trend covers `seconds`."""
        return self.drift / seconds * _HOUR


MEASURES = (
    Measure(name="memory by its own page, MiB", drift=8.0, digits=1),
    Measure(name="memory by /proc, MiB", drift=8.0, digits=1),
    Measure(name="tasks by its own page", drift=2.0),
    Measure(name="descriptors by its own page", drift=2.0),
    Measure(name="descriptors by /proc", drift=2.0),
    Measure(name="threads by /proc", drift=1.0),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Struck:
    """A fault that occurred; `asked` is the number of requests that the exporter sent until the next fault."""

    name: str
    at: float
    asked: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The records of a soak test. Times are seconds since its start; the warm-up ends at `settled`.

    `series` has the points of each measure by name. `block` is the interval between faults. `changes` is the number
    of writes during the test, which replaced all objects `turnovers` times. `different` are the samples that only the
    exporter's last scrape has (+), or only that of a newly started exporter (-). `complaints` are the log's errors.
    """

    seconds: float
    settled: float
    block: float
    scrapes: Sequence[Seen]
    series: dict[str, Sequence[Point]]
    faults: Sequence[Struck]
    changes: int
    turnovers: float
    peak_mib: float
    cpu_share: float
    different: Sequence[str]
    complaints: Sequence[str]

    @property
    def judged(self) -> float:
        """The seconds after the warm-up."""
        return self.seconds - self.settled

    def trend(self, measure: Measure) -> Trend | None:
        """The trend after the warm-up; None if there are too few samples."""
        points = [point for point in self.series[measure.name] if point[0] >= self.settled]
        return trend(points, block=self.block)


def grows(found: Trend, *, drift: float, seconds: float) -> bool:
    """Whether the whole interval of the slope is above `drift` in `seconds`."""
    return found.low * seconds > drift


def wrongs(outcome: Outcome) -> list[str]:
    """One line for each problem."""
    checks = (_scrape_problems, _growth_problems, _fault_problems, _result_problems)
    return [line for check in checks for line in check(outcome)]


def _scrape_problems(outcome: Outcome) -> Iterator[str]:
    failed = [seen for seen in outcome.scrapes if seen.problem]
    if failed:
        first = failed[0]
        yield (
            f"{len(failed)} of {len(outcome.scrapes)} scrapes failed; the first after {first.at:.0f} s, "
            f"by client {first.client} ({first.form}): {first.problem}"
        )
    if not outcome.scrapes:
        yield "nothing was scraped"


def _growth_problems(outcome: Outcome) -> Iterator[str]:
    for measure in MEASURES:
        found = outcome.trend(measure)
        if found is None:
            yield f"{measure.name}: too few samples to tell whether it grows"
        elif grows(found, drift=measure.drift, seconds=outcome.judged):
            yield (
                f"{measure.name}: grows by {found.slope * _HOUR:,.{measure.digits}f} an hour (95 % interval "
                f"{measure.per_hour(found)}); allowed are {measure.allowed(seconds=outcome.judged):,.1f}"
            )


def _fault_problems(outcome: Outcome) -> Iterator[str]:
    """Each fault breaks connections, so the exporter must send requests after it. If not, the fault had no effect."""
    for fault in outcome.faults:
        if not fault.asked:
            yield f"the exporter did not notice the fault after {fault.at:.0f} s: {fault.name}"


def _result_problems(outcome: Outcome) -> Iterator[str]:
    if outcome.different:
        yield (
            f"the last page differs from that of an exporter that was just started, in {len(outcome.different)} "
            f"lines, such as {outcome.different[0]}"
        )
    if outcome.complaints:
        yield f"{len(outcome.complaints)} errors in the exporter's log, the first: {outcome.complaints[0]}"
