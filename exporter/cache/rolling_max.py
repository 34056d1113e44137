"""Maximum of a value over the last 24 hours."""

from collections import deque

__all__ = ["RollingMax"]

_DAY = 86_400.0
_MAX_VALUES = 64  # previous values; beyond that, the two smallest are merged


class RollingMax:
    """Maximum of a number that rarely changes. A value expires 24 hours after it was replaced.

    Times are in seconds since the epoch. A clock that was temporarily ahead does not extend the retention of values.
    """

    def __init__(self, value: int) -> None:
        self._value = value
        self._past: deque[tuple[float, int]] = deque()  # (replaced at, value), in descending order of value

    def put(self, value: int, *, now: float) -> None:
        """Sets the current value."""
        if value == self._value:
            return
        while self._past and self._past[-1][1] <= self._value:
            self._past.pop()
        if len(self._past) == _MAX_VALUES:
            self._value = self._past.pop()[1]
        self._past.append((now, self._value))
        self._value = value

    def at(self, now: float) -> int:
        """The maximum over the 24 hours before `now`."""
        if self._past and self._past[-1][0] > now:
            self._past = deque((min(replaced, now), value) for replaced, value in self._past)
        while self._past and self._past[0][0] + _DAY <= now:
            self._past.popleft()
        return max(self._past[0][1] if self._past else 0, self._value)
