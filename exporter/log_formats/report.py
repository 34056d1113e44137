"""A line of a container's log, and what was read from its lines."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

__all__ = ["Formats", "Line", "LogReader", "LogReport"]


class Line(NamedTuple):
    """A line: its time in seconds since the epoch, and its text without stamp and newline.

    `cut`: it was too long, and the text is its beginning and its end.
    """

    time: float
    text: bytes
    cut: bool = False


class LogReport(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a container's log says. Times are in seconds since the epoch; what it does not say is None or empty."""

    format: str = ""
    sessions: int | None = None
    first_line: float | None = None
    last_line: float | None = None
    last_word: float | None = None
    outcome: str = ""
    error: str = ""
    waiting_for: str = ""
    retrying: bool = False
    cost_dollars: float | None = None
    turns: int | None = None
    tokens_input: int | None = None
    tokens_output: int | None = None
    lines_after: int | None = None
    unread: int = 0
    is_silent_by_design: bool = False


class Formats(msgspec.Struct, frozen=True):
    """The formats that are read."""


class LogReader:
    """Reads the log of one container."""

    def __init__(self, formats: Formats, *, expected: str) -> None:
        self.formats = formats
        self.expected = expected
        self.report = LogReport()

    def feed(self, lines: Sequence[Line]) -> None:
        """Reads the next lines."""
        if lines:
            first, last = self.report.first_line, lines[-1].time
            known = lines[0].time if first is None else first
            self.report = msgspec.structs.replace(self.report, first_line=known, last_line=last)
