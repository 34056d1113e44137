"""What a soak came to, and one line for each thing that is wrong with it."""

import dataclasses
from collections.abc import Iterator, Sequence

from tools.soak.scrapers import Seen
from tools.soak.trend import Point, Trend, trend

__all__ = ["MEASURES", "Measure", "Outcome", "Struck", "grows", "wrongs"]

_HOUR = 3600.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measure:
    """Something that must not grow. By `drift` it may, over the judged time, however long that is.

    An allocator is never quite settled, and how many connections are open just then is chance: such growth comes to
    an end, and a leak does not. So the longer the run, the smaller the leak that is found.
    """

    name: str
    drift: float
    digits: int = 0

    def per_hour(self, found: Trend) -> str:
        """The interval of its slope."""
        return f"{found.low * _HOUR:+,.{self.digits}f} to {found.high * _HOUR:+,.{self.digits}f}"

    def allowed(self, *, seconds: float) -> float:
        """An hour, where so many seconds are judged."""
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
    """A fault that was; `asked` are the requests that the exporter began until the next one."""

    name: str
    at: float
    asked: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that was seen. Times are seconds since the soak began; it is judged from `settled` on.

    `series` has the points of each measure, by its name, and `block` is from one fault to the next. `changes` are of
    the whole time, in which everything was replaced `turnovers` times. `different` are lines that only the exporter's
    last page has (+), or only that of a fresh one (-). `complaints` are the errors in its log.
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
        """Seconds."""
        return self.seconds - self.settled

    def trend(self, measure: Measure) -> Trend | None:
        """Of the judged time; None where there are too few samples of it."""
        points = [point for point in self.series[measure.name] if point[0] >= self.settled]
        return trend(points, block=self.block)


def grows(found: Trend, *, drift: float, seconds: float) -> bool:
    """Whether it grows by more than the drift in so many seconds, with all of its interval."""
    return found.low * seconds > drift


def wrongs(outcome: Outcome) -> list[str]:
    """One line for each thing that is wrong."""
    return [*_unanswered(outcome), *_growing(outcome), *_unnoticed(outcome), *_untrue(outcome)]


def _unanswered(outcome: Outcome) -> Iterator[str]:
    failed = [seen for seen in outcome.scrapes if seen.problem]
    if failed:
        first = failed[0]
        yield (
            f"{len(failed)} of {len(outcome.scrapes)} scrapes failed; the first after {first.at:.0f} s, "
            f"by client {first.client} ({first.form}): {first.problem}"
        )
    if not outcome.scrapes:
        yield "nothing was scraped"


def _growing(outcome: Outcome) -> Iterator[str]:
    for measure in MEASURES:
        found = outcome.trend(measure)
        if found is None:
            yield f"{measure.name}: too few samples to tell whether it grows"
        elif grows(found, drift=measure.drift, seconds=outcome.judged):
            yield (
                f"{measure.name}: grows by {found.slope * _HOUR:,.{measure.digits}f} an hour (95 % interval "
                f"{measure.per_hour(found)}); allowed are {measure.allowed(seconds=outcome.judged):,.1f}"
            )


def _unnoticed(outcome: Outcome) -> Iterator[str]:
    """Each fault breaks connections, so that each must make the exporter ask again; else it was none."""
    for fault in outcome.faults:
        if not fault.asked:
            yield f"the exporter did not notice the fault after {fault.at:.0f} s: {fault.name}"


def _untrue(outcome: Outcome) -> Iterator[str]:
    if outcome.different:
        yield (
            f"the last page differs from that of an exporter that was just started, in {len(outcome.different)} "
            f"lines, such as {outcome.different[0]}"
        )
    if outcome.complaints:
        yield f"{len(outcome.complaints)} errors in the exporter's log, the first: {outcome.complaints[0]}"
