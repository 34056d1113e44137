"""Runs the unit tests of mutants with promtool."""

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

_ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "400"}  # one process for each core; less garbage collection, more memory


class TrialError(Exception):
    """promtool failed, but not because of a mutant."""


class Outcome(enum.Enum):
    """The result of a mutant. REFUSED: Prometheus does not load the rule, so a test need not detect the change."""

    KILLED = "killed"
    SURVIVED = "survived"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Laboratory:
    """Runs promtool. Several threads may use it, because each run has its own folder below `scratch`."""

    promtool: pathlib.Path
    scratch: pathlib.Path
    rules: Sequence[Rule]

    def outcomes(self, mutants: Sequence[Mutant], suites: Sequence[Suite]) -> list[Outcome]:
        """The outcome of each mutant; all must be mutants of the same rule.

        The mutants that survive without annotations are tested again with them. The unchanged rule is tested too,
        because a suite that fails for it would kill every mutant. Raises TrialError if a suite does, or if promtool
        fails and names no mutant.
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
            found = self._failing_mutants(copies, suite, part)
            if len(mutants) in found:
                raise TrialError(f"{suite.name}.yml fails on the rules as they are: run promtool test rules on it")
            copies = copies.without(frozenset(found))
            for number, outcome in found.items():
                outcomes[number] = outcome
        return outcomes

    def _failing_mutants(self, copies: Copies, suite: Suite, part: str) -> dict[int, Outcome]:
        """The outcomes of the mutants that fail a part of the suite, by number."""
        found: dict[int, Outcome] = {}
        while output := self._failure_output(copies, suite, part):
            named = copies.named_in(output)
            if not named:
                raise TrialError(f"{suite.name}: promtool fails and names no mutant: {output[:2000]}")
            found |= dict.fromkeys(named, Outcome.REFUSED if _is_load_error(output) else Outcome.KILLED)
            copies = copies.without(named)
            if not _stopped_early(output):
                break
        return found

    def _failure_output(self, copies: Copies, suite: Suite, part: str) -> str | None:
        """The output of promtool if a mutant fails; None if all pass, or if the part does not test them."""
        checks = copies.checks(part) if copies.mutants else None
        return checks and self._run_promtool(rule_files(self.rules, suite=suite.name, copies=copies), checks)

    def _run_promtool(self, files: Mapping[str, str], part: str) -> str | None:
        """The output of promtool if the unit tests fail; None if they pass."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            folder = pathlib.Path(name)
            for file, text in files.items():
                _write(folder / "rules" / file, text)
            _write(folder / "tests" / "part.yml", part)
            done = subprocess.run(  # noqa: S603 - runs only promtool, without a shell
                [self.promtool, "test", "rules", "tests/part.yml"],
                cwd=folder,
                env=os.environ | _ENVIRONMENT,
                capture_output=True,
                text=True,
                check=False,
            )
        return done.stdout + done.stderr if done.returncode else None


def _stopped_early(output: str) -> bool:
    """Whether promtool stopped early, because it could not load or evaluate a rule, and did not test the others."""
    return _is_load_error(output) or re.search(r"^ *rule: .+, err: ", output, re.MULTILINE) is not None


def _is_load_error(output: str) -> bool:
    """Whether promtool could not load a rule file: a line begins with its name. Failures of tests are indented."""
    return any(line.startswith("rules/") for line in output.splitlines())


def _write(file: pathlib.Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
