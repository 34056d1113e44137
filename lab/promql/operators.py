"""Arithmetic and comparison operators, with infinities and NaN as in Go."""

import math
import operator
from collections.abc import Callable, Mapping

__all__ = ["ARITHMETIC", "COMPARISON"]


def _divide(left: float, right: float) -> float:
    """Division. By zero: NaN or an infinity with the sign of the operands, never an error."""
    if right:
        return left / right
    if not left or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _modulo(left: float, right: float) -> float:
    """The remainder. It has the sign of the left side."""
    return math.nan if not right or math.isinf(left) else math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return -math.inf if left < 0 and right % 2 else math.inf
    except ValueError:
        return math.nan if left else math.inf  # 0 ^ -1 is +Inf, (-8) ^ 0.5 is NaN


ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _modulo,
    "^": _power,
    "atan2": math.atan2,
}
COMPARISON: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
