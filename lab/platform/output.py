"""What containers write to their logs, line by line with the clock."""

from collections import deque
from collections.abc import Callable, Iterable

__all__ = ["Output", "Place", "WriteLog"]

Place = tuple[str, str, str]
"""The namespace and the name of a pod, and the name of its container."""
WriteLog = Callable[..., None]
"""Appends lines to the log of a container: its place, then pairs of a time (seconds since the epoch) and a text."""


class Output:
    """The lines that running containers have not written yet. `write` stores the others."""

    def __init__(self, write: WriteLog) -> None:
        self._write = write
        self._left: dict[Place, deque[tuple[float, bytes]]] = {}

    def start(self, place: Place, lines: Iterable[tuple[float, bytes]]) -> None:
        """Starts a container, which will write these lines."""
        self._left[place] = deque(sorted(lines, key=lambda line: line[0]))

    def stop(self, place: Place) -> None:
        """Ends a container: it writes nothing more."""
        self._left.pop(place, None)

    def advance(self, now: float) -> None:
        """Writes all lines until `now` (seconds since the epoch)."""
        for place, left in list(self._left.items()):
            due = []
            while left and left[0][0] <= now:
                due.append(left.popleft())
            if due:
                self._write(*place, *due)
            if not left:
                del self._left[place]
