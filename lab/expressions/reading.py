"""Parses an expression to a tree, with the parser that the demo uses."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import promql_parser
from promql_parser import AggModifierType, LabelModifierType, MatchOp, VectorMatchCardinality

from lab.expressions.text import write
from lab.expressions.tree import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Matching,
    Node,
    Number,
    Parentheses,
    Selector,
    String,
    Unary,
)

__all__ = ["UnsupportedError", "is_valid", "parse", "seconds"]

_SIGNS = ((MatchOp.Equal, "="), (MatchOp.NotEqual, "!="), (MatchOp.Re, "=~"), (MatchOp.NotRe, "!~"))


class UnsupportedError(ValueError):
    """The expression is not PromQL, or has a part that the tree does not support. The text names it."""


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises UnsupportedError if it is not valid PromQL, or if the tree cannot represent a part of it, such as `@` or a
    subquery.
    """
    try:
        parsed = promql_parser.parse(text)
    except ValueError as error:
        raise UnsupportedError(f"{error}: {text}") from error
    tree = _node(parsed)
    if promql_parser.parse(write(tree)).prettify() != parsed.prettify():
        raise UnsupportedError(f"only {write(tree)} can be mutated, not: {text}")
    return tree


@functools.cache
def is_valid(text: str) -> bool:
    """Whether Prometheus would load the expression: its syntax and its types are correct."""
    try:
        promql_parser.parse(text)
    except ValueError:
        return False
    return True


def seconds(duration: str) -> float:
    """The seconds of a duration: 90 for `1m30s`."""
    return promql_parser.parse_duration(duration).total_seconds()


def _node(parsed: Any) -> Node:
    read = _READERS.get(type(parsed).__name__)
    if read is None:
        raise UnsupportedError(f"{type(parsed).__name__} cannot be mutated: {parsed.prettify()}")
    return read(parsed)


def _selector(parsed: Any, *, window: float | None = None) -> Selector:
    matchers = tuple(
        Matcher(label=item.name, operator=next(sign for known, sign in _SIGNS if known == item.op), value=item.value)
        for item in parsed.matchers.matchers
    )
    offset = 0.0 if parsed.offset is None else parsed.offset.total_seconds()
    return Selector(name=parsed.name or "", matchers=matchers, seconds=window, offset=offset)


def _aggregate(parsed: Any) -> Aggregate:
    modifier = parsed.modifier
    return Aggregate(
        operator=str(parsed.op),
        inner=_node(parsed.expr),
        keyword="" if modifier is None else "by" if modifier.type == AggModifierType.By else "without",
        labels=() if modifier is None else tuple(modifier.labels),
        parameter=None if parsed.param is None else _node(parsed.param),
    )


def _binary(parsed: Any) -> Binary:
    modifier = parsed.modifier
    return Binary(
        operator=str(parsed.op),
        left=_node(parsed.lhs),
        right=_node(parsed.rhs),
        returns_bool=modifier is not None and modifier.return_bool,
        matching=Matching() if modifier is None else _matching(modifier),
    )


def _matching(modifier: Any) -> Matching:
    given, group = modifier.matching, ""
    if modifier.card in (VectorMatchCardinality.ManyToOne, VectorMatchCardinality.OneToMany):
        group = "group_left" if modifier.card == VectorMatchCardinality.ManyToOne else "group_right"
    keyword = ""
    if given is not None:
        keyword = "on" if given.type == LabelModifierType.Include else "ignoring"
    return Matching(
        keyword=keyword,
        labels=() if given is None else tuple(given.labels),
        group=group,
        carried=tuple(modifier.group_labels or ()),
    )


_READERS: Mapping[str, Callable[[Any], Node]] = {
    "NumberLiteral": lambda parsed: Number(value=parsed.val),
    "StringLiteral": lambda parsed: String(value=parsed.val),
    "ParenExpr": lambda parsed: Parentheses(inner=_node(parsed.expr)),
    "UnaryExpr": lambda parsed: Unary(inner=_node(parsed.expr)),
    "Call": lambda parsed: Call(function=parsed.func.name, arguments=tuple(map(_node, parsed.args))),
    "VectorSelector": _selector,
    "MatrixSelector": lambda parsed: _selector(parsed.vector_selector, window=parsed.range.total_seconds()),
    "AggregateExpr": _aggregate,
    "BinaryExpr": _binary,
}
