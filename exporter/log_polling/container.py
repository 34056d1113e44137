"""The log of one container: what has been read of it, and what the next request selects."""

import datetime as dt
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

_SLICE_BYTES = 256 << 10  # of lines that are read before other tasks have a turn


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
    """A response, parsed. `gap`: where lines may be missing, if anywhere. `unstamped`: lines of the kubelet."""

    state: str
    lines: Sequence[StampedLine] = ()
    gap: str = ""
    unstamped: int = 0


class ContainerReader:
    """Times are in seconds since the epoch."""

    __slots__ = ("_cursor", "_reader", "ended", "has_report", "is_over", "previous", "schedule", "state", "target")

    def __init__(self, target: Target, reader: Reader) -> None:
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
        self.is_over = False
        """Whether nothing more is read."""
        self._cursor = Cursor()
        self._reader = reader

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
        where = BETWEEN if self._cursor.has_read else START
        new = self._cursor.advance(stamped)
        return Reading(OK if self._cursor.has_read else EMPTY, new.lines, where if new.gap else "", unstamped)

    def feed(self, lines: Iterable[StampedLine], now: float) -> Iterator[None]:
        """Reads lines, and yields between slices of them. A time in the future becomes `now`."""
        some: list[Line] = []
        size = 0
        for line in lines:
            some.append(Line(min(line.stamp / NANOSECONDS, now), line.text, line.cut))
            size += len(line.text)
            if size >= _SLICE_BYTES:
                self._reader.feed(some)
                some, size = [], 0
                yield
        self._reader.feed(some)

    @property
    def log(self) -> ContainerLog:
        """What has been read so far, for the cache."""
        return ContainerLog(id=self.target.key, report=self._reader.report, ended=self.is_over)

    @property
    def last_word(self) -> float | None:
        """The time of the last word, while no new session has started."""
        return self._reader.report.last_word
