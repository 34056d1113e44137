"""An expression as a tree of immutable values.

Durations are seconds. Parentheses are nodes, so that an unchanged tree is formatted as it was parsed.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

__all__ = [
    "COMPARISONS",
    "SET_OPERATORS",
    "Aggregate",
    "Binary",
    "Call",
    "Matcher",
    "Matching",
    "Node",
    "Number",
    "Parentheses",
    "Selector",
    "Step",
    "String",
    "Unary",
    "is_scalar",
    "put",
    "steps",
]

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
SET_OPERATORS = frozenset({"and", "or", "unless"})
_SCALAR_FUNCTIONS = frozenset({"pi", "scalar", "time"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Number:
    """A number literal."""

    value: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class String:
    """A string literal, without its quotes."""

    value: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matcher:
    """A label matcher of a selector. `operator` is `=`, `!=`, `=~` or `!~`."""

    label: str
    operator: str
    value: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selector:
    """An instant vector or, with `seconds`, a range vector. `offset` is in seconds."""

    name: str = ""
    matchers: tuple[Matcher, ...] = ()
    seconds: float | None = None
    offset: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parentheses:
    """An expression in parentheses."""

    inner: "Node"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unary:
    """A minus before an expression."""

    inner: "Node"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple["Node", ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Aggregate:
    """An aggregation. `keyword` is `by` or `without`; empty, without labels, if there is neither."""

    operator: str
    inner: "Node"
    keyword: str = ""
    labels: tuple[str, ...] = ()
    parameter: "Node | None" = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matching:
    """The vector matching of a binary operator.

    `keyword` is `on` or `ignoring`, or empty for all labels; `group` is `group_left`, `group_right` or empty, and
    `carried` are the labels of the group modifier.
    """

    keyword: str = ""
    labels: tuple[str, ...] = ()
    group: str = ""
    carried: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Binary:
    """A binary operator with its operands."""

    operator: str
    left: "Node"
    right: "Node"
    returns_bool: bool = False
    matching: Matching = Matching()


Node = Number | String | Selector | Parentheses | Unary | Call | Aggregate | Binary
Step = tuple[str, int]
"""A step from a node to a child: the field, and the index if the field is a tuple."""


def steps(node: Node) -> Iterator[tuple[Step, Node]]:
    """The children of a node with their steps, from left to right."""
    if isinstance(node, Call):
        for index, argument in enumerate(node.arguments):
            yield ("arguments", index), argument
        return
    for field in ("parameter", "left", "inner", "right"):
        below = getattr(node, field, None)
        if below is not None:
            yield (field, 0), below


def put(node: Node, step: Step, below: Node) -> Node:
    """The node with another child at this step."""
    field, index = step
    if isinstance(node, Call):
        return dataclasses.replace(node, arguments=(*node.arguments[:index], below, *node.arguments[index + 1 :]))
    changed: dict[str, Any] = {field: below}
    return dataclasses.replace(node, **changed)


def is_scalar(node: Node) -> bool:
    """Whether the expression is a scalar and not a vector."""
    if isinstance(node, Call):
        return node.function in _SCALAR_FUNCTIONS
    if isinstance(node, Number):
        return True
    if isinstance(node, Binary | Parentheses | Unary):
        return all(is_scalar(below) for _, below in steps(node))
    return False
