"""The unit tests of the rules, split into parts, so that a mutant runs only the tests that are needed to kill it."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lab.expressions.reading import seconds
from tools.mutate.copies import Copies
from tools.mutate.rules import Rule, readers

__all__ = ["RECORDING", "Suite", "load_suite", "names_for", "rule_files"]

_STEP = 30.0  # the evaluation interval of the rules, in seconds
RECORDING = "recording"
"""The name of the suite that tests all recording rules."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    """A file of unit tests. Each part is a complete file with one of the tests; the fastest part is the first."""

    name: str
    parts: tuple[str, ...]


def load_suite(file: pathlib.Path) -> Suite:
    """Loads a suite. All scalars are strings, because `0x200` is a series and not a number."""
    document = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    if not isinstance(document, yaml.MappingNode):
        raise TypeError(f"{file} is no mapping")
    (tests,) = (value for key, value in document.value if key.value == "tests")
    head = [(key, value) for key, value in document.value if key.value != "tests"]
    parts = [_part(head, key="tests", test=test) for test in tests.value]
    return Suite(name=file.stem, parts=tuple(sorted(parts, key=_cost)))


def names_for(rule: Rule, rules: Sequence[Rule]) -> tuple[str, ...]:
    """The suites that can kill a mutant of the rule, the most likely one first."""
    alerts = {each.name for each in rules if each.is_alert}
    return (rule.name,) if rule.is_alert else (RECORDING, *sorted(readers(rule.name, rules) & alerts))


def rule_files(rules: Sequence[Rule], *, suite: str, copies: Copies | None = None) -> Mapping[str, str]:
    """The text of each rule file by name, reduced to the rules that the suite needs: its alert, and what it reads."""
    files: dict[str, dict[str, dict[str, Any]]] = {rule.file: {} for rule in rules}
    for rule in rules:
        recorded = not rule.is_alert and (suite == RECORDING or suite in readers(rule.name, rules))
        if rule.name == suite or recorded:
            group = files[rule.file].setdefault(rule.group["name"], {**rule.group, "rules": []})
            group["rules"] += [rule.body] if copies is None else copies.bodies(rule)
    return {file: json.dumps({"groups": list(groups.values())}) for file, groups in files.items()}


def _cost(part: str) -> float:
    """An estimate of the cost of a test: the simulated seconds multiplied by the number of series."""
    ends = [seconds(end) for end in re.findall(r"eval_time: ([1-9][0-9hms]*)", part)]
    return max(ends, default=_STEP) * (1 + len(re.findall(r"\bseries: ", part)))


def _part(head: Sequence[tuple[yaml.Node, yaml.Node]], *, key: str, test: yaml.Node) -> str:
    tests = yaml.SequenceNode("tag:yaml.org,2002:seq", [test])
    name = yaml.ScalarNode("tag:yaml.org,2002:str", key)
    whole = yaml.MappingNode("tag:yaml.org,2002:map", [*head, (name, tests)])
    return yaml.serialize(whole, Dumper=yaml.CSafeDumper, allow_unicode=True)
