"""The log of one container: what has been read of it, and what the next request selects."""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from exporter.cache import ContainerLog
from exporter.log_formats import Line, LogReport
from exporter.log_polling.cursor import TAIL_LINES, Cursor, StampedLine
from exporter.log_polling.lines import RawLine
from exporter.log_polling.schedule import Schedule
from exporter.log_polling.stamps import NANOSECONDS, split_stamp
from exporter.log_polling.states import BETWEEN, EMPTY, ERROR, OK, START
from exporter.log_polling.targets import Target

__all__ = ["ContainerReader", "NewReader", "Reader", "Reading"]

_SLICE_SECONDS = 0.01  # of reading lines, before other tasks have a turn
_STALE_SECONDS = 180.0  # three reads: one that fails is normal while the API server restarts
_STALE_FAST_SECONDS = 60.0  # while it is read every 15 s
_READ_SECONDS = 5.0  # between the last line of a response and the end of its read, about


class Reader(Protocol):
    """Reads the lines of one log, in their order."""

    def feed(self, lines: Iterable[Line]) -> None:
        """Reads further lines."""

    @property
    def report(self) -> LogReport:
        """What has been read so far."""


NewReader = Callable[[str], Reader]
"""Creates a reader; the argument is the CLI of the run, empty if it is unknown."""


class Reading(NamedTuple):
    """A response, parsed. `gap`: where lines may be missing, if anywhere. `unstamped`: lines of the kubelet.

    `rotated`: it is empty although lines have been read. What was written before the log was rotated cannot be read.
    """

    state: str
    lines: Sequence[StampedLine] = ()
    gap: str = ""
    unstamped: int = 0
    rotated: bool = False


class ContainerReader:
    """Times are in seconds since the epoch. `started`: what older lines report is in `ContainerLog.earlier`."""

    __slots__ = (
        "_before",
        "_cursor",
        "_read_at",
        "_reader",
        "_started",
        "ended",
        "has_gap",
        "has_report",
        "is_complete",
        "is_over",
        "is_stale",
        "previous",
        "schedule",
        "state",
        "target",
    )

    def __init__(self, target: Target, reader: Reader, *, started: float = 0.0) -> None:
        self.target = target
        self.schedule = Schedule(target.pod_uid)
        self.state = ""
        """The state of the last read; empty before the first one."""
        self.ended = False
        """Whether the container has ended: one more read has the rest of its log."""
        self.previous = False
        """Whether it was restarted since: its log is then that of the previous container."""
        self.has_report = False
        """Whether its report is in the cache."""
        self.has_gap = False
        """Whether lines were missed between two reads."""
        self.is_complete = False
        """Whether its log was read until its end, without a gap."""
        self.is_over = False
        """Whether nothing more is read."""
        self.is_stale = False
        """Whether no read has succeeded in the last three minutes, or in the last one while it is read every 15 s."""
        self._read_at = 0.0
        self._cursor = Cursor()
        self._reader = reader
        self._started = started
        self._before: LogReport | None = None  # of the lines before `started`, once there is another one

    def params(self, now: float) -> dict[str, str]:
        """The query of the next request. No `limitBytes`, which would cut the newest lines."""
        query = {"container": self.target.container, "timestamps": "true", "tailLines": str(TAIL_LINES)}
        if (since := self._cursor.since(now)) is not None:
            query["sinceTime"] = dt.datetime.fromtimestamp(since, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return query | ({"previous": "true"} if self.previous else {})

    def select(self, lines: Iterable[RawLine]) -> Reading:
        """The new lines of a response. A response with only messages of the kubelet is an error."""
        stamped: list[StampedLine] = []
        unstamped = 0
        for line in lines:
            if (found := split_stamp(line.text)) is None:
                unstamped += 1
            else:
                stamped.append(StampedLine(*found, line.cut))
        if unstamped and not stamped:
            return Reading(ERROR, unstamped=unstamped)
        rotated = self._cursor.has_read and not stamped
        where = BETWEEN if self._cursor.has_read else START
        new = self._cursor.advance(stamped)
        return Reading(
            OK if self._cursor.has_read else EMPTY, new.lines, where if new.gap else "", unstamped, rotated
        )

    def feed(self, lines: Iterable[StampedLine], now: float) -> Iterator[None]:
        """Reads lines, and yields every 10 ms: a line may take milliseconds.

        The clock of the node may be wrong. A time in the future becomes `now`, and a time before the previous read
        that of the read: the line was not there yet.
        """
        until = time.monotonic() + _SLICE_SECONDS
        earliest = self._read_at - _READ_SECONDS if self.has_report and not self.previous else 0.0
        for line in lines:
            moment = min(max(line.stamp / NANOSECONDS, earliest), now)
            if self._before is None and moment >= self._started:
                self._before = self._reader.report
            self._reader.feed([Line(moment, line.text, line.cut)])
            if time.monotonic() >= until:
                yield
                until = time.monotonic() + _SLICE_SECONDS

    def record_success(self, now: float) -> None:
        """Its log was read."""
        self.has_report = True
        self.is_stale = False
        self._read_at = now

    def expire(self, now: float) -> bool:
        """Whether its report has become stale."""
        self._read_at = min(self._read_at, now)  # the clock may be set back
        limit = _STALE_FAST_SECONDS if self.schedule.is_fast else _STALE_SECONDS
        is_new = self.has_report and not self.is_stale and now - self._read_at > limit
        self.is_stale |= is_new
        return is_new

    @property
    def log(self) -> ContainerLog:
        """What has been read so far, for the cache."""
        return ContainerLog(
            id=self.target.key,
            report=self._reader.report,
            earlier=self._reader.report if self._before is None else self._before,
            started=self.target.started,
            ended=self.is_over,
            stale=self.is_stale,
            complete=self.is_complete,
            unread=not self.has_report,
        )

    @property
    def after_word(self) -> float | None:
        """The time of the newest line, if it is the last word or follows it; None while the agent works."""
        report = self._reader.report
        return None if report.last_word is None else report.last_line
