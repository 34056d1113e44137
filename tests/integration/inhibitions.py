"""The inhibitions of the shipped configuration, and the labels by which alerts name their objects."""

import functools
import re
from typing import Any, NamedTuple

from lab import fast_yaml
from lab.expressions.reading import parse
from lab.expressions.tree import Binary, Call, Node, Parentheses, Selector, String, is_scalar
from lab.expressions.usage import labels_of
from lab.monitoring.bundle import ALERTS, shipped_entries, shipped_rules

__all__ = ["Inhibition", "Variant", "identity", "inhibitions", "variants"]

_EXPLAINED_BY = "explained_by"
"""A label that expressions add for inhibitions. It does not identify an object."""


class Variant(NamedTuple):
    """An alert with certain values of its fixed labels. `identity` are the labels that name its object."""

    alertname: str
    labels: dict[str, str]
    identity: frozenset[str]

    def __str__(self) -> str:
        return " ".join([self.alertname, *(value for label, value in self.labels.items() if label != "component")])

    def fits(self, matchers: dict[str, list[str]]) -> bool:
        """Whether its name and fixed labels have values of the matchers."""
        own = {"alertname": self.alertname, **self.labels}
        return all(own.get(label) in values for label, values in matchers.items())


class Inhibition(NamedTuple):
    """A variant of an alert that inhibits another one if the labels in `equal` are equal."""

    source: Variant
    target: Variant
    equal: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.source} > {self.target}"


@functools.cache
def variants() -> tuple[Variant, ...]:
    """The variants of all rules. Each value of `explained_by` that an expression adds is one more variant."""
    return tuple(
        Variant(rule["alert"], rule["labels"] | added, identity(rule))
        for rule in shipped_entries()
        for added in ({}, *({_EXPLAINED_BY: value} for value in _explanations(parse(rule["expr"]))))
    )


def inhibitions() -> list[Inhibition]:
    """All pairs of variants that an inhibition rule matches."""
    rules = fast_yaml.load((ALERTS / "alertmanager.yml").read_text())["inhibit_rules"]
    return [
        Inhibition(source, target, tuple(rule["equal"]))
        for rule in rules
        for source in _matching(rule["source_matchers"])
        for target in _matching(rule["target_matchers"])
        if "alertname" not in rule["equal"] or source.alertname == target.alertname
    ]


@functools.cache
def _recorded() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for rule in shipped_rules() if "record" in rule}


def identity(alert: dict[str, Any]) -> frozenset[str]:
    """The labels that name the object of an alert: those of its expression, without labels of the rule."""
    labels = _labels(parse(alert["expr"]), _recorded())
    assert labels is not None, alert["expr"]
    return labels - {_EXPLAINED_BY}


def _matching(matchers: list[str]) -> list[Variant]:
    """The variants that match all of `label="A"` and `label=~"A|B"`. Each value must match a variant."""
    found = [re.fullmatch(r'(\w+)=(~?)"([\w-]+(?:\|[\w-]+)*)"', matcher) for matcher in matchers]
    assert all(found), matchers
    values_of = {one[1]: one[3].split("|") if one[2] else [one[3]] for one in found if one}
    fitting = [variant for variant in variants() if variant.fits(values_of)]
    for label, values in values_of.items():
        assert {{"alertname": one.alertname, **one.labels}[label] for one in fitting} == {*values}, matchers
    return fitting


def _explanations(node: Node) -> list[str]:
    """The values that an expression can give to the added label."""
    below = [getattr(node, field, None) for field in ("inner", "left", "right")]
    if isinstance(node, Call):
        texts = [part.value for part in node.arguments if isinstance(part, String)]
        if node.function == "label_replace" and texts[0] == _EXPLAINED_BY:
            return [texts[1]]
        below = list(node.arguments)
    return [value for part in below if part is not None for value in _explanations(part)]


def _labels(node: Node, recorded: dict[str, str]) -> frozenset[str] | None:
    """The labels that the series of an expression can have, if aggregations and joins determine them."""
    if isinstance(node, Selector) and node.name in recorded:
        return _labels(parse(recorded[node.name]), recorded)
    if isinstance(node, Parentheses):
        return _labels(node.inner, recorded)
    if isinstance(node, Call):
        return _of_call(node, recorded)
    if isinstance(node, Binary):
        return _of_operator(node, recorded)
    return labels_of(node)


def _of_call(node: Call, recorded: dict[str, str]) -> frozenset[str] | None:
    if node.function in {"absent", "absent_over_time"}:
        return frozenset()
    if node.function == "label_replace":
        inner, added = _labels(node.arguments[0], recorded), node.arguments[1]
        return None if inner is None or not isinstance(added, String) else inner | {added.value}
    return None


def _of_operator(node: Binary, recorded: dict[str, str]) -> frozenset[str] | None:
    known = labels_of(node)
    if known is not None:
        return known
    left, right = (_labels(side, recorded) for side in (node.left, node.right))
    if node.operator == "or":
        return None if left is None or right is None else left | right
    many = right if is_scalar(node.left) or node.matching.group == "group_right" else left
    return None if many is None else many.union(node.matching.carried)
