"""The reports about the logs of containers, by the UID of their Job.

A report is kept after the end of its container, until its Job is gone. The Pod of a succeeded Job is not listed,
and the cost of the agent is known only from its log.
"""

import functools
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from exporter.log_formats import LogReport

__all__ = ["ContainerLog", "JobLogs", "Logs"]

N = TypeVar("N", int, float)

_MAX_CONTAINERS = 16


class ContainerLog(msgspec.Struct, gc=False, kw_only=True, frozen=True):
    """The report of one container. A restarted container has another report."""

    id: str
    """Distinguishes the container from the others of its Job."""
    report: LogReport
    started: float | None = None
    """When the container started, in seconds since the epoch."""
    ended: bool = False
    """Whether the container has ended, and its log was read until then or cannot be read any more."""
    stale: bool = False
    """Whether the log could not be read in the last minutes: the container may have written since."""
    earlier: LogReport = LogReport()
    """What was read from lines that had been written before the exporter started. Counters do not include it."""
    complete: bool = False
    """Whether the container has ended, and its log was read until its end, without missing lines in between."""
    unread: bool = False
    """Whether the log has never been read: the report is empty, and what the container does is unknown."""


class JobLogs(msgspec.Struct, gc=False, frozen=True):
    """The reports of the containers of one Job, in the order in which they were found; at most 16, and all that run.

    `earlier` has the sums of the reports that were dropped. One that runs is not: its next report would count again.
    """

    containers: tuple[ContainerLog, ...] = ()
    earlier: LogReport = LogReport()

    @property
    def running(self) -> tuple[ContainerLog, ...]:
        """The containers that run. Empty if one log is stale or was never read: what the agent does is unknown."""
        found = tuple(one for one in self.containers if not one.ended)
        return () if any(one.stale or one.unread for one in found) else found

    @property
    def current(self) -> list[LogReport]:
        """The reports of the containers that run; if no container runs, the report of the last container."""
        read = [one for one in self.containers if not one.unread]
        return [one.report for one in read if not one.ended] or [one.report for one in read[-1:]]

    @property
    def last_word(self) -> LogReport | None:
        """The report with the newest last word, once all running containers have written theirs."""
        found = [(one.report.last_word, one.report) for one in self.running]
        known = [(word, report) for word, report in found if word is not None]
        return max(known, key=lambda one: one[0])[1] if known and len(known) == len(found) else None

    @property
    def all(self) -> Iterator[LogReport]:
        """The reports of all containers that were read, for sums."""
        yield self.earlier
        yield from (one.report for one in self.containers if not one.unread)

    @property
    def word(self) -> str:
        """How the agent ended: `success` or `error` by its last word, `none`: it ended without one, or `unknown`.

        Empty while a container runs, or the end of its log has not been read yet.
        """
        found = max(self.current, key=lambda one: one.last_word or 0.0, default=None)
        if found is not None and found.last_word is not None and not any(one.stale for one in self.containers):
            return found.outcome or "unknown"
        if not all(one.ended for one in self.containers):
            return ""
        last = self.containers[-1] if self.containers else None
        is_none = last is not None and last.complete and last.report.has_last_words and last.report.sessions
        return "none" if is_none else "unknown"

    @property
    def total(self) -> LogReport:
        """The sums over all containers."""
        return functools.reduce(_sum, self.all)

    def put(self, log: ContainerLog) -> "JobLogs":
        """Returns a copy with this report added, or replaced; removed if its log was never read until its end."""
        found = {one.id: one for one in self.containers} | {log.id: log}
        if log.unread and log.ended:
            found.pop(log.id)
        earlier = self.earlier
        while len(found) > _MAX_CONTAINERS and (ended := next((one for one in found.values() if one.ended), None)):
            earlier = _sum(earlier, found.pop(ended.id).report)
        return JobLogs(tuple(found.values()), earlier)


class Logs:
    """`is_job` returns whether the UID is that of a cached Job."""

    def __init__(self, *, is_job: Callable[[str], bool]) -> None:
        self._is_job = is_job
        self._of: dict[str, JobLogs] = {}
        self._earlier: dict[str, LogReport] = {}
        self._words: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._of)

    def of_job(self, uid: str) -> JobLogs | None:
        """The reports of the Job with this UID; None if none has been read."""
        return self._of.get(uid)

    def has(self, job: str, log: ContainerLog) -> bool:
        """Whether an equal report is cached."""
        return log in self._of.get(job, JobLogs()).containers

    def put(self, job: str, log: ContainerLog) -> ContainerLog | None:
        """Adds a report, or replaces it. Returns the replaced one. Ignored if the Job is gone."""
        if not self._is_job(job):
            return None
        logs = self._of.get(job, JobLogs())
        self._of[job] = logs.put(log)
        return next((one for one in logs.containers if one.id == log.id), None)

    def earlier_of_run(self, uid: str) -> LogReport | None:
        """The sums of the Jobs of the run with this UID that are gone; None if no log of them was read."""
        return self._earlier.get(uid)

    def earlier_word_of_run(self, uid: str) -> str:
        """How the agent ended in the last Job of a run that is gone, as `JobLogs.word`."""
        return self._words.get(uid, "unknown")

    def forget(self, job: str, *, run: str) -> None:
        """Removes the reports of a Job that is gone. Its sums are kept for its run, given by UID; empty: not kept."""
        if (logs := self._of.pop(job, None)) is not None and run:
            self._earlier[run] = _sum(self._earlier.get(run, LogReport()), logs.total)
            self._words[run] = logs.word or "unknown"

    def forget_run(self, uid: str) -> None:
        """Removes what is kept for a run that is gone."""
        self._earlier.pop(uid, None)
        self._words.pop(uid, None)


def _sum(one: LogReport, other: LogReport) -> LogReport:
    """Adds the fields that are sums; the others are dropped."""
    return LogReport(
        turns=_add(one.turns, other.turns),
        turns_sum=_add(one.turns_sum, other.turns_sum),
        cost_dollars=_add(one.cost_dollars, other.cost_dollars),
        tokens_input=_add(one.tokens_input, other.tokens_input),
        tokens_cached=_add(one.tokens_cached, other.tokens_cached),
        tokens_output=_add(one.tokens_output, other.tokens_output),
    )


def _add(one: N | None, other: N | None) -> N | None:
    return other if one is None else one if other is None else one + other
