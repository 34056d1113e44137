"""Reads the log of one container: finds the event of each line, and keeps what the events say."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from exporter.log_formats.blocks import Block
from exporter.log_formats.compiling import CompiledEvent, CompiledFormat
from exporter.log_formats.formats import Formats
from exporter.log_formats.json_lines import clean, members, parse
from exporter.log_formats.report import Line, LogReport
from exporter.log_formats.state import State

__all__ = ["LOGGERS", "LogReader"]

_MAX_TEXT: Final = 1024
_FRAME: Final = re.compile(r"[=*#|\u2010-\U0010ffff][^\w\[]*+")  # of a banner
_MIN_BROKEN: Final = 1024
"""Bytes. Only long lines are truncated, or split into two lines: by the container runtime, pipes, or the poller."""
LOGGERS: Final = {"level", "lvl", "severity", "apiVersion"}
"""Keys of other programs' JSON."""
_TYPES: Final = ("type", "kind", "event")
_AGENTS: Final = {
    "session_id",
    "sessionId",
    "sessionID",
    "thread_id",
    "message",
    "content",
    "usage",
    "result",
    "error",
}


class LogReader:
    """Reads lines in the order of the log; state of constant size. `expected` is the CLI of the run, if it is known.

    The lines decide which format is read: `expected` only breaks ties.
    """

    def __init__(self, formats: Formats, *, expected: str = "") -> None:
        self._formats = formats
        self._expected = formats.expected(expected)
        self._current: CompiledFormat | None = None
        self._order = formats.order(self._expected)
        self._state = State()
        self._block = Block()
        self._has_head = False  # of a split line, whose rest has not been read yet
        self._has_json = False

    def feed(self, lines: Iterable[Line]) -> None:
        """Reads further lines. Does not raise, whatever they contain."""
        for line in lines:
            if math.isfinite(line.time):
                self._line(line)

    @property
    def report(self) -> LogReport:
        """What has been read so far."""
        # A CLI whose format is `quiet` prints either JSON or nothing before its end.
        quiet = any(one.format.quiet for one in self._expected) and not self._has_json and self._current is None
        name = self._current.format.name if self._current else ""
        return self._state.report(format=name, quiet=quiet, has_last_words=self._has_last_words)

    @property
    def _has_last_words(self) -> bool:
        # A text format may not show the end of a session, and a CLI may write text to its log instead of JSON.
        return self._has_json and self._current is not None and self._current.has_last_words

    def _line(self, line: Line) -> None:
        text = clean(line.text)
        state = self._state
        state.begin_line(line.time)
        whole = self._block.take(text)
        if whole is None and self._block.is_open:
            state.end_line()
            return
        parsed = parse(whole or text)
        for found in parsed.objects:
            self._object(found)
        if not parsed.is_json and not self._broken(text, is_cut=line.cut) and self._text(text):
            return
        state.end_line()

    def _object(self, found: Mapping[str, Any], *, is_whole: bool = True) -> bool:
        """Applies the event of a JSON object. False if no format has one."""
        format_, event = self._find(found, is_whole=is_whole)
        if format_ is None or event is None:
            self._state.unread += is_whole and _is_unread(found, is_known=self._has_json)
            return False
        self._recognize(format_)
        self._has_json = True
        self._state.apply(event, found, session=self._formats.session(format_, found), is_whole=is_whole)
        return True

    def _find(
        self, found: Mapping[str, Any], *, is_whole: bool
    ) -> tuple[CompiledFormat | None, CompiledEvent | None]:
        # A part of an object does not show its sign, which may be that a key is absent.
        by_sign = self._formats.format_by_sign(found) if is_whole else None
        if by_sign is not None and (event := by_sign.event(found)) is not None:
            return by_sign, event
        for one in self._order if self._current is None else (self._current, *self._expected):
            if (event := one.event(found)) is not None:
                return one, event
        return None, None

    def _recognize(self, format_: CompiledFormat) -> None:
        # Lines of scripts around the CLI (`everywhere`) do not show which CLI writes the log.
        if format_ is not self._current and not format_.format.everywhere:
            self._current = format_
            self._order = self._formats.order((format_, *self._expected))

    def _broken(self, text: bytes, *, is_cut: bool) -> bool:
        """Reads the beginning or the end of a line that is truncated or split. False if it is not one."""
        head, tail = members(text)
        if head and (is_cut or len(text) >= _MIN_BROKEN) and self._object({**head, **tail}, is_whole=False):
            self._has_head = not tail
            return True
        for one in self._order if tail else ():
            if (event := one.ending(tail)) is not None:
                self._recognize(one)
                session = self._formats.session(one, tail)
                self._state.complete(event, tail, session=session, has_head=self._has_head)
                self._has_head = False
                return True
        return False

    def _text(self, text: bytes) -> bool:
        """Applies the event of a text line. True if the line is to be ignored."""
        line = text[:_MAX_TEXT].decode("utf-8", "replace")
        if frame := _FRAME.match(line):
            line = line[frame.end() :]
        for one in self._formats.scripts + self._order:
            for event in one.text_events:
                # Other programs print `own` lines too, so they are only read in the log of their CLI.
                if event.event.own and one is not self._current and one not in self._expected:
                    continue
                found = event.match(line)
                if found is None:
                    continue
                if event.event.ignore:
                    return True
                self._recognize(one)
                self._state.apply(event, found, is_json=False)
                return False
        self._state.apply_text()
        return False


def _is_unread(found: Mapping[str, Any], *, is_known: bool) -> bool:
    """Whether an object looks like an agent's. Scripts print JSON of their own before the CLI starts."""
    if not any(isinstance(found.get(name), str) for name in _TYPES) or LOGGERS & found.keys():
        return False
    return is_known or bool(_AGENTS & found.keys())
