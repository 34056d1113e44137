"""The state of a log after its events so far. A new session withdraws the last word of the session before.

The last word is the final event of a session, which states its outcome.
"""

from collections.abc import Mapping
from typing import Any, Final

from exporter.log_formats.amounts import Accumulator
from exporter.log_formats.classes import BILLING, more_specific
from exporter.log_formats.compiling import CompiledEvent
from exporter.log_formats.report import LogReport
from exporter.log_formats.values import is_present

__all__ = ["State"]

_AMOUNTS: Final = ("cost", "turns", "tokens_input", "tokens_cached", "tokens_output")


class State:
    """The state has a constant size. The events of a line are applied between `begin_line` and `end_line`."""

    def __init__(self) -> None:
        self.unread = 0
        self._first: float | None = None
        self._last: float | None = None
        self._time = 0.0
        self._is_event = self._is_last_word = self._is_whole = False  # of this line
        self._sessions = 0
        self._session = 0
        self._is_announced = False
        self._has_streamed = self._is_silent = False
        self._counters = {name: Accumulator() for name in _AMOUNTS}
        self._last_word: float | None = None
        self._outcome = self._error = self._hint = self._failure = ""
        self._waiting = self._retrying = ""
        self._is_json_wait = False
        self._lines_after = 0

    def begin_line(self, time: float) -> None:
        """Begins a line with this time stamp."""
        self._time = time
        self._is_event = self._is_last_word = False

    def end_line(self) -> None:
        """Counts the line. A line without this call is ignored."""
        self._first = self._time if self._first is None else min(self._first, self._time)
        self._last = self._time if self._last is None else max(self._last, self._time)
        if self._last_word is not None and not self._is_last_word:
            self._lines_after += 1
        if self._is_event and not self._is_last_word:
            self._has_streamed = True
        elif self._is_event and self._is_whole and self._outcome == "success":
            self._is_silent = True

    def apply(
        self,
        event: CompiledEvent,
        found: Mapping[str, Any],
        *,
        session: int = 0,
        is_json: bool = True,
        is_whole: bool = True,
    ) -> None:
        """Applies the event of a line. `found` are its values; some may be missing unless `is_whole`."""
        self._is_event |= is_json
        self._is_whole = is_whole
        if event.event.start is not None:
            self._start(event.event.start, session)
        if is_json:
            self._sessions = self._sessions or 1  # its start is not in the part of the log that was read
            self._session = self._session or session
        if event.event.resume:
            self._withdraw()
        self._apply_progress(event, found, is_json=is_json)
        self._count(event, found, session)
        if event.event.last_word is not None and not (event.event.if_none and self._last_word is not None):
            self._end(event, found, is_whole=is_whole)

    def apply_text(self) -> None:
        """A line that no format knows. After a question in text, it shows that it was answered."""
        if not self._is_json_wait:
            self._waiting = ""

    def complete(self, event: CompiledEvent, tail: Mapping[str, Any], *, session: int, has_head: bool) -> None:
        """Adds the end of a split line. `has_head`: its beginning was read. If that was the last word, so is this."""
        self._count(event, tail, session)
        self._is_last_word = has_head
        if has_head and self._outcome == "error" and event.error is not None:
            self._error = more_specific(event.error(tail), self._error)

    def _start(self, how: str, session: int) -> None:
        other = bool(session and self._session and session != self._session)
        if how == "if_new" and self._sessions and self._last_word is None and not other and not self._is_announced:
            return
        if how == "announced" or not self._is_announced:
            self._sessions += 1
        self._is_announced = how == "announced"
        self._session = session
        self._withdraw()

    def _withdraw(self) -> None:
        self._last_word = None
        self._outcome = self._error = self._hint = self._failure = ""
        self._waiting = self._retrying = ""
        self._lines_after = 0

    def _apply_progress(self, event: CompiledEvent, found: Mapping[str, Any], *, is_json: bool) -> None:
        if event.hint is not None:
            self._hint = more_specific(event.hint(found), self._hint)
        if event.failure is not None:
            self._failure = more_specific(event.failure(found) or "other", self._failure)
        if event.retrying is not None:
            self._retrying = more_specific(event.retrying(found) or "other", self._retrying or self._hint)
        elif not event.event.aside and event.hint is None and event.failure is None:
            self._retrying = ""
        if event.event.waiting is not None:
            self._waiting, self._is_json_wait = event.event.waiting, is_json
        elif not event.event.aside and (is_json or not self._is_json_wait):
            self._waiting = ""

    def _count(self, event: CompiledEvent, found: Mapping[str, Any], session: int) -> None:
        for name, reading in event.amounts.items():
            if (read := reading(found)) is not None:
                self._counters[name].update(read, session=session)

    def _end(self, event: CompiledEvent, found: Mapping[str, Any], *, is_whole: bool) -> None:
        self._outcome = "error" if self._failure else _outcome(event, found, is_whole=is_whole)
        self._error = ""
        if self._outcome == "error":
            read = event.error(found) if event.error is not None else ""
            self._error = more_specific(read, self._failure or self._hint) or "other"
        self._last_word = self._time
        self._is_last_word = True
        self._lines_after = 0
        self._waiting = self._retrying = ""
        self._is_announced = False

    def report(self, *, format: str, quiet: bool, has_last_words: bool) -> LogReport:  # noqa: A002 - as in the report
        """The report. `quiet`: the CLI may print nothing before its end. `has_last_words`: as in the report."""
        values = {name: counter.value for name, counter in self._counters.items()}
        return LogReport(
            format=format,
            sessions=self._sessions,
            first_line=self._first,
            last_line=self._last,
            last_word=self._last_word,
            outcome=self._outcome,
            error=_exposed(self._error),
            is_billing=self._error == BILLING,
            waiting_for=self._waiting,
            retrying=_exposed(self._retrying),
            cost_dollars=values["cost"],
            turns=_integer(values["turns"]),
            turns_sum=_integer(self._counters["turns"].sum),
            tokens_input=_integer(values["tokens_input"]),
            tokens_cached=_integer(values["tokens_cached"]),
            tokens_output=_integer(values["tokens_output"]),
            has_last_words=has_last_words,
            lines_after=self._lines_after,
            unread=self.unread,
            is_silent_by_design=quiet or (self._is_silent and not self._has_streamed),
        )


def _exposed(error: str) -> str:
    """The class as reports have it: their set is closed."""
    return "usage_limit" if error == BILLING else error


def _outcome(event: CompiledEvent, found: Mapping[str, Any], *, is_whole: bool) -> str:
    """Empty if the field that decides is in the part of the line that is missing."""
    given = event.event.last_word
    if not isinstance(given, dict) or event.succeeds is None:
        return str(given)
    if event.succeeds(found):
        return "success"
    is_known = is_whole or any(is_present(found, tuple(path.split("."))) for path in given)
    return "error" if is_known else ""


def _integer(value: float | None) -> int | None:
    return None if value is None else int(value)
