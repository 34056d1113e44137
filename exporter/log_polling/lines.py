"""Splits the answer of `pods/log` into lines and keeps the end of it: at most 4 MiB.

The end has the newest lines. `limitBytes` would keep the beginning.
"""

from collections import deque
from typing import NamedTuple

from exporter.kube.budget import Share
from exporter.kube.errors import TooLargeError

__all__ = ["LONGEST", "LogLines", "RawLine"]

LONGEST = 4 << 20
"""Bytes of an answer that are kept: 256 lines of 16 KiB, at which containerd divides lines."""
_PART = 4 << 10
"""Bytes at the beginning and at the end of a longer line that are kept."""
_MOST_READ = 64 << 20
_MOST_LINES = 1024  # 256 are requested
_LINE_BYTES = 120  # memory of a line, without its text
_WINDOW = 64 << 10


class RawLine(NamedTuple):
    """A line with its stamp, without newline. `cut`: only its first 4 KiB, a line feed, and its last 4 KiB."""

    text: bytes
    cut: bool = False


class LogLines:
    """Receives an answer in pieces. `share` counts the bytes that are kept."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._lines: deque[RawLine] = deque()
        self._size = 0
        self._head: bytes | None = None
        self._rest = bytearray()
        self._received = 0

    def feed(self, piece: bytes) -> None:
        """Adds a piece of the answer. Raises TooLargeError if it has more than 64 MiB, or exceeds the budget."""
        self._received += len(piece)
        if self._received > _MOST_READ:
            raise TooLargeError(f"a log is larger than {_MOST_READ >> 20} MiB", code="too_large")
        first, *more = piece.split(b"\n")
        if len(more) > _MOST_LINES:
            self._clear()
            first, *more = more[-_MOST_LINES:]
        self._extend(first)
        for part in more:
            self._end_line()
            self._extend(part)
        self._share.hold(self._size + len(self._rest))

    def finish(self, *, is_over: bool) -> list[RawLine]:
        """The lines. The container may still be writing a last line without newline: it counts only if that is over.

        The next answer has it again, with the same stamp and complete.
        """
        if is_over and (self._rest or self._head is not None):
            self._end_line()
        return list(self._lines)

    def _extend(self, part: bytes) -> None:
        self._rest += part
        if self._head is None and len(self._rest) > LONGEST:
            self._head = bytes(self._rest[:_PART])
        if self._head is not None and len(self._rest) > _WINDOW:
            del self._rest[:-_PART]
        self._trim()

    def _end_line(self) -> None:
        if self._head is None:
            line = RawLine(bytes(self._rest))
        else:
            line = RawLine(self._head + b"\n" + self._rest[-_PART:], cut=True)
        self._head, self._rest = None, bytearray()
        self._lines.append(line)
        self._size += len(line.text) + _LINE_BYTES
        self._trim()

    def _clear(self) -> None:
        self._lines.clear()
        self._size, self._head, self._rest = 0, None, bytearray()

    def _trim(self) -> None:
        while self._lines and (self._size + len(self._rest) > LONGEST or len(self._lines) > _MOST_LINES):
            self._size -= len(self._lines.popleft().text) + _LINE_BYTES
