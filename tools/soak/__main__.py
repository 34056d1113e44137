"""Runs the exporter under load and faults: `make soak`, `python -m tools.soak --minutes 60 --real`.

Exit codes: 0 success, 1 a measure grows or a scrape failed, 2 the test could not run.
"""

import argparse
import asyncio
import os
import pathlib
import sys
import tempfile
from collections.abc import Sequence

from lab.components import MissingComponentError
from tools.soak.observer import ExporterEndedError
from tools.soak.outcome import Outcome, wrongs
from tools.soak.platform import PlatformError, lives_for, turnover
from tools.soak.play import LEAST_INTERVAL, Options, TooSlowError, soak
from tools.soak.report import report
from tools.soak.servers import real, stand_in
from tools.soak.trend import LEAST_BLOCKS

_ERRORS = (ExporterEndedError, TooSlowError, PlatformError, MissingComponentError)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a line for each fault, then the report. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="duration of the test (default 10)")
    parser.add_argument("--objects", type=int, default=20000, help="CodeRuns and Jobs together (default 20000)")
    parser.add_argument("--rate", type=float, default=300.0, help="writes per second (default 300)")
    parser.add_argument(
        "--scrapers", type=int, default=20, help="clients, each of which scrapes every 1 to 5 s (default 20)"
    )
    parser.add_argument(
        "--fault-every", type=float, default=30.0, metavar="SECONDS", help="interval between faults (default 30)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the order of faults and writes (default 1)")
    parser.add_argument("--real", action="store_true", help="use a real etcd and kube-apiserver, not the stand-in")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="also write the report to this file")
    arguments = parser.parse_args(argv)
    options = Options(
        seconds=arguments.minutes * 60,
        objects=arguments.objects,
        rate=arguments.rate,
        scrapers=arguments.scrapers,
        fault_every=arguments.fault_every,
        seed=arguments.seed,
    )
    if options.fault_every < LEAST_INTERVAL:
        parser.error(f"--fault-every must be {LEAST_INTERVAL:g} at least: shorter faults have no effect")
    if (needed := least_seconds(options)) > options.seconds:
        parser.error(f"too short: with these numbers it takes {needed / 60:.1f} minutes to tell growth from chance")
    problems: list[BaseException] = []
    try:
        outcome, title = asyncio.run(_soak(options, is_real=arguments.real))
    except* _ERRORS as group:
        problems += _leaves(group)
    for problem in problems:
        print(f"soak: {problem}", file=sys.stderr)
    if problems:
        return 1 if any(isinstance(problem, ExporterEndedError) for problem in problems) else 2
    text = report(outcome, title=title)
    print(f"\n{text}\n")
    if arguments.markdown:
        arguments.markdown.write_text(f"{text}\n", encoding="utf-8")
    found = wrongs(outcome)
    for line in found:
        print(f"soak: {line}", file=sys.stderr)
    return 1 if found else 0


def least_seconds(options: Options) -> float:
    """The minimum duration: every object is replaced once, then follow the blocks that a trend needs."""
    return turnover(lives_for(options.objects), rate=options.rate) + LEAST_BLOCKS * options.fault_every


async def _soak(options: Options, *, is_real: bool) -> tuple[Outcome, str]:
    server = real if is_real else stand_in
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        async with server(pathlib.Path(folder)) as api:
            outcome = await soak(options, api, folder=pathlib.Path(folder), log_line=_log_line)
    title = (
        f"{options.objects:,} objects in {api.name}, {options.rate:g} changes/s requested, "
        f"{options.scrapers} clients, a fault every {options.fault_every:g} s; "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[1]:.1f}"
    )
    return outcome, title


def _leaves(error: BaseException) -> list[BaseException]:
    """The errors of a nested exception group."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def _log_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
