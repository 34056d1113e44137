"""What of an expression reaches the rule's outcome: the general arguments by which some mutants can change nothing.

A mutant that only changes what is read by nobody is the same rule in other words. No test can tell it from the
original, and so it is not made. Each argument is written where it is used; wherever none is known, everything counts
as read.
"""

import dataclasses

from lab.expressions.tree import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Node,
    Parentheses,
    Step,
    Unary,
    is_scalar,
)

__all__ = ["Reach", "below", "labels_of"]

_EVERY_VALUE_COUNTS = frozenset({"sum", "avg", "stddev", "stdvar"})
_ONE_SERIES_IN_ONE_OUT = frozenset({"increase", "rate", "irate", "delta", "idelta", "changes", "resets"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reach:
    """What the surroundings read of a vector.

    value: the samples' values. number: how many series have the same read labels. labels: those that are read, None
    for all.
    """

    value: bool = True
    number: bool = True
    labels: frozenset[str] | None = None

    def ignores_label(self, label: str) -> bool:
        """Whether series may differ in this label, or be one for all its values, with the same outcome.

        One series for several has another value in general, so no value may be read either.
        """
        return not self.value and not self.number and self.labels is not None and label not in self.labels


_EVERYTHING = Reach()


def labels_of(node: Node) -> frozenset[str] | None:
    """The only labels that the series of the expression can have; None where that is not known.

    An aggregation leaves those of `by`, and two vectors matched one to one leave those of `on`. The side with many
    keeps its own and what it takes from the other. Comparing with a number and taking a part of a set add none.
    """
    if isinstance(node, Aggregate):
        return None if node.keyword == "without" else frozenset(node.labels)
    if isinstance(node, Parentheses):
        return labels_of(node.inner)
    if isinstance(node, Binary) and (node.operator in {"and", "unless"} or is_scalar(node.right)):
        return labels_of(node.left)
    if isinstance(node, Binary) and node.matching.group:
        many = labels_of(node.left if node.matching.group == "group_left" else node.right)
        return None if many is None else many.union(node.matching.carried)
    if isinstance(node, Binary) and node.matching.keyword == "on" and node.operator != "or":
        return frozenset(node.matching.labels)
    return None


def below(node: Node, step: Step, reach: Reach) -> Reach:
    """What is read of the part that stands in that place of the node, if `reach` is read of the node."""
    if isinstance(node, Parentheses | Unary):
        return reach
    if isinstance(node, Aggregate):
        return _aggregated(node, step, reach)
    if isinstance(node, Call):
        return _argument(node, reach)
    if isinstance(node, Binary):
        return _of_a_set(node, step, reach) if node.operator in SET_OPERATORS else _operand(node, reach)
    return _EVERYTHING


def _aggregated(node: Aggregate, step: Step, reach: Reach) -> Reach:
    """Of the series only the labels of `by` go on.

    The largest and the smallest of a group stay the same if one of the group is there twice. `count` asks only how
    many there are, `group` only whether there are any. Where nobody reads the value of a sum, nobody reads its parts.
    """
    if step[0] == "parameter":
        return _EVERYTHING
    labels = None if node.keyword == "without" else frozenset(node.labels)
    if node.operator in {"max", "min"}:
        return Reach(value=reach.value, number=False, labels=labels)
    if node.operator in {"count", "group"}:
        return Reach(value=False, number=reach.value and node.operator == "count", labels=labels)
    if node.operator in _EVERY_VALUE_COUNTS:
        return Reach(value=reach.value, number=reach.value, labels=labels)
    return _EVERYTHING


def _argument(node: Call, reach: Reach) -> Reach:
    """Functions over time work on each series by itself, and whether it is there does not depend on its values.

    `absent` asks only whether there is any series: its labels come from the selector's text.
    """
    if node.function in {"absent", "absent_over_time"}:
        return Reach(value=False, number=False, labels=frozenset())
    if node.function in {"present_over_time", "count_over_time"}:
        return dataclasses.replace(reach, value=False)
    if node.function.endswith("_over_time") or node.function in _ONE_SERIES_IN_ONE_OUT:
        return reach if node.function != "quantile_over_time" else _EVERYTHING
    return _EVERYTHING


def _of_a_set(node: Binary, step: Step, reach: Reach) -> Reach:
    """`and` and `unless` ask of their right side only whether there is a series with the same `on` labels.

    Sets never change a value, and let every series of the left side pass or not by those labels.
    """
    compared = frozenset(node.matching.labels) if node.matching.keyword == "on" else None
    if step[0] == "right" and node.operator != "or":
        return Reach(value=False, number=False, labels=compared)
    labels = None if compared is None or reach.labels is None else reach.labels | compared
    return dataclasses.replace(reach, labels=labels)


def _operand(node: Binary, reach: Reach) -> Reach:
    """A comparison reads the values. Two vectors are matched one to one: a series too many is an error."""
    value = reach.value or node.operator in COMPARISONS
    if is_scalar(node.left) or is_scalar(node.right):
        return dataclasses.replace(reach, value=value)
    return dataclasses.replace(_EVERYTHING, value=value)
