"""A mutant against its unit tests, as promtool runs them."""

import dataclasses
import enum
import os
import pathlib
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence

from tools.mutate.copies import Copies, copies_of
from tools.mutate.rules import Mutant, Rule
from tools.mutate.suites import Suite, rule_files

__all__ = ["Laboratory", "Outcome", "TrialError"]

_ONE_THREAD = {"GOMAXPROCS": "1"}  # as many run beside each other as there are cores


class TrialError(Exception):
    """promtool fails for a reason that is no mutant's."""


class Outcome(enum.Enum):
    """What became of a mutant. REFUSED: Prometheus does not load the rule, so no test had to notice anything."""

    KILLED = "killed"
    KILLED_BY_WORLDS = "killed by worlds"
    SURVIVED = "survived"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Laboratory:
    """Where trials are made, several at a time if wished: each has a folder of its own below `scratch`."""

    promtool: pathlib.Path
    scratch: pathlib.Path
    rules: Sequence[Rule]

    def checked(self, suite: Suite) -> Suite | None:
        """The suite with its quickest parts first, so that the slow ones meet few mutants.

        None if it fails on the rules as they are: it can kill no mutant.
        """
        files = rule_files(self.rules, suite=suite.name)
        seconds = {}
        for part in (*suite.parts, *suite.worlds):
            started = time.monotonic()
            if self._failure(files, part) is not None:
                return None
            seconds[part] = time.monotonic() - started
        return dataclasses.replace(suite, parts=tuple(sorted(suite.parts, key=seconds.__getitem__)))

    def outcomes(self, mutants: Sequence[Mutant], suites: Sequence[Suite]) -> list[Outcome]:
        """What became of each of these mutants of one rule. The worlds come last, for those that all parts spare.

        Raises TrialError where promtool fails and names none of them.
        """
        outcomes = [Outcome.SURVIVED] * len(mutants)
        copies = copies_of(mutants, self.rules)
        parts = [(suite, part, Outcome.KILLED) for suite in suites for part in suite.parts]
        parts += [(suite, part, Outcome.KILLED_BY_WORLDS) for suite in suites for part in suite.worlds]
        for suite, part, killed in parts:
            while output := self._failure_of(copies, suite, part):
                found = copies.named_in(output)
                if not found:
                    raise TrialError(f"{suite.name}: promtool fails and names no mutant: {output[:2000]}")
                for number in found:
                    outcomes[number] = Outcome.REFUSED if _was_refused(output) else killed
                copies = copies.without(found)
                if not _was_cut_short(output):
                    break
        return outcomes

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
                env=os.environ | _ONE_THREAD,
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
