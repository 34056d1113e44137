"""Simulates 1,000 hours of slow agents, with the default limits and with limits of the agents: `make slow`.

Writes docs/slow-agents.md. The simulation is that of `make calm`, with another schedule.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import pathlib
import sys
import time
from collections.abc import Iterable, Sequence

from exporter.config import Thresholds
from lab.clock import duration
from lab.timelapse.evaluation import EvaluationError, Firing
from lab.timelapse.slow import HOURS_PER_DAY, SLOW_LIMITS, SlowAgents
from tools.calm import Stretch, describe, play_stretch
from tools.markdown import fill_page

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "slow-agents.md"
MAX_WARNINGS = 10


@dataclasses.dataclass(frozen=True)
class Fired:
    """The alerts that fired with some settings."""

    alerts: Sequence[Firing]

    @property
    def critical(self) -> list[Firing]:
        """The critical alerts."""
        return [one for one in self.alerts if one.labels.get("severity") == "critical"]

    @property
    def warnings(self) -> list[Firing]:
        """All other alerts."""
        return [one for one in self.alerts if one.labels.get("severity") != "critical"]


def main() -> int:
    """Simulates both settings. Returns 1 if there is a critical alert, or too many warnings with limits."""
    parser = argparse.ArgumentParser(prog="make slow", description=__doc__)
    parser.add_argument("--hours", type=int, default=1000, help=f"hours of work, in steps of {HOURS_PER_DAY}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write docs/slow-agents.md")
    args = parser.parse_args()
    begun = time.monotonic()
    days = max(1, args.hours // HOURS_PER_DAY)
    stretches = [_day(args.seed, day, of) for of in (Thresholds(), SLOW_LIMITS) for day in range(days)]
    try:
        with concurrent.futures.ProcessPoolExecutor() as pool:
            played = [one.fired for one in pool.map(play_stretch, stretches)]
    except EvaluationError as error:
        print(f"make slow: {error}", file=sys.stderr)
        return 2
    defaults, limited = (Fired([one for fired in part for one in fired]) for part in (played[:days], played[days:]))
    text, wrong = render_report(defaults, limited, days=days, seed=args.seed)
    if args.write:
        PAGE.write_text(text, encoding="utf-8")
    print(text)
    print(f"simulated and evaluated in {duration(time.monotonic() - begun)}")
    for line in wrong:
        print(f"make slow: {line}", file=sys.stderr)
    return 1 if wrong else 0


def _day(seed: int, day: int, thresholds: Thresholds) -> Stretch:
    return Stretch(
        seed=seed, first=day, days=1, faults=range(0), schedule=SlowAgents, thresholds=thresholds, replicas=1
    )


def render_report(defaults: Fired, limited: Fired, *, days: int, seed: int) -> tuple[str, list[str]]:
    """The text of the page, and a line for each unexpected result."""
    wrong = [f"a critical alert: {describe(one)}" for fired in (defaults, limited) for one in fired.critical]
    if len(limited.warnings) > MAX_WARNINGS:
        wrong.append(f"{len(limited.warnings)} warnings with limits, and at most {MAX_WARNINGS} are expected")
    listed = "\n".join(f"- {describe(one)}" for one in limited.warnings)
    text = fill_page(
        "slow-agents",
        hours=f"{days * HOURS_PER_DAY:,}",
        seed=str(seed),
        limits=_yaml(SLOW_LIMITS),
        defaults=_row(defaults),
        limited=_row(limited),
        listed=listed or "With the limits, no alert fired.",
    )
    return text, wrong


def _row(fired: Fired) -> str:
    return f"{len(fired.critical)} | {len(fired.warnings)} | {_counts(fired.warnings) or 'none'}"


def _counts(alerts: Iterable[Firing]) -> str:
    counts = collections.Counter(one.alert for one in alerts)
    return ", ".join(f"`{alert}` {count}" for alert, count in sorted(counts.items()))


def _yaml(limits: Thresholds) -> str:
    rows = (
        f"    {agent}: {{job_max_runtime: {of.job_max_runtime}, agent_silence_limit: {of.agent_silence_limit}}}"
        for agent, of in limits.agents.items()
    )
    return "\n".join(["thresholds:", "  agents:", *rows])


if __name__ == "__main__":
    sys.exit(main())
