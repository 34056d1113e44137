"""Numbers of a log: costs, turns and tokens, as running totals, as amounts to add, or the last one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from exporter.log_formats.language import Amount, Amounts
from exporter.log_formats.values import Path, is_present, number, parse_path, values_at

__all__ = ["Accumulator", "AmountValue", "amount_paths", "compile_amounts"]


class AmountValue(NamedTuple):
    """A number of a line."""

    value: float
    how: str
    """`total`, `add` or `last`."""


ReadAmount = Callable[[Mapping[str, Any]], AmountValue | None]


class Accumulator:
    """A number of a container's log. `value` is None until a line has it, and `sum` too.

    `sum` never decreases: it is the sum of all last amounts, and otherwise equal to `value`.
    """

    __slots__ = ("_before", "_current", "_session", "sum", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self.sum: float | None = None
        self._before = 0.0
        self._current = 0.0
        self._session = 0

    def update(self, read: AmountValue, *, session: int) -> None:
        """Includes a number. `session` identifies the session; 0 is unknown."""
        if read.how == "last":
            self.value = read.value
            self.sum = (self.sum or 0) + read.value
            return
        if read.how == "add":
            self.value = (self.value or 0) + read.value
        elif read.value or self.value is None:  # a process that made no request has the total 0
            if read.value < self._current or (session and self._session and session != self._session):
                self._before += self._current  # another process, whose total starts at 0
            self._current = read.value
            self._session = session or self._session
            self.value = self._before + self._current
        self.sum = self.value


def compile_amounts(amounts: Amounts, *, from_text: bool) -> ReadAmount | None:
    """Compiles amounts to a function of a line; None if there are none. Raises ValueError."""
    compiled = [_compile(one) for one in _listed(amounts)]
    if not compiled:
        return None

    def read(found: Mapping[str, Any]) -> AmountValue | None:
        for paths, constant, how in compiled:
            if constant is not None:
                return AmountValue(constant, how)
            if any(is_present(found, path) for path in paths):
                return _sum(found, paths, how, from_text=from_text)
        return None

    return read


def amount_paths(amounts: Amounts) -> list[str]:
    """All paths of amounts, as they are written."""
    keys = [key for one in _listed(amounts) for key in (one.total, one.add, one.last) if not isinstance(key, int)]
    return [path for key in keys for path in ((key,) if isinstance(key, str) else key)]


def _listed(amounts: Amounts) -> tuple[Amount, ...]:
    return amounts if isinstance(amounts, tuple) else (amounts,)


def _compile(amount: Amount) -> tuple[Sequence[Path], float | None, str]:
    given = [(name, getattr(amount, name)) for name in ("total", "add", "last") if getattr(amount, name) != ()]
    if len(given) != 1:
        raise ValueError("an amount needs one of the keys total, add and last")
    how, keys = given[0]
    if isinstance(keys, int):
        return (), keys, how
    return [parse_path(key) for key in ((keys,) if isinstance(keys, str) else keys)], None, how


def _sum(found: Mapping[str, Any], paths: Sequence[Path], how: str, *, from_text: bool) -> AmountValue | None:
    values = [number(value, from_text=from_text) for path in paths for value in values_at(found, path)]
    known = [value for value in values if value is not None]
    return AmountValue(sum(known), how) if known else None
