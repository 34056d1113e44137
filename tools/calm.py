"""Simulates a month of normal operation, in which no alert may fire, and the month with 50 faults: `make calm`.

Writes docs/calm.md. The month is divided into stretches of a few days, which are simulated in parallel. promtool
evaluates a stretch in blocks of `BLOCK_DAYS`.
"""

import argparse
import asyncio
import concurrent.futures
import dataclasses
import datetime as dt
import pathlib
import random
import sys
import time
from collections.abc import Iterator, Sequence

from exporter.config import Thresholds
from lab.clock import duration, of_day
from lab.timelapse.evaluation import STEP, EvaluationError, Firing, metrics_of, verdict
from lab.timelapse.exporter_faults import EXPORTER
from lab.timelapse.fault import Fault
from lab.timelapse.job_faults import JOB_FAULTS
from lab.timelapse.normal import DAY, Schedule
from lab.timelapse.play import Agenda, play
from lab.timelapse.run_faults import RUN_FAULTS
from lab.timelapse.series import Recorder
from lab.timelapse.world import LIMITS, World
from tools.markdown import fill_page

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "calm.md"
FIRST_DAY = dt.date(2026, 3, 1)
OVERLAP = 26 * 3600  # seconds of samples before a block: the longest time that a rule looks back
BLOCK_DAYS = 2  # days that one run of promtool evaluates
EVERY = 2  # rules are evaluated every 60 s: every 30 s, at each scrape, would take twice as long
DELAY_SECONDS = 240  # seconds that an alert may be late: a lost scrape restarts its `for`
KINDS = (*RUN_FAULTS, *JOB_FAULTS, *EXPORTER)
SKEWS = (30.0, -30.0, 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stretch:
    """Consecutive days of the month, from day `first` (0 is the first day), and the numbers of the faults in them.

    `schedule` adds what happens on a day; `thresholds` and `replicas` are those of the exporter.
    """

    seed: int
    first: int
    days: int
    faults: range
    schedule: type[Schedule] = Schedule
    thresholds: Thresholds = LIMITS
    replicas: int = 2

    @property
    def skew(self) -> float:
        """How far the API server's clock is ahead, in seconds."""
        return SKEWS[self.first % len(SKEWS)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StretchResult:
    """The result of a simulated stretch."""

    skew: float
    scrapes: int
    faults: tuple[Fault, ...]
    fired: tuple[Firing, ...]


def main() -> int:
    """Simulates both months. Returns 1 if an alert fired in normal operation or a fault was not detected."""
    parser = argparse.ArgumentParser(prog="make calm", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--stretch", type=int, default=6, help="days of a stretch")
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write docs/calm.md")
    args = parser.parse_args()
    started = time.monotonic()
    stretches = [*_stretches(args, faults=0), *_stretches(args, faults=args.faults)]
    try:
        with concurrent.futures.ProcessPoolExecutor() as pool:
            played = []
            for stretch, one in zip(stretches, pool.map(play_stretch, stretches), strict=True):
                played.append(one)
                print(_progress(stretch, one), file=sys.stderr)
    except EvaluationError as error:
        print(f"make calm: {error}", file=sys.stderr)
        return 2
    text, wrong = render_report(args, played[: len(played) // 2], played[len(played) // 2 :])
    if args.write:
        PAGE.write_text(text, encoding="utf-8")
    print(text)
    print(f"simulated and evaluated in {duration(time.monotonic() - started)}")
    for line in wrong:
        print(f"make calm: {line}", file=sys.stderr)
    return 1 if wrong else 0


def _stretches(args: argparse.Namespace, *, faults: int) -> Iterator[Stretch]:
    firsts = range(0, args.days, args.stretch)
    for index, first in enumerate(firsts):
        numbers = range(faults * index // len(firsts), faults * (index + 1) // len(firsts))
        yield Stretch(seed=args.seed, first=first, days=min(args.stretch, args.days - first), faults=numbers)


def _progress(stretch: Stretch, played: StretchResult) -> str:
    what = f"{len(stretch.faults)} faults" if stretch.faults else "normal life"
    return f"days {stretch.first + 1} to {stretch.first + stretch.days}, {what}: {len(played.fired)} alerts"


def play_stretch(stretch: Stretch) -> StretchResult:
    """Simulates the days, and evaluates the rules block by block."""
    return asyncio.run(_stretch(stretch))


async def _stretch(stretch: Stretch) -> StretchResult:
    # Scrapes are at 15 s and 45 s of a minute, so that no change happens at the moment of a scrape.
    begin = of_day(FIRST_DAY + dt.timedelta(days=stretch.first), "00:00") + 15
    agenda, recorder = Agenda(), Recorder(metrics=metrics_of())
    schedule = stretch.schedule(
        agenda=agenda, rng=_rng(stretch, "life"), first_task=1000 * stretch.first, begin=begin
    )
    faults = tuple(_faults(stretch, schedule, begin))
    fired: list[Firing] = []
    async with World(start=begin, skew=stretch.skew, logs=True, thresholds=stretch.thresholds) as world:
        for replica in range(stretch.replicas):
            await world.start(f"exporter-{replica + 1}")
        for day in range(stretch.days):
            schedule.day(begin + day * DAY)
        for day in range(0, stretch.days, BLOCK_DAYS):
            fresh, until = begin + day * DAY, begin + min(day + BLOCK_DAYS, stretch.days) * DAY
            await play(world, agenda, recorder, until=until, rounds=(STEP,))
            last = recorder.scrapes - 1
            first = max(0, round(fresh - begin - OVERLAP) // STEP)
            found = await asyncio.to_thread(verdict, recorder, start=begin, first=first, last=last, every=EVERY)
            fired += [one for one in found if one.first > fresh or not day]
            recorder.forget(before=last - OVERLAP // STEP - 1)
    return StretchResult(skew=stretch.skew, scrapes=recorder.scrapes, faults=faults, fired=tuple(fired))


def _faults(stretch: Stretch, schedule: Schedule, begin: float) -> Iterator[Fault]:
    """One fault in each equal part of the time, in its first two thirds, so that it is over before the next one."""
    if not stretch.faults:
        return
    rng = _rng(stretch, "faults")
    part = stretch.days * DAY / len(stretch.faults)
    for index, number in enumerate(stretch.faults):
        at = begin + index * part + rng.uniform(1800, part * 2 / 3)
        yield KINDS[number % len(KINDS)](schedule, at, rng)


def _rng(stretch: Stretch, what: str) -> random.Random:
    return random.Random(f"{stretch.seed} {stretch.first} {what}")  # noqa: S311 - not a secret


def render_report(
    args: argparse.Namespace, calm: Sequence[StretchResult], troubled: Sequence[StretchResult]
) -> tuple[str, list[str]]:
    """The text of the page, and a line for each unexpected result."""
    wrong = [f"an alert fired without a fault: {describe(one)}" for stretch in calm for one in stretch.fired]
    rows = []
    for stretch in troubled:
        for fault in stretch.faults:
            by = next((one for one in stretch.fired if fault.found_by(one)), None)
            took = max(0.0, by.first - fault.begin) if by else None
            rows.append(_row(fault, took))
            if took is None or took > fault.within + abs(stretch.skew) + DELAY_SECONDS:
                wrong.append(
                    f"{fault.what} at {_clock(fault.begin)}: {fault.alert} "
                    + ("did not fire" if took is None else f"took {duration(took)}")
                )
        stray = [one for one in stretch.fired if not any(fault.explains(one) for fault in stretch.faults)]
        wrong += [f"no fault explains {describe(one)}" for one in stray]
    scrapes = sum(stretch.scrapes for stretch in calm)
    text = fill_page(
        "calm",
        days=str(args.days),
        seed=str(args.seed),
        scrapes=f"{scrapes:,}",
        calm=str(sum(len(stretch.fired) for stretch in calm)),
        faults=str(sum(len(stretch.faults) for stretch in troubled)),
        found=str(sum(any(map(fault.found_by, stretch.fired)) for stretch in troubled for fault in stretch.faults)),
        rows="\n".join(rows),
    )
    return text, wrong


def _row(fault: Fault, took: float | None) -> str:
    found = f"{duration(took)}" if took is not None else "**not found**"
    return f"| {_clock(fault.begin)} | {fault.what} | `{fault.alert}` | {found} | {duration(fault.within)} |"


def describe(one: Firing) -> str:
    """The alert, its labels and its time."""
    labels = {name: text for name, text in one.labels.items() if name not in {"severity", "component"}}
    return f"{one.alert} {labels} from day {_clock(one.first)} to day {_clock(one.last)}"


def _clock(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, tz=dt.UTC).strftime("%d %H:%M:%S")


if __name__ == "__main__":
    sys.exit(main())
