"""The largest value of the last 24 hours."""

from collections import deque

__all__ = ["Largest"]

_DAY = 86_400.0
_MANY = 64  # values that are remembered; beyond that the smallest two count as one


class Largest:
    """Of a number that changes now and then. A value counts until 24 hours after it was replaced.

    Times are seconds since the epoch. A clock that was ahead for a while does not lengthen what is remembered.
    """

    def __init__(self, value: int) -> None:
        self._value = value
        self._past: deque[tuple[float, int]] = deque()  # (replaced at, value): from the largest to the smallest

    def put(self, value: int, *, now: float) -> None:
        """The number is this from now on."""
        if value == self._value:
            return
        while self._past and self._past[-1][1] <= self._value:
            self._past.pop()
        if len(self._past) == _MANY:
            self._value = self._past.pop()[1]
        self._past.append((now, self._value))
        self._value = value

    def at(self, now: float) -> int:
        """The largest value of the 24 hours before this moment."""
        if self._past and self._past[-1][0] > now:
            self._past = deque((min(replaced, now), value) for replaced, value in self._past)
        while self._past and self._past[0][0] + _DAY <= now:
            self._past.popleft()
        return max(self._past[0][1] if self._past else 0, self._value)
