"""Every mutant of the rules on trial, as many batches at a time as the machine has cores."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tools.mutate.rules import Mutant, Rule, mutants
from tools.mutate.suites import Suite, load_suite, names_for
from tools.mutate.trial import Laboratory, Outcome
from tools.mutate.verdict import Key, Result

__all__ = ["Row", "healthy_suites", "survey"]

_AT_ONCE = 40
_KILLED = frozenset({Outcome.KILLED, Outcome.KILLED_BY_WORLDS})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one rule. `refused` are the mutants that Prometheus does not load: they count nowhere.

    `by_worlds` are those of the killed ones that only the worlds kill.
    """

    rule: str
    results: tuple[Result, ...]
    refused: int
    by_worlds: int = 0


def healthy_suites(
    laboratory: Laboratory, folder: pathlib.Path, names: Sequence[str], worlds: Mapping[str, str] | None = None
) -> tuple[Mapping[str, Suite], tuple[str, ...]]:
    """The suites of those names that pass on the rules as they are, and a line for each that is missing or fails.

    `worlds` has for some of the names a file that plays the worlds.
    """
    files = {name: folder / f"{name}.yml" for name in names}
    loaded = [load_suite(file) for file in files.values() if file.exists()]
    played = {name: (text,) for name, text in (worlds or {}).items()}
    suites = [dataclasses.replace(suite, worlds=played.get(suite.name, ())) for suite in loaded]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        healthy = {suite.name: suite for suite in pool.map(laboratory.checked, suites) if suite is not None}
    shown = {name: "/".join(file.parts[-3:]) for name, file in files.items()}
    missing = [f"{shown[name]} is missing: nothing tests this rule" for name in names if not files[name].exists()]
    failing = [
        f"{shown[suite.name]} fails on the rules as they are and can kill nothing: run promtool test rules on it"
        for suite in suites
        if suite.name not in healthy
    ]
    return healthy, (*missing, *failing)


def survey(
    laboratory: Laboratory,
    chosen: Sequence[Rule],
    suites: Mapping[str, Suite],
    *,
    picked: Callable[[Key], bool] = lambda _: True,
) -> Iterator[Row]:
    """A row for each chosen rule that one of the suites can test, in their order. Only `picked` mutants are tried."""
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
            outcomes = [outcome for trial in trials for outcome in trial.result()]
            yield _row(rule, refused, [*zip(made, outcomes, strict=True)])


def _batches(made: Sequence[Mutant]) -> Iterator[Sequence[Mutant]]:
    """What promtool tries in one run."""
    for start in range(0, len(made), _AT_ONCE):
        yield made[start : start + _AT_ONCE]


def _row(rule: Rule, refused: int, outcomes: Sequence[tuple[Mutant, Outcome]]) -> Row:
    results = tuple(
        Result(rule=rule.title, place=mutant.place, change=mutant.change, killed=outcome in _KILLED)
        for mutant, outcome in outcomes
        if outcome is not Outcome.REFUSED
    )
    by_worlds = sum(outcome is Outcome.KILLED_BY_WORLDS for _, outcome in outcomes)
    return Row(rule=rule.title, results=results, refused=refused + len(outcomes) - len(results), by_worlds=by_worlds)
