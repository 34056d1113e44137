"""Mutation tests of the alert rules: `make mutate`, `python -m tools.mutate --only ALERT`.

Exit codes: 0 enough mutants were killed and every survivor is accepted, 1 they were not, 2 the tests could not run.
"""

import argparse
import functools
import itertools
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from lab import components
from lab.expressions.reading import UnsupportedError
from tools.mutate.rules import Rule, load, mutants
from tools.mutate.suites import names_for
from tools.mutate.survey import Row, load_suites, survey
from tools.mutate.trial import Laboratory, TrialError
from tools.mutate.verdict import (
    Accepted,
    Key,
    SurvivorsError,
    entries,
    faults,
    load_accepted,
    sampled,
    share_killed,
    unlisted,
)

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
_LINE = "{:48} {:>8} {:>8} {:>8}"


def main(argv: Sequence[str] | None = None) -> int:
    """Tests the mutants and prints the results. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument(
        "--only", metavar="RULE", action="append", default=[], help="mutate only this rule; repeatable"
    )
    parser.add_argument(
        "--except",
        metavar="RULE",
        action="append",
        default=[],
        dest="left_out",
        help="do not mutate this rule; repeatable",
    )
    parser.add_argument("--list", action="store_true", help="print the mutants without testing them")
    parser.add_argument(
        "--every",
        metavar="N",
        type=int,
        default=1,
        help="test one mutant in N, the same sample in each run; default: all",
    )
    arguments = parser.parse_args(argv)
    if arguments.every < 1:
        return _complain(f"--every {arguments.every} is not a positive number")
    try:
        rules = load(ALERTS / "rules")
        accepted = load_accepted(ALERTS / "survivors.yml")
    except (UnsupportedError, SurvivorsError) as error:
        return _complain(str(error))
    unknown = {*arguments.only, *arguments.left_out} - {rule.name for rule in rules}
    if unknown:
        return _complain(f"no rule of alerts/rules is called {', '.join(sorted(unknown))}")
    chosen = [
        rule
        for rule in rules
        if rule.name not in arguments.left_out and (not arguments.only or rule.name in arguments.only)
    ]
    if arguments.list:
        for mutant in itertools.chain.from_iterable(mutants(rule)[0] for rule in chosen):
            print(f"{mutant.rule.title} | {mutant.place} | {mutant.change}")
        return 0
    try:
        promtool = components.component("promtool")
    except components.MissingComponentError as error:
        return _complain(str(error))
    with tempfile.TemporaryDirectory(prefix="mutate-") as scratch:
        laboratory = Laboratory(promtool=promtool, scratch=pathlib.Path(scratch), rules=rules)
        every = functools.partial(sampled, every=arguments.every)
        accepted = tuple(entry for entry in accepted if every(entry.key))
        return _try(laboratory, chosen, accepted, picked=every)


def _try(
    laboratory: Laboratory,
    chosen: Sequence[Rule],
    accepted: Sequence[Accepted],
    *,
    picked: Callable[[Key], bool],
) -> int:
    started = time.monotonic()
    names = tuple(dict.fromkeys(name for rule in chosen for name in names_for(rule, laboratory.rules)))
    suites, missing = load_suites(ALERTS / "tests", names)
    print(_LINE.format("rule", "mutants", "killed", "survived"))
    rows = []
    try:
        for row in survey(laboratory, chosen, suites, picked=picked):
            _print_row(row.rule, [row])
            rows.append(row)
    except TrialError as error:
        return _complain(str(error))
    _print_row("all", rows)
    results = [result for row in rows for result in row.results]
    untried = {rule.title for rule in laboratory.rules} - {row.rule for row in rows}
    relevant = [entry for entry in accepted if entry.rule not in untried]
    _print_accepted({result.key for result in results if not result.killed}, relevant)
    refused = sum(row.refused for row in rows)
    print(
        f"\n{share_killed(results):.1%} of {len(results)} mutants killed in {time.monotonic() - started:.0f} s;"
        f" Prometheus rejects {refused} other mutants as invalid rules"
    )
    wrong = (*missing, *faults(results, relevant))
    for line in wrong:
        print(line)
    if survivors := unlisted(results, relevant):
        print("\n# For alerts/survivors.yml, if no test can detect them; add the reasons:\n")
        print(entries(survivors), end="")
    return int(bool(wrong))


def _print_row(name: str, rows: Sequence[Row]) -> None:
    tried = sum(len(row.results) for row in rows)
    killed = sum(result.killed for row in rows for result in row.results)
    print(_LINE.format(name, tried, killed, tried - killed), flush=True)


def _print_accepted(survivors: set[tuple[str, str, str]], accepted: Sequence[Accepted]) -> None:
    found = [entry for entry in accepted if entry.key in survivors]
    if found:
        print("\nsurvivors, and why no unit test can kill them")
    for entry in found:
        print(f"  {' | '.join(entry.key)}\n      {entry.reason}")


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
