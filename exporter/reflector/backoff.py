"""How long to wait before the next try: longer each time, never at the same moment as everybody else."""

import random
from collections.abc import Callable

__all__ = ["Backoff"]

_LONGEST_WISH = 300.0  # seconds; a Retry-After of a year, or of "inf", is not a wish but a mistake


class Backoff:
    """Doubles from `first` up to `most` seconds, and takes between half and all of that by chance."""

    def __init__(
        self, *, first: float = 0.5, most: float = 30.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._tries = 0

    def reset(self) -> None:
        """Something worked: the next wait is a short one again."""
        self._tries = 0

    def next(self, *, at_least: float | None = None) -> float:
        """Seconds to wait; not less than the server asked for, where that is under five minutes."""
        wait = min(self._most, self._first * 2.0 ** min(self._tries, 16))
        self._tries += 1
        # Spread above the server's wish as well: it told all its clients the same number.
        return max(0.0, min(at_least or 0.0, _LONGEST_WISH)) + wait * (0.5 + self._chance() / 2)
