"""Finds the new lines of a response: the lines after the last line that was read."""

from collections.abc import Sequence
from typing import NamedTuple

from exporter.log_polling.stamps import NANOSECONDS

__all__ = ["TAIL_LINES", "Cursor", "New", "StampedLine"]

TAIL_LINES = 256
"""The number of lines that a request selects."""
_QUIET_READS = 10
_OVERLAP_SECONDS = 1  # stdout and stderr are stamped before they are written, so that stamps may be out of order


class StampedLine(NamedTuple):
    """A line: its stamp in nanoseconds since the epoch, and its text."""

    stamp: int
    text: bytes
    cut: bool = False


class New(NamedTuple):
    """`gap`: lines may be missing before these: a response has only the last lines, or the log was rotated."""

    lines: Sequence[StampedLine]
    gap: bool = False


class Cursor:
    """The position of the last line that was read: its stamp, and how many lines have exactly that stamp.

    Lines are found by their position and not by the order of their stamps: a clock that is set back makes these
    decrease. An empty response changes nothing: the log has been rotated, and only the new file can be read.
    """

    __slots__ = ("_count", "_quiet", "_stamp")

    def __init__(self) -> None:
        self._stamp: int | None = None
        self._count = 0
        self._quiet = 0

    @property
    def has_read(self) -> bool:
        """Whether any line has been read."""
        return self._stamp is not None

    def since(self, now: float) -> int | None:
        """The time from which lines are requested, in seconds since the epoch; None: only their number is limited.

        The API server would not send lines with earlier stamps. So a request in ten that finds no new line has no
        such time, and none has a time in the future.
        """
        if self._stamp is None or self._quiet >= _QUIET_READS:
            return None
        if not NANOSECONDS < self._stamp <= now * NANOSECONDS:
            return None  # the clock of the node was or is wrong
        return self._stamp // NANOSECONDS - _OVERLAP_SECONDS

    def advance(self, lines: Sequence[StampedLine]) -> New:
        """The new lines of a response."""
        new = self._new(lines)
        self._quiet = 0 if new.lines or self._quiet >= _QUIET_READS else self._quiet + 1
        if lines:
            self._stamp = lines[-1].stamp
            self._count = sum(line.stamp == self._stamp for line in lines)
        return new

    def _new(self, lines: Sequence[StampedLine]) -> New:
        if self._stamp is None:
            return New(lines, gap=len(lines) >= TAIL_LINES)
        same = [at for at, line in enumerate(lines) if line.stamp == self._stamp]
        if not same:
            return New(lines, gap=bool(lines))
        last = same[self._count - 1] if len(same) > self._count else same[-1]
        return New(lines[last + 1 :])
