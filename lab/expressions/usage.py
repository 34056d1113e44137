"""Determines which parts of an expression affect the result of a rule.

A mutant that changes only unused parts is equivalent to the rule. No test can distinguish it from the original, so it
is not generated. Each function gives the reason why a part is unused; without a reason, a part counts as used.
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

__all__ = ["UsedParts", "below", "labels_of"]

_SUMS = frozenset({"sum", "avg", "stddev", "stdvar"})
_RATES = frozenset({"increase", "rate", "irate", "delta", "idelta", "changes", "resets"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class UsedParts:
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


_EVERYTHING = UsedParts()


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


def below(node: Node, step: Step, used: UsedParts) -> UsedParts:
    """The parts of a node's child that affect the result, if `used` are those of the node itself."""
    if isinstance(node, Parentheses | Unary):
        return used
    if isinstance(node, Aggregate):
        return _aggregation_operand(node, step, used)
    if isinstance(node, Call):
        return _function_argument(node, used)
    if isinstance(node, Binary):
        return _set_operand(node, step, used) if node.operator in SET_OPERATORS else _binary_operand(node, used)
    return _EVERYTHING


def _aggregation_operand(node: Aggregate, step: Step, used: UsedParts) -> UsedParts:
    """The used parts of the operand of an aggregation, which keeps only the labels in `by`.

    The maximum and minimum of a group do not change with a duplicate. `count` depends only on the number, `group`
    only on the existence of series. If the value of a sum is not used, neither are the values of its operands.
    """
    if step[0] == "parameter":
        return _EVERYTHING
    labels = None if node.keyword == "without" else frozenset(node.labels)
    if node.operator in {"max", "min"}:
        return UsedParts(value=used.value, number=False, labels=labels)
    if node.operator in {"count", "group"}:
        return UsedParts(value=False, number=used.value and node.operator == "count", labels=labels)
    if node.operator in _SUMS:
        return UsedParts(value=used.value, number=used.value, labels=labels)
    return _EVERYTHING


def _function_argument(node: Call, used: UsedParts) -> UsedParts:
    """The used parts of the argument of a function.

    Functions over time handle each series separately, and the existence of a result does not depend on the values.
    `absent` depends only on the existence of a series: its labels come from the selector.
    """
    if node.function in {"absent", "absent_over_time"}:
        return UsedParts(value=False, number=False, labels=frozenset())
    if node.function in {"present_over_time", "count_over_time"}:
        return dataclasses.replace(used, value=False)
    if node.function.endswith("_over_time") or node.function in _RATES:
        return used if node.function != "quantile_over_time" else _EVERYTHING
    return _EVERYTHING


def _set_operand(node: Binary, step: Step, used: UsedParts) -> UsedParts:
    """The used parts of an operand of a set operator.

    `and` and `unless` depend only on the existence of a series with the same `on` labels on the right side. Set
    operators never change a value; they keep or drop each series of the left side by these labels.
    """
    compared = frozenset(node.matching.labels) if node.matching.keyword == "on" else None
    if step[0] == "right" and node.operator != "or":
        return UsedParts(value=False, number=False, labels=compared)
    labels = None if compared is None or used.labels is None else used.labels | compared
    return dataclasses.replace(used, labels=labels)


def _binary_operand(node: Binary, used: UsedParts) -> UsedParts:
    """The used parts of an operand of a comparison or an arithmetic operator.

    A comparison uses the values. With one-to-one matching, an additional series is an error.
    """
    value = used.value or node.operator in COMPARISONS
    if is_scalar(node.left) or is_scalar(node.right):
        return dataclasses.replace(used, value=value)
    return dataclasses.replace(_EVERYTHING, value=value)
