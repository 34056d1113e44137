"""Splits the response of `pods/log` into lines and keeps the end of the response: at most 4 MiB.

The end has the newest lines. `limitBytes` would keep the beginning.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from exporter.kube.budget import Share
from exporter.kube.errors import TooLargeError

__all__ = ["MAX_KEPT_BYTES", "LogLines", "RawLine"]

MAX_KEPT_BYTES = 4 << 20
"""Bytes of a response that are kept: 256 lines of 16 KiB, at which containerd divides lines."""
_PART_BYTES = 4 << 10
"""Bytes at the beginning and at the end of a longer line that are kept."""
_MAX_READ_BYTES = 64 << 20
_MAX_LINES = 1024  # 256 are requested
_LINE_BYTES = 120  # memory of a line, without its text
_WINDOW_BYTES = 64 << 10


class RawLine(NamedTuple):
    """A line with its stamp, without newline. `cut`: only its first 4 KiB, a line feed, and its last 4 KiB."""

    text: bytes
    cut: bool = False


class LogLines:
    """Receives a response in pieces. `share` counts the bytes that are kept."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._lines: deque[RawLine] = deque()
        self._size = 0
        self._head: bytes | None = None
        self._rest = bytearray()
        self._received = 0

    def feed(self, piece: bytes) -> None:
        """Adds a piece of the response. Raises TooLargeError if the response exceeds 64 MiB or the budget."""
        self._received += len(piece)
        if self._received > _MAX_READ_BYTES:
            raise TooLargeError(f"a log is larger than {_MAX_READ_BYTES >> 20} MiB", code="too_large")
        first, *more = piece.split(b"\n")
        if len(more) > _MAX_LINES:
            self._clear()
            first, *more = more[-_MAX_LINES:]
        self._extend(first)
        for part in more:
            self._end_line()
            self._extend(part)
        self._share.hold(self._size + len(self._rest))

    def finish(self, *, is_over: bool) -> Iterator[RawLine]:
        """Yields the lines, and drops each: split from its stamp, its text would otherwise be in memory twice.

        A last line without newline may be incomplete, so it is included only if the container is over. The next
        response has this line again, complete and with the same stamp.
        """
        if is_over and (self._rest or self._head is not None):
            self._end_line()
        while self._lines:
            yield self._lines.popleft()

    def _extend(self, part: bytes) -> None:
        self._rest += part
        if self._head is None and len(self._rest) > MAX_KEPT_BYTES:
            self._head = bytes(self._rest[:_PART_BYTES])
        if self._head is not None and len(self._rest) > _WINDOW_BYTES:
            del self._rest[:-_PART_BYTES]
        self._trim()

    def _end_line(self) -> None:
        if self._head is None:
            line = RawLine(bytes(self._rest))
        else:
            line = RawLine(self._head + b"\n" + self._rest[-_PART_BYTES:], cut=True)
        self._head, self._rest = None, bytearray()
        self._lines.append(line)
        self._size += len(line.text) + _LINE_BYTES
        self._trim()

    def _clear(self) -> None:
        self._lines.clear()
        self._size, self._head, self._rest = 0, None, bytearray()

    def _trim(self) -> None:
        while self._lines and (self._size + len(self._rest) > MAX_KEPT_BYTES or len(self._lines) > _MAX_LINES):
            self._size -= len(self._lines.popleft().text) + _LINE_BYTES
