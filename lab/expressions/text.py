"""Formats the tree of an expression as text."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import promql_parser

from lab.expressions.tree import (
    COMPARISONS,
    Aggregate,
    Binary,
    Call,
    Node,
    Number,
    Parentheses,
    Selector,
    String,
    Unary,
    put,
    steps,
)

__all__ = ["brief", "duration", "write"]

_ELLIPSIS = Selector(name="…")
_PRECEDENCE = {"or": 1, "and": 2, "unless": 2, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6}
_PRECEDENCE |= dict.fromkeys(COMPARISONS, 3)
_UNARY_PRECEDENCE = 5


def duration(seconds: float) -> str:
    """A duration as in rules: 90 is `1m30s`."""
    return promql_parser.display_duration(timedelta(seconds=seconds))


def write(node: Node) -> str:
    """The expression on one line, with additional parentheses if a changed tree needs them."""
    return _WRITERS[type(node)](node)


def brief(node: Node) -> str:
    """The expression with `…` for each nested operation, to name a location."""
    if isinstance(node, Binary):
        return f"{write(_short(node.left))} {_operator(node)} {write(_short(node.right))}"
    return write(_short(node))


def _short(node: Node) -> Node:
    if isinstance(node, Binary):
        return _ELLIPSIS
    short: Node = node
    for step, below in steps(node):
        short = put(short, step, _short(below))
    return _ELLIPSIS if short == Parentheses(inner=_ELLIPSIS) else short


def _number(node: Number) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(node.value), str(node.value).removesuffix(".0"))


def _selector(node: Selector) -> str:
    matchers = ",".join(f"{item.label}{item.operator}{_quote(item.value)}" for item in node.matchers)
    window = "" if node.seconds is None else f"[{duration(node.seconds)}]"
    sign = "-" if node.offset < 0 else ""
    offset = f" offset {sign}{duration(abs(node.offset))}" if node.offset else ""
    return node.name + (f"{{{matchers}}}" if matchers else "") + window + offset


def _aggregate(node: Aggregate) -> str:
    modifier = f" {node.keyword} ({', '.join(node.labels)}) " if node.keyword else ""
    inside = [write(item) for item in (node.parameter, node.inner) if item is not None]
    return f"{node.operator}{modifier}({', '.join(inside)})"


def _binary(node: Binary) -> str:
    precedence = _PRECEDENCE[node.operator]
    right_first = node.operator == "^"
    left = _operand(node.left, at_least=precedence + right_first)
    right = _operand(node.right, at_least=precedence + (not right_first))
    return f"{left} {_operator(node)} {right}"


def _operator(node: Binary) -> str:
    matching = node.matching
    words = [node.operator]
    if node.returns_bool:
        words.append("bool")
    if matching.keyword:
        words.append(f"{matching.keyword} ({', '.join(matching.labels)})")
    if matching.group:
        words.append(f"{matching.group} ({', '.join(matching.carried)})")
    return " ".join(words)


def _operand(node: Node, *, at_least: int) -> str:
    """The operand, in parentheses if its precedence is lower than required."""
    precedence = {Binary: _PRECEDENCE.get(getattr(node, "operator", ""), 0), Unary: _UNARY_PRECEDENCE}.get(type(node))
    return write(node) if precedence is None or precedence >= at_least else f"({write(node)})"


def _quote(text: str) -> str:
    """A quoted string. PromQL supports all escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    Number: _number,
    String: lambda node: _quote(node.value),
    Selector: _selector,
    Parentheses: lambda node: f"({write(node.inner)})",
    Unary: lambda node: f"-{_operand(node.inner, at_least=_UNARY_PRECEDENCE)}",
    Call: lambda node: f"{node.function}({', '.join(map(write, node.arguments))})",
    Aggregate: _aggregate,
    Binary: _binary,
}
