"""What the logs of agents say: when a session starts, and its last word."""

from collections.abc import Iterable

import msgspec

from exporter.log_formats.report import Line, LogReport

__all__ = ["Formats", "Line", "LogReader", "LogReport", "shipped_formats"]


class Formats:
    """The formats that are read."""


class LogReader:
    """Reads the log of one container."""

    def __init__(self, formats: Formats, *, expected: str = "") -> None:
        self.formats = formats
        self.expected = expected
        self.report = LogReport()

    def feed(self, lines: Iterable[Line]) -> None:
        """Reads further lines."""
        for line in lines:
            first = self.report.first_line
            known = line.time if first is None else first
            self.report = msgspec.structs.replace(self.report, first_line=known, last_line=line.time)


def shipped_formats() -> Formats:
    """The shipped formats."""
    return Formats()
