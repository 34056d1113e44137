"""A mutant against its unit tests, as promtool runs them."""

import dataclasses
import enum
import itertools
import os
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

from tools.mutate.copies import Copies, copies_of
from tools.mutate.rules import Mutant, Rule
from tools.mutate.suites import Suite, rule_files

__all__ = ["Laboratory", "Outcome", "TrialError"]

_ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "400"}  # as many run beside each other as there are cores; memory is there


class TrialError(Exception):
    """promtool fails for a reason that is no mutant's."""


class Outcome(enum.Enum):
    """What became of a mutant. REFUSED: Prometheus does not load the rule, so no test had to notice anything."""

    KILLED = "killed"
    SURVIVED = "survived"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Laboratory:
    """Where trials are made, several at a time if wished: each has a folder of its own below `scratch`."""

    promtool: pathlib.Path
    scratch: pathlib.Path
    rules: Sequence[Rule]

    def outcomes(self, mutants: Sequence[Mutant], suites: Sequence[Suite]) -> list[Outcome]:
        """What became of each of these mutants of one rule.

        Annotations are there only for what survives without them. The rule as it is takes part: a suite that fails
        on it would kill everything. Raises TrialError where one does, or where promtool fails and names no mutant.
        """
        original = mutants[0].rule
        control = Mutant(rule=original, place="", change="", body=original.body)
        outcomes = [Outcome.SURVIVED] * len(mutants)
        copies = copies_of([*mutants, control], self.rules)
        parts = [(suite, part) for suite in suites for part in suite.parts]
        for annotated, (suite, part) in itertools.product((False, True), parts):
            if len(copies.mutants) == 1:
                break
            copies = dataclasses.replace(copies, annotated=annotated)
            found = self._killed(copies, suite, part)
            if len(mutants) in found:
                raise TrialError(f"{suite.name}.yml fails on the rules as they are: run promtool test rules on it")
            copies = copies.without(frozenset(found))
            for number, outcome in found.items():
                outcomes[number] = outcome
        return outcomes

    def _killed(self, copies: Copies, suite: Suite, part: str) -> dict[int, Outcome]:
        """What became of the mutants that a part does not let pass, by number."""
        found: dict[int, Outcome] = {}
        while output := self._failure_of(copies, suite, part):
            named = copies.named_in(output)
            if not named:
                raise TrialError(f"{suite.name}: promtool fails and names no mutant: {output[:2000]}")
            found |= dict.fromkeys(named, Outcome.REFUSED if _was_refused(output) else Outcome.KILLED)
            copies = copies.without(named)
            if not _was_cut_short(output):
                break
        return found

    def _failure_of(self, copies: Copies, suite: Suite, part: str) -> str | None:
        """What promtool says of the mutants that fail; None if there is none, or no check that is about them."""
        checks = copies.checks(part) if copies.mutants else None
        return checks and self._failure(rule_files(self.rules, suite=suite.name, copies=copies), checks)

    def _failure(self, files: Mapping[str, str], part: str) -> str | None:
        """What promtool says if the unit tests fail; None if they pass."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            folder = pathlib.Path(name)
            for file, text in files.items():
                _write(folder / "rules" / file, text)
            _write(folder / "tests" / "part.yml", part)
            done = subprocess.run(  # noqa: S603 - promtool alone, and no shell
                [self.promtool, "test", "rules", "tests/part.yml"],
                cwd=folder,
                env=os.environ | _ENVIRONMENT,
                capture_output=True,
                text=True,
                check=False,
            )
        return done.stdout + done.stderr if done.returncode else None


def _was_cut_short(output: str) -> bool:
    """Where a rule is refused or cannot be evaluated, promtool does not reach the checks of the others."""
    return _was_refused(output) or re.search(r"^ *rule: .+, err: ", output, re.MULTILINE) is not None


def _was_refused(output: str) -> bool:
    """Where promtool cannot load a rule file, a line begins with its name; a test's failure is indented."""
    return any(line.startswith("rules/") for line in output.splitlines())


def _write(file: pathlib.Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
