"""The mutations of an expression. Each function yields replacements of a node, with a description.

Numbers change by the smallest step that matters if a rule is evaluated every 30 s.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from lab.expressions.text import brief, duration, write
from lab.expressions.tree import (
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Matcher,
    Node,
    Number,
    Selector,
    Step,
    put,
    steps,
)
from lab.expressions.usage import UsedParts, below, labels_of

__all__ = ["MUTATIONS", "Change", "changes", "neighbours"]

Changed = Iterator[tuple[str, Node]]
"""Pairs of the description of a change and the changed node."""

_DAY = 86400.0
_MINUTE = 60.0
_OPERATORS: Mapping[str, Sequence[str]] = {
    ">": (">=", "<", "=="),
    "<": ("<=", ">", "=="),
    ">=": (">", "<=", "=="),
    "<=": ("<", ">=", "=="),
    "==": ("!=", ">="),
    "!=": ("==", ">"),
    "and": ("unless",),
    "unless": ("and",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "/": ("*",),
}
_ARITHMETIC = frozenset("+-*/")
_AGGREGATIONS: Mapping[str, Sequence[str]] = {
    "max": ("min", "sum"),
    "min": ("max",),
    "sum": ("max", "count"),
    "count": ("sum",),
}
_FUNCTIONS: Mapping[str, Sequence[str]] = {
    "max_over_time": ("min_over_time",),
    "min_over_time": ("max_over_time",),
    "present_over_time": ("absent_over_time",),
    "absent_over_time": ("present_over_time",),
    "increase": ("delta", "changes"),
    "rate": ("delta", "irate"),
    "changes": ("resets",),
}
_NEGATED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """A change of an expression: `place` is the changed part, `what` the change, `text` the whole new expression."""

    place: str
    what: str
    text: str


def changes(tree: Node, *, value_is_read: bool) -> Iterator[Change]:
    """Every change of the expression, in preorder. Several changes may result in the same text.

    value_is_read: whether the result of the rule depends on the value of the expression.
    """
    yield from _changes(tree, UsedParts(value=value_is_read), lambda node: node)


def _changes(node: Node, used: UsedParts, whole: Callable[[Node], Node]) -> Iterator[Change]:
    for mutation in MUTATIONS:
        for what, becomes in mutation(node, used):
            yield Change(place=brief(node), what=what, text=write(whole(becomes)))
    for step, part in steps(node):
        yield from _changes(part, below(node, step, used), functools.partial(_put_inside, node, step, whole))


def _put_inside(node: Node, step: Step, whole: Callable[[Node], Node], new: Node) -> Node:
    return whole(put(node, step, new))


def neighbours(number: float) -> tuple[float, ...]:
    """A lower and a higher threshold: 30 s beside seconds, 0.1 beside a ratio, otherwise 1.

    For infinity: one day with the same sign, and the opposite infinity.
    """
    if math.isinf(number):
        return math.copysign(_DAY, number), -number
    step = 30.0 if abs(number) >= _MINUTE else 0.1 if 0 < abs(number) < 1 else 1.0
    return round(number - step, 6), round(number + step, 6)


def number(node: Node, _reach: UsedParts) -> Changed:
    """Decreases and increases a number beside an operator by one step."""
    if isinstance(node, Binary):
        for step, part in steps(node):
            if isinstance(part, Number):
                for value in neighbours(part.value):
                    new = Number(value=value)
                    yield f"{write(part)} -> {write(new)}", put(node, step, new)


def quantile(node: Node, _reach: UsedParts) -> Changed:
    """Decreases and increases the quantile of a histogram."""
    if isinstance(node, Call) and node.function == "histogram_quantile" and isinstance(node.arguments[0], Number):
        phi = node.arguments[0]
        for value in (phi.value - 0.05, phi.value + 0.05):
            new = Number(value=round(value, 6))
            yield f"{write(phi)} -> {write(new)}", put(node, ("arguments", 0), new)


def operator(node: Node, used: UsedParts) -> Changed:
    """Replaces an operator with one of the same kind. Arithmetic only matters if the value is read."""
    if isinstance(node, Binary) and (used.value or node.operator not in _ARITHMETIC):
        for other in _OPERATORS.get(node.operator, ()):
            yield f"{node.operator} -> {other}", dataclasses.replace(node, operator=other)


def side(node: Node, _reach: UsedParts) -> Changed:
    """Keeps only one side of `and`, `or` and `unless`."""
    if isinstance(node, Binary) and node.operator in SET_OPERATORS:
        yield "only the left side", node.left
        yield "only the right side", node.right


def matched_label(node: Node, _reach: UsedParts) -> Changed:
    """Removes a label from `on`, `ignoring`, `group_left` or `group_right`."""
    if isinstance(node, Binary):
        matching = node.matching
        for field, keyword in (("labels", matching.keyword), ("carried", matching.group)):
            for label, rest in _without_each(getattr(matching, field)):
                changed = dataclasses.replace(matching, **{field: rest})  # type: ignore[arg-type]  # both are tuples
                yield f"{keyword} without {label}", dataclasses.replace(node, matching=changed)


def grouping_label(node: Node, used: UsedParts) -> Changed:
    """Removes a label from `by` or `without`, and adds `instance` to `by`, which evaluates each replica separately.

    Labels that no series has are skipped, because they do not change the groups.
    """
    if isinstance(node, Aggregate):
        for label, rest in _without_each(node.labels):
            if not used.ignores_label(label):
                yield f"{node.keyword} without {label}", dataclasses.replace(node, labels=rest)
        known = labels_of(node.inner)
        replicas_differ = "instance" not in node.labels and (known is None or "instance" in known)
        if node.keyword != "without" and replicas_differ and not used.ignores_label("instance"):
            yield "by with instance", dataclasses.replace(node, keyword="by", labels=(*node.labels, "instance"))


def aggregation(node: Node, used: UsedParts) -> Changed:
    """Replaces an aggregation. All aggregations return the same series, so this only matters if the value is read."""
    if isinstance(node, Aggregate) and used.value:
        for other in _AGGREGATIONS.get(node.operator, ()):
            yield f"{node.operator} -> {other}", dataclasses.replace(node, operator=other)


def matcher(node: Node, _reach: UsedParts) -> Changed:
    """Removes or negates a matcher, or removes an alternative of its regular expression."""
    if not isinstance(node, Selector):
        return
    for index, old in enumerate(node.matchers):
        before, after = node.matchers[:index], node.matchers[index + 1 :]
        text = write(Selector(matchers=(old,)))[1:-1]
        yield f"without {text}", dataclasses.replace(node, matchers=before + after)
        for what, new in _matchers(old):
            yield f"{text}: {what}", dataclasses.replace(node, matchers=(*before, new, *after))


def function(node: Node, used: UsedParts) -> Changed:
    """Replaces a function with one of the same kind. `max_over_time` and `min_over_time` differ only in the value."""
    if isinstance(node, Call) and (used.value or node.function not in {"max_over_time", "min_over_time"}):
        for other in _FUNCTIONS.get(node.function, ()):
            yield f"{node.function} -> {other}", dataclasses.replace(node, function=other)


def absence(node: Node, _reach: UsedParts) -> Changed:
    """Replaces `absent(x)` with `x`."""
    if isinstance(node, Call) and node.function in {"absent", "absent_over_time"}:
        (inner,) = node.arguments
        present = dataclasses.replace(inner, seconds=None) if isinstance(inner, Selector) else inner
        yield f"without {node.function}", present


def window(node: Node, _reach: UsedParts) -> Changed:
    """Halves and doubles a range."""
    if isinstance(node, Selector) and node.seconds is not None:
        for seconds in (node.seconds / 2, node.seconds * 2):
            what = f"{duration(node.seconds)} -> {duration(seconds)}"
            yield what, dataclasses.replace(node, seconds=seconds)


def offset(node: Node, _reach: UsedParts) -> Changed:
    """Removes, halves and doubles an offset."""
    if isinstance(node, Selector) and node.offset:
        for seconds in (0.0, node.offset / 2, node.offset * 2):
            what = duration(seconds) if seconds else "none"
            yield f"offset {duration(node.offset)} -> {what}", dataclasses.replace(node, offset=seconds)


MUTATIONS: tuple[Callable[[Node, UsedParts], Changed], ...] = (
    number,
    quantile,
    operator,
    side,
    matched_label,
    grouping_label,
    aggregation,
    matcher,
    function,
    absence,
    window,
    offset,
)


def _without_each(labels: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for index, label in enumerate(labels):
        yield label, (*labels[:index], *labels[index + 1 :])


def _matchers(old: Matcher) -> Iterator[tuple[str, Matcher]]:
    sign = _NEGATED[old.operator]
    yield f"{old.operator} -> {sign}", dataclasses.replace(old, operator=sign)
    parts = _alternatives(old.value) if "~" in old.operator else []
    if len(parts) > 1:
        for index, part in enumerate(parts):
            rest = "|".join(parts[:index] + parts[index + 1 :])
            yield f"without {part}", dataclasses.replace(old, value=rest)


def _alternatives(pattern: str) -> list[str]:
    """The alternatives of a regular expression at the top level: not inside of parentheses or brackets."""
    parts, depth, escaped = [""], 0, False
    for letter in pattern:
        if letter == "|" and not depth and not escaped:
            parts.append("")
            continue
        parts[-1] += letter
        if not escaped:
            depth += (letter in "([") - (letter in ")]")
        escaped = letter == "\\" and not escaped
    return parts
