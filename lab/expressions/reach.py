"""Determines which parts of an expression affect the result of a rule: mutants of other parts cannot be detected.

A mutant that changes only unused parts is equivalent to the rule. No test can distinguish it from the original, so it
is not generated. Each argument is documented where it is used; without an argument, a part counts as used.
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
    """The parts of a vector that affect the result.

    value: the values of the samples. number: the number of series with the same used labels. labels: the used labels,
    None for all.
    """

    value: bool = True
    number: bool = True
    labels: frozenset[str] | None = None

    def ignores_label(self, label: str) -> bool:
        """Whether the result is the same if series differ in this label, or are one series for all its values.

        One series instead of several generally has another value, so the value must not be used either.
        """
        return not self.value and not self.number and self.labels is not None and label not in self.labels


_EVERYTHING = Reach()


def labels_of(node: Node) -> frozenset[str] | None:
    """The only labels that the series of the expression can have; None if they are not known.

    An aggregation keeps the labels in `by`, and one-to-one matching those in `on`. The many side of a match keeps its
    labels and adds those of the group modifier. Comparisons with a number and set operators add none.
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
    """The used parts of the child of a node, if `reach` is used of the node."""
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
    """Only the labels in `by` are kept.

    The maximum and minimum of a group do not change with a duplicate. `count` depends only on the number, `group`
    only on the existence of series. If the value of a sum is not used, neither are the values of its operands.
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
    """Functions over time handle each series separately, and its existence does not depend on its values.

    `absent` depends only on the existence of a series: its labels come from the selector.
    """
    if node.function in {"absent", "absent_over_time"}:
        return Reach(value=False, number=False, labels=frozenset())
    if node.function in {"present_over_time", "count_over_time"}:
        return dataclasses.replace(reach, value=False)
    if node.function.endswith("_over_time") or node.function in _ONE_SERIES_IN_ONE_OUT:
        return reach if node.function != "quantile_over_time" else _EVERYTHING
    return _EVERYTHING


def _of_a_set(node: Binary, step: Step, reach: Reach) -> Reach:
    """`and` and `unless` depend only on the existence of a series with the same `on` labels on the right side.

    Set operators never change a value; they keep or drop each series of the left side by these labels.
    """
    compared = frozenset(node.matching.labels) if node.matching.keyword == "on" else None
    if step[0] == "right" and node.operator != "or":
        return Reach(value=False, number=False, labels=compared)
    labels = None if compared is None or reach.labels is None else reach.labels | compared
    return dataclasses.replace(reach, labels=labels)


def _operand(node: Binary, reach: Reach) -> Reach:
    """A comparison uses the values. With one-to-one matching, an additional series is an error."""
    value = reach.value or node.operator in COMPARISONS
    if is_scalar(node.left) or is_scalar(node.right):
        return dataclasses.replace(reach, value=value)
    return dataclasses.replace(_EVERYTHING, value=value)
