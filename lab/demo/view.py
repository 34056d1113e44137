"""Writes to the terminal: a header, a timeline, a status line, and a table at the end."""

import datetime as dt
import os
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TextIO

from exporter.untrusted import escape_invisible

__all__ = ["View", "clock_time"]

_MAX_WIDTH = 96
_MIN_WIDTH = 60
_INDENT = 22
_STYLES = {
    "FIRING": "1;31",
    "RESOLVED": "32",
    "fault": "33",
    "repair": "36",
    "title": "1",
    "quiet": "2",
}
_QUIET = frozenset({"run", "done"})


class View:
    """Writes to `out`. Colours and the status line need a terminal.

    `width` is the number of columns; None uses that of the terminal, within limits. There are no colours if
    `environment` has NO_COLOR (https://no-color.org) or the terminal does not support them.
    """

    def __init__(self, out: TextIO, *, width: int | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._out = out
        self._live = out.isatty() and environment.get("TERM") != "dumb"
        self._colours = self._live and not environment.get("NO_COLOR")
        self._width = width or max(_MIN_WIDTH, min(_MAX_WIDTH, shutil.get_terminal_size().columns - 1))
        self._rule = "─" if (out.encoding or "utf-8").lower().startswith("utf") else "-"

    def title(self, text: str) -> None:
        """A heading with a line above it."""
        self._write("")
        self._write(f"  {self._style('title', escape_invisible(text))}")
        self._write(f"  {self._style('quiet', self._rule * (self._width - 4))}")

    def facts(self, facts: Sequence[tuple[str, str]], *, indent: int = 2) -> None:
        """Aligned names and values."""
        room = max(len(name) for name, _ in facts) + 2
        for name, value in facts:
            lines = self._wrap(value, indent=indent + room)
            self._write(f"{' ' * indent}{self._style('quiet', name.ljust(room))}{lines[0]}")
            self._continue(lines[1:], indent=indent + room)

    def text(self, text: str, *, style: str = "") -> None:
        """A paragraph."""
        self._continue(self._wrap(text, indent=2), indent=2, style=style)

    def moment(self, at: float, kind: str, text: str, *, more: Sequence[str] = ()) -> None:
        """A line of the timeline: time (seconds since the epoch), kind, and text."""
        first, *rest = self._wrap(text, indent=_INDENT)
        style = "quiet" if kind in _QUIET else ""
        begin = f"  {self._style('quiet', clock_time(at))}  {self._style(style or kind, kind.ljust(8))}"
        self._write(f"{begin}  {self._style(style, first)}")
        self._continue(rest, indent=_INDENT, style=style)
        for note in more:
            self._continue(self._wrap(note, indent=_INDENT), indent=_INDENT)

    def status(self, at: float, text: str) -> None:
        """Updates the status line. Without a terminal, it does nothing."""
        if self._live:
            line = escape_invisible(f"  {clock_time(at)}  {text}")[: self._width]
            self._out.write(f"\r\x1b[K{self._style('quiet', line)}")
            self._out.flush()

    def clear_status(self) -> None:
        """Removes the status line."""
        if self._live:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _wrap(self, text: str, *, indent: int) -> list[str]:
        width = self._width - indent
        return textwrap.wrap(escape_invisible(text), width, break_on_hyphens=False) or [""]

    def _continue(self, lines: Sequence[str], *, indent: int, style: str = "") -> None:
        for line in lines:
            self._write(" " * indent + self._style(style, line))

    def _style(self, style: str, text: str) -> str:
        code = _STYLES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and code and text else text

    def _write(self, line: str) -> None:
        self.clear_status()
        self._out.write(line.rstrip() + "\n")
        self._out.flush()


def clock_time(at: float) -> str:
    """The time of day in UTC, with seconds."""
    return dt.datetime.fromtimestamp(at, tz=dt.UTC).strftime("%H:%M:%S")
