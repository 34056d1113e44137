"""Exponential backoff with jitter."""

import random
from collections.abc import Callable

__all__ = ["Backoff"]

_MAX_RETRY_AFTER = 300.0  # seconds; a Retry-After of a year, or of "inf", is a mistake of the server


class Backoff:
    """The delay doubles from `first` up to `most` seconds. Jitter reduces it by up to half."""

    def __init__(
        self, *, first: float = 0.5, most: float = 30.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._tries = 0

    def reset(self) -> None:
        """Starts again with the shortest delay, after a success."""
        self._tries = 0

    def next(self, *, at_least: float | None = None) -> float:
        """The next delay in seconds: `at_least` (the server's Retry-After, at most 300 s) plus the backoff."""
        wait = min(self._most, self._first * 2.0 ** min(self._tries, 16))
        self._tries += 1
        # Jitter is added to Retry-After as well: the server sends the same number to all its clients.
        return max(0.0, min(at_least or 0.0, _MAX_RETRY_AFTER)) + wait * (0.5 + self._chance() / 2)
