"""The rules as they are shipped, and the mutants of each."""

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
"""Seconds: one evaluation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the file `file` (its name without a folder), with `body` as it is there.

    `group` is what the file says of its group, besides the rules. `variant` tells apart the entries of one alert: its
    labels' values, empty where the alert has one entry.
    """

    file: str
    group: Mapping[str, Any]
    body: Mapping[str, Any]
    tree: Node
    variant: str = ""

    @property
    def is_alert(self) -> bool:
        """Else it is a recording rule."""
        return "alert" in self.body

    @property
    def name(self) -> str:
        """The alert, or what is recorded: several entries of an alert share it."""
        return _name(self.body)

    @property
    def title(self) -> str:
        """The name, and in parentheses the variant: no two rules have the same."""
        return f"{self.name} ({self.variant})" if self.variant else self.name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mutant:
    """A rule with one small change: `body` is the changed rule; `place` and `change` say where and what, in words.

    No two mutants of a rule have the same place and change: where a rule has the same part twice, the later one's
    change ends in (2).
    """

    rule: Rule
    place: str
    change: str
    body: Mapping[str, Any]


def load(folder: pathlib.Path) -> tuple[Rule, ...]:
    """Every rule of the folder's `*.yml`, in their order. Raises UnsupportedError, which names the rule."""
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
    """The mutants, and how many more were refused: PromQL does not allow them.

    None has the text of the rule itself or of another one.
    """
    body: Mapping[str, Any] = {**rule.body, "expr": write(rule.tree)}
    seen, made, refused = [body], [], 0
    named = collections.Counter[tuple[str, str]]()
    for place, change, changed in (*_of_expression(rule.tree, body), *_of_fields(body)):
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
    """The rules whose expression reads what is recorded under that name, be it through further recording rules."""
    found = frozenset(rule.name for rule in rules if name in _selected(rule.tree))
    return found.union(*(readers(reader, rules) for reader in found))


def reads_its_value(body: Mapping[str, Any]) -> bool:
    """Whether the expression's value goes anywhere. Of an alert, labels and texts leave Prometheus, and no value."""
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


def _selected(node: Node) -> set[str]:
    names = {node.name} if isinstance(node, Selector) else set()
    return names.union(*(_selected(part) for _, part in steps(node)))


_Changed = Iterator[tuple[str, str, Mapping[str, Any]]]


def _of_expression(tree: Node, body: Mapping[str, Any]) -> _Changed:
    for change in changes(tree, value_is_read=reads_its_value(body)):
        yield change.place, change.what, {**body, "expr": change.text}


def _of_fields(body: Mapping[str, Any]) -> _Changed:
    """An alert's waiting times half a minute shorter and longer, and none; other labels; an annotation less."""
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
