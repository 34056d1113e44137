"""JSON that is printed over several lines, as `JSON.stringify(value, null, 2)` and `json.dumps(indent=2)` do."""

from typing import Final

__all__ = ["Block"]

_MAX_SIZE: Final = 64 * 1024
_CLOSING: Final = {b"{": b"}", b"[": b"]"}


class Block:
    """Collects the lines of one object or array: from a line with its bracket alone, over indented lines, to its end.

    Any other line, and more than 64 KiB, discards what was collected.
    """

    __slots__ = ("_closing", "_text")

    def __init__(self) -> None:
        self._text = bytearray()
        self._closing = b""

    @property
    def is_open(self) -> bool:
        """Whether the last line was part of an object that has not ended."""
        return bool(self._closing)

    def take(self, line: bytes) -> bytes | None:
        """Adds a line. Returns the whole text with the last line of it, otherwise None."""
        if self._closing and (line == self._closing or line.startswith((b" ", b"\t"))):
            is_end = line == self._closing
            if len(self._text) + len(line) <= _MAX_SIZE:
                self._text += line
                return self._end() if is_end else None
        self._end()
        if line in _CLOSING:
            self._closing = _CLOSING[line]
            self._text += line
        return None

    def _end(self) -> bytes:
        text = bytes(self._text)
        self._text.clear()
        self._closing = b""
        return text
