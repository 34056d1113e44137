"""Tests all mutants of the rules, in as many parallel batches as the machine has cores."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tools.mutate.rules import Mutant, Rule, mutants
from tools.mutate.suites import Suite, load_suite, names_for
from tools.mutate.trial import Laboratory, Outcome, TrialError
from tools.mutate.verdict import Key, Result

__all__ = ["Row", "load_suites", "survey"]

_BATCH_SIZE = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """The results of one rule. `refused` is the number of other mutants, which Prometheus cannot load."""

    rule: str
    results: tuple[Result, ...]
    refused: int


def load_suites(folder: pathlib.Path, names: Sequence[str]) -> tuple[Mapping[str, Suite], tuple[str, ...]]:
    """The suites by name, and a line for each missing one."""
    files = {name: folder / f"{name}.yml" for name in names}
    suites = {name: load_suite(file) for name, file in files.items() if file.exists()}
    shown = {name: "/".join(file.parts[-3:]) for name, file in files.items()}
    return suites, tuple(f"{shown[name]} is missing: nothing tests this rule" for name in names if name not in suites)


def survey(
    laboratory: Laboratory,
    chosen: Sequence[Rule],
    suites: Mapping[str, Suite],
    *,
    picked: Callable[[Key], bool] = lambda _: True,
) -> Iterator[Row]:
    """Yields a row for each chosen rule that has a suite, in order. Tests only the mutants that `picked` accepts."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pending = []
        for rule in chosen:
            usable = [suites[name] for name in names_for(rule, laboratory.rules) if name in suites]
            made, refused = mutants(rule) if usable else ((), 0)
            made = tuple(mutant for mutant in made if picked((rule.title, mutant.place, mutant.change)))
            trials = [pool.submit(laboratory.outcomes, some, usable) for some in _batches(made)]
            if usable:
                pending.append((rule, made, refused, trials))
        for rule, made, refused, trials in pending:
            try:
                outcomes = [outcome for trial in trials for outcome in trial.result()]
            except TrialError:
                pool.shutdown(cancel_futures=True)
                raise
            yield _row(rule, refused, [*zip(made, outcomes, strict=True)])


def _batches(made: Sequence[Mutant]) -> Iterator[Sequence[Mutant]]:
    """The mutants of each run of promtool."""
    for start in range(0, len(made), _BATCH_SIZE):
        yield made[start : start + _BATCH_SIZE]


def _row(rule: Rule, refused: int, outcomes: Sequence[tuple[Mutant, Outcome]]) -> Row:
    results = tuple(
        Result(rule=rule.title, place=mutant.place, change=mutant.change, killed=outcome is Outcome.KILLED)
        for mutant, outcome in outcomes
        if outcome is not Outcome.REFUSED
    )
    return Row(rule=rule.title, results=results, refused=refused + len(outcomes) - len(results))
