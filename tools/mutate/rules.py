"""The shipped rules, and the mutants of each."""

import collections
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab import fast_yaml
from lab.expressions.reading import UnsupportedError, is_valid, parse, seconds
from lab.expressions.text import duration, write
from lab.expressions.tree import Node, Selector, steps
from tools.mutate.mutations import changes

__all__ = ["Mutant", "Rule", "load", "mutants", "readers", "reads_its_value"]

_STEP = 30.0
"""The evaluation interval of the rules, in seconds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule. `body` is its mapping in the file named `file`, and `group` the mapping of its group without the rules.

    `variant` distinguishes several rules of the same alert: the values of their labels. It is empty if there is only
    one rule.
    """

    file: str
    group: Mapping[str, Any]
    body: Mapping[str, Any]
    tree: Node
    variant: str = ""

    @property
    def is_alert(self) -> bool:
        """Whether the rule is an alerting rule and not a recording rule."""
        return "alert" in self.body

    @property
    def name(self) -> str:
        """The name of the alert or of the recorded series. Several rules of an alert have the same name."""
        return _name(self.body)

    @property
    def title(self) -> str:
        """The name with the variant in parentheses, which is unique."""
        return f"{self.name} ({self.variant})" if self.variant else self.name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mutant:
    """A rule with one small change. `body` is the changed rule; `place` and `change` describe the change.

    The pair of place and change is unique for each rule: if the same part occurs twice in a rule, the change of the
    second one ends with (2).
    """

    rule: Rule
    place: str
    change: str
    body: Mapping[str, Any]


def load(folder: pathlib.Path) -> tuple[Rule, ...]:
    """All rules of the folder's `*.yml`, in order. Raises UnsupportedError, which names the rule."""
    found = [
        (file.name, {key: value for key, value in group.items() if key != "rules"}, body)
        for file in sorted(folder.glob("*.yml"))
        for group in fast_yaml.load(file.read_text(encoding="utf-8"))["groups"]
        for body in group["rules"]
    ]
    entries = collections.Counter(_name(body) for _, _, body in found)
    variants = collections.Counter[str]()
    rules = []
    for file_name, group, body in found:
        variant = ""
        if entries[_name(body)] > 1:
            variant = ", ".join(value for label, value in body.get("labels", {}).items() if label != "component")
            variants[f"{_name(body)} ({variant})"] += 1
            number = variants[f"{_name(body)} ({variant})"]
            variant = f"{variant}, {number}" if number > 1 else variant
        rules.append(_rule(file_name, group, body, variant))
    return tuple(rules)


def mutants(rule: Rule) -> tuple[tuple[Mutant, ...], int]:
    """The mutants of a rule, and the number of discarded ones, which are not valid PromQL.

    No mutant is equal to the rule or to another mutant.
    """
    body: Mapping[str, Any] = {**rule.body, "expr": write(rule.tree)}
    seen, made, refused = [body], [], 0
    named = collections.Counter[tuple[str, str]]()
    for place, change, changed in (*_expression_changes(rule.tree, body), *_field_changes(body)):
        if changed in seen:
            continue
        seen.append(changed)
        if not is_valid(changed["expr"]):
            refused += 1
            continue
        named[place, change] += 1
        count = named[place, change]
        words = f"{change} ({count})" if count > 1 else change
        made.append(Mutant(rule=rule, place=place, change=words, body=changed))
    return tuple(made), refused


def readers(name: str, rules: Sequence[Rule]) -> frozenset[str]:
    """The names of the rules that read the series `name`, directly or through other recording rules."""
    found = frozenset(rule.name for rule in rules if name in _metric_names(rule.tree))
    return found.union(*(readers(reader, rules) for reader in found))


def reads_its_value(body: Mapping[str, Any]) -> bool:
    """Whether the value of the expression is used: it is recorded, or an annotation or label contains it."""
    texts = [*body.get("labels", {}).values(), *body.get("annotations", {}).values()]
    return "record" in body or any("$value" in text or ".Value" in text for text in texts)


def _name(body: Mapping[str, Any]) -> str:
    name: str = body["alert"] if "alert" in body else body["record"]
    return name


def _rule(file: str, group: Mapping[str, Any], body: Mapping[str, Any], variant: str) -> Rule:
    try:
        return Rule(file=file, group=group, body=body, tree=parse(body["expr"]), variant=variant)
    except UnsupportedError as error:
        raise UnsupportedError(f"{file}: {_name(body)}: {error}") from error


def _metric_names(node: Node) -> set[str]:
    names = {node.name} if isinstance(node, Selector) else set()
    return names.union(*(_metric_names(part) for _, part in steps(node)))


_Changed = Iterator[tuple[str, str, Mapping[str, Any]]]


def _expression_changes(tree: Node, body: Mapping[str, Any]) -> _Changed:
    for change in changes(tree, value_is_read=reads_its_value(body)):
        yield change.place, change.what, {**body, "expr": change.text}


def _field_changes(body: Mapping[str, Any]) -> _Changed:
    """Changes `for` and `keep_firing_for` by 30 s, removes them, changes labels, and removes annotations."""
    for field in ("for", "keep_firing_for") if "alert" in body else ():
        rest = {key: value for key, value in body.items() if key != field}
        held = seconds(body[field]) if field in body else 0.0
        for value in (held - _STEP, held + _STEP, 0.0):
            words = f"{body.get(field, 'none')} -> {duration(value) if value > 0 else 'none'}"
            yield field, words, {**rest, field: duration(value)} if value > 0 else rest
    for label, value in body.get("labels", {}).items():
        changed = {**body["labels"], label: f"not-{value}"}
        yield "labels", f"{label}: {value} -> not-{value}", {**body, "labels": changed}
    for annotation in body.get("annotations", {}):
        kept = {name: text for name, text in body["annotations"].items() if name != annotation}
        yield "annotations", f"without {annotation}", {**body, "annotations": kept}
