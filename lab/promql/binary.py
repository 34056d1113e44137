"""Binary operators between numbers, between a vector and a number, and between two vectors.

Source: "Operators" in Prometheus' querying documentation (vector matching, set operators, `bool`).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

from promql_parser import LabelModifierType, VectorMatchCardinality

from lab.promql.errors import PromqlError, UnsupportedError
from lab.promql.operators import ARITHMETIC, COMPARISON
from lab.promql.vector import NAME, Key, Sample, Vector, distinct, key

__all__ = ["combine"]


@dataclasses.dataclass(frozen=True, slots=True)
class _Operator:
    """An operator with its modifiers."""

    symbol: str
    with_bool: bool = False
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    many: str = ""  # the side of `group_left` or `group_right` that may match more than once

    @property
    def drops_name(self) -> bool:
        """Whether the result has no metric name, because its value is computed."""
        return self.with_bool or self.symbol not in COMPARISON

    def apply(self, left: float, right: float) -> float | None:
        """The value of the result; None if a comparison filters the element out."""
        if self.symbol in ARITHMETIC:
            return ARITHMETIC[self.symbol](left, right)
        holds = COMPARISON[self.symbol](left, right)
        if self.with_bool:
            return float(holds)
        return left if holds else None

    def match_group(self, sample: Sample) -> Key:
        """The labels that must be equal on both sides."""
        if self.on:
            return key({label: sample.get(label) for label in self.labels})
        return key({label: text for label, text in sample.labels.items() if label not in self._ignored})

    def result_labels(self, many: Sample, one: Sample) -> dict[str, str]:
        """The labels of a matched pair: those of the match group, or of the many side with a group modifier."""
        labels = dict(many.labels)
        if self.drops_name:
            labels.pop(NAME, None)
        if not self.many:
            kept = set(self.labels) if self.on else set(labels) - set(self.labels)
            labels = {label: text for label, text in labels.items() if label in kept}
        labels.update({label: one.get(label) for label in self.include})
        return {label: text for label, text in labels.items() if text}

    @property
    def _ignored(self) -> frozenset[str]:
        return frozenset((NAME, *self.labels))


def combine(expression: Any, left: float | Vector, right: float | Vector) -> float | Vector:
    """The value of a BinaryExpr after the evaluation of both sides. Raises PromqlError and UnsupportedError."""
    operator = _read(expression)
    if isinstance(left, list) and isinstance(right, list):
        return _SETS.get(operator.symbol, _vectors)(operator, left, right)
    if isinstance(left, list):
        return _vector_and_scalar(operator, left, cast("float", right))
    if isinstance(right, list):
        return _vector_and_scalar(operator, right, left, swapped=True)
    # The parser rejects a comparison of two numbers without `bool`, so the result is never None.
    return cast("float", operator.apply(left, right))


def _read(expression: Any) -> _Operator:
    symbol, modifier = str(expression.op), expression.modifier
    if symbol not in ARITHMETIC and symbol not in COMPARISON and symbol not in _SETS:
        raise UnsupportedError(f"operator {symbol}")
    if modifier is None:
        return _Operator(symbol)
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise UnsupportedError("fill modifier")
    many = ""
    if modifier.card == VectorMatchCardinality.ManyToOne:
        many = "left"
    elif modifier.card == VectorMatchCardinality.OneToMany:
        many = "right"
    return _Operator(
        symbol,
        with_bool=modifier.return_bool,
        on=modifier.matching is not None and modifier.matching.type == LabelModifierType.Include,
        labels=tuple(modifier.matching.labels) if modifier.matching else (),
        include=tuple(modifier.group_labels or ()),
        many=many,
    )


def _vector_and_scalar(operator: _Operator, vector: Vector, scalar: float, *, swapped: bool = False) -> Vector:
    """An operator between a vector and a number. A filter keeps the value of the vector, on either side."""
    result = []
    for sample in vector:
        sides = (scalar, sample.value) if swapped else (sample.value, scalar)
        value = operator.apply(*sides)
        if value is None:
            continue
        if operator.drops_name:
            result.append(sample.without_name(value))
        else:
            result.append(sample)
    return distinct(result)


def _vectors(operator: _Operator, left: Vector, right: Vector) -> Vector:
    many, one = (right, left) if operator.many == "right" else (left, right)
    one_side = _one_side(operator, one, named="left" if operator.many == "right" else "right")
    result: list[Sample] = []
    taken: dict[Key, set[Key]] = {}
    for sample in many:
        group = operator.match_group(sample)
        match = one_side.get(group)
        if match is None:
            continue
        sides = (match, sample) if operator.many == "right" else (sample, match)
        value = operator.apply(sides[0].value, sides[1].value)
        if value is None:
            continue
        labels = operator.result_labels(sample, match)
        _check_unique(operator, taken.setdefault(group, set()), labels)
        result.append(Sample(labels, value))
    return distinct(result)


def _one_side(operator: _Operator, vector: Vector, *, named: str) -> dict[Key, Sample]:
    found: dict[Key, Sample] = {}
    for sample in vector:
        group = operator.match_group(sample)
        if group in found:
            raise PromqlError(
                f"found duplicate series for the match group {dict(group)} on the {named} hand-side of the "
                f"operation {operator.symbol}: many-to-many matching not allowed"
            )
        found[group] = sample
    return found


def _check_unique(operator: _Operator, taken: set[Key], labels: Mapping[str, str]) -> None:
    """Checks that a match group has one result, or with a group modifier one for each label set."""
    if not operator.many and taken:
        raise PromqlError("multiple matches for labels: many-to-one matching must be explicit")
    if key(labels) in taken:
        raise PromqlError("multiple matches for labels: grouping labels must ensure unique matches")
    taken.add(key(labels))


def _and(operator: _Operator, left: Vector, right: Vector) -> Vector:
    groups = {operator.match_group(sample) for sample in right}
    return [sample for sample in left if operator.match_group(sample) in groups]


def _unless(operator: _Operator, left: Vector, right: Vector) -> Vector:
    groups = {operator.match_group(sample) for sample in right}
    return [sample for sample in left if operator.match_group(sample) not in groups]


def _or(operator: _Operator, left: Vector, right: Vector) -> Vector:
    return left + _unless(operator, right, left)


_SETS: Mapping[str, Callable[[_Operator, Vector, Vector], Vector]] = {"and": _and, "or": _or, "unless": _unless}
