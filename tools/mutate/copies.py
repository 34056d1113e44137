"""Tests many mutants of a rule in one run of promtool: each is a copy of the rule with a number in its name.

The rules that read the rule are copied too, and so is each check of the unit tests that names one of these rules. A
run loads the series of a test only once, and the names in a failure contain the number of the mutant.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence, Set as AbstractSet
from typing import Any

import yaml

from tools.mutate.rules import Mutant, Rule, readers

__all__ = ["Copies", "copies_of"]

_SUFFIX = "_mutant"
_CHECK_LISTS = frozenset({"alert_rule_test", "promql_expr_test"})
_FIELDS_WITH_NAMES = frozenset({"alertname", "expr", "exp_samples", "labels", "series"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Copies:
    """Mutants of one rule by number. `names` are the rules that are copied: the rule itself, and its readers.

    `annotated`: whether rules and checks have annotations. Prometheus renders the annotations of every active alert
    at every evaluation, which takes most of the time.
    """

    mutants: Mapping[int, Mutant]
    names: frozenset[str]
    alerts: frozenset[str]
    annotated: bool = True

    def without(self, numbers: frozenset[int]) -> "Copies":
        """The copies, without the mutants of these numbers."""
        return dataclasses.replace(
            self, mutants={number: each for number, each in self.mutants.items() if number not in numbers}
        )

    def bodies(self, rule: Rule) -> list[Mapping[str, Any]]:
        """The rules that replace this rule in the rule file: a copy for each mutant, or the rule itself."""
        bodies = [rule.body]
        if rule.name in self.names:
            bodies = [
                self._rename_body(mutant.body if mutant.rule.title == rule.title else rule.body, number)
                for number, mutant in self.mutants.items()
            ]
        return bodies if self.annotated else [_without(body, "annotations") for body in bodies]

    def checks(self, part: str) -> str | None:
        """The unit tests with each check of these rules copied for each mutant; None if there are no such checks."""
        document = yaml.compose(part, Loader=yaml.CSafeLoader)
        if not isinstance(document, yaml.MappingNode):
            raise TypeError("a file of unit tests is a mapping")
        (tests,) = (value.value for key, value in document.value if key.value == "tests")
        count = 0
        for test in tests:
            for key, value in test.value:
                if key.value in _CHECK_LISTS:
                    value.value = self._copy_for_mutants(value.value)
                    count += len(value.value)
                elif key.value == "input_series":  # a test may provide a recorded series
                    value.value = [
                        item for item in value.value if not self._names_a_rule(item)
                    ] + self._copy_for_mutants(value.value)
        return yaml.serialize(document, Dumper=yaml.CSafeDumper, allow_unicode=True) if count else None

    def named_in(self, output: str) -> frozenset[int]:
        """The numbers of the mutants in the output of promtool."""
        return frozenset(map(int, re.findall(rf"{_SUFFIX}(\d+)", output))) & self.mutants.keys()

    @functools.cached_property
    def _names(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w:])(?:{'|'.join(map(re.escape, sorted(self.names)))})(?![\w:])")

    def _rename(self, text: str, number: int, *, but: AbstractSet[str] = frozenset()) -> str:
        return self._names.sub(lambda name: name[0] if name[0] in but else f"{name[0]}{_SUFFIX}{number}", text)

    def _rename_body(self, body: Mapping[str, Any], number: int) -> Mapping[str, Any]:
        key = "alert" if "alert" in body else "record"
        renamed = {**body, key: f"{body[key]}{_SUFFIX}{number}", "expr": self._rename(body["expr"], number)}
        if "annotations" in body:  # queries in annotations may read recorded series; names of alerts are not changed
            renamed["annotations"] = {
                name: self._rename(text, number, but=self.alerts) for name, text in body["annotations"].items()
            }
        return renamed

    def _copy_for_mutants(self, items: Sequence[yaml.Node]) -> list[yaml.Node]:
        """A copy for each mutant of the checks or series that name one of the rules."""
        own = [item for item in items if self._names_a_rule(item)]
        return [self._rename_item(item, number) for item in own for number in self.mutants]

    def _names_a_rule(self, item: yaml.Node) -> bool:
        texts = [value.value for key, value in item.value if key.value in {"alertname", "expr", "series"}]
        return any(map(self._names.search, texts))

    def _rename_item(self, node: yaml.Node, number: int) -> yaml.Node:
        """A copy for one mutant. The expected alerts of a check are the same for all mutants."""
        if isinstance(node, yaml.ScalarNode):
            return yaml.ScalarNode(node.tag, self._rename(node.value, number), style=node.style)
        if isinstance(node, yaml.SequenceNode):
            return yaml.SequenceNode(node.tag, [self._rename_item(item, number) for item in node.value])
        return yaml.MappingNode(
            node.tag, [(_copy_key(key), self._rename_value(key.value, value, number)) for key, value in node.value]
        )

    def _rename_value(self, key: str, value: yaml.Node, number: int) -> yaml.Node:
        if key == "exp_alerts" and not self.annotated:
            return yaml.SequenceNode(value.tag, [_without_annotations(alert) for alert in value.value])
        return self._rename_item(value, number) if key in _FIELDS_WITH_NAMES else value


def _without(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    return {name: value for name, value in body.items() if name != field}


def _without_annotations(alert: yaml.Node) -> yaml.Node:
    kept = [(key, value) for key, value in alert.value if key.value != "exp_annotations"]
    return yaml.MappingNode(alert.tag, kept)


def _copy_key(key: yaml.Node) -> yaml.Node:
    return yaml.ScalarNode(key.tag, key.value)


def copies_of(mutants: Sequence[Mutant], rules: Sequence[Rule]) -> Copies:
    """The copies for mutants, which must all be of the same rule."""
    name = mutants[0].rule.name
    alerts = frozenset(rule.name for rule in rules if rule.is_alert)
    return Copies(mutants=dict(enumerate(mutants)), names=readers(name, rules) | {name}, alerts=alerts)
