"""Retention: how long objects are exposed after their end."""

import heapq
from collections.abc import Callable, Collection, Mapping
from typing import Any, assert_never

from exporter.cache.change import CODERUNS, JOBS, Key
from exporter.cache.records import ConfigMap, Job, Record, Run
from exporter.cache.table import Table
from exporter.cache.thresholds import NEVER, Thresholds
from exporter.cache.workflow_records import Workflow, WorkflowTemplate

__all__ = ["Retention"]

_MIN_SCHEDULED = 64  # scheduled expirations; with fewer, outdated ones are not removed


class Retention:
    """`now` is the current time, in seconds since the epoch.

    An object expires when the retention after its end has passed. A finished Job does not expire while its run is
    open. Jobs of a terminal run expire together with it.
    """

    def __init__(
        self,
        *,
        thresholds: Thresholds,
        tables: Mapping[str, Table[Any]],
        jobs_of: Callable[[Run], Collection[Job]],
        run_of: Callable[[Job], Run | None],
    ) -> None:
        self.now = 0.0
        self._seconds = thresholds.retention
        self._tables = tables
        self._jobs_of = jobs_of
        self._run_of = run_of
        self._ends: list[tuple[float, str, str]] = []

    def is_exposed(self, item: Record) -> bool:
        """Whether an object is exposed: until the retention after its end has passed."""
        if isinstance(item, Job):
            if item.is_named and self._run_of(item) is None:
                return False
            if not item.result:
                return True  # fast path: called for every record of a dirty group
        end = self._end(item)
        return end is None or not self._seconds or self.now < end + self._seconds

    def advance(self, now: float) -> set[Key]:
        """Sets `now`. Returns the objects that expire, or that are exposed again because the clock was set back.

        A clock that was wrong for a minute must not lose their series.
        """
        if now < self.now:
            return self._set_back(now)
        self.now = now
        passed = set()
        while self._ends and self._ends[0][0] <= now:
            _, table, uid = heapq.heappop(self._ends)
            item = self._tables[table].get(uid)
            if item is not None and not self.is_exposed(item):  # otherwise its end has changed and is scheduled again
                passed.add(Key(table, uid))
        return passed

    def update(self, old: Record | None, new: Record | None) -> None:
        """Schedules the expiration of a changed object, and of the objects that expire with it.

        The end of a terminal run without a finish time is that of its last Job.
        """
        if new is not None and not _same_end(old, new):
            self._schedule(new)
        if isinstance(old, Run) and new is None:
            for job in self._jobs_of(old):
                self._schedule(job)
        for item in (old, new):
            run = self._run_of(item) if isinstance(item, Job) else None
            if run is not None and run.terminal and run.finished is None:
                self._schedule(run)

    def _set_back(self, now: float) -> set[Key]:
        runs, jobs = self._tables[CODERUNS], self._tables[JOBS]
        hidden: list[Run | Job] = [item for item in (*runs, *jobs) if not self.is_exposed(item)]
        self.now = now
        for item in hidden:
            self._schedule(item)
        return {Key(_table_of(item), item.uid) for item in hidden if self.is_exposed(item)}

    def _schedule(self, item: Record) -> None:
        """Schedules the expiration of an object, and of the Jobs of a run, for `advance`."""
        if not self._seconds:
            return
        if (end := self._end(item)) is not None and self.now < (leaves := end + self._seconds) < NEVER:
            heapq.heappush(self._ends, (leaves, _table_of(item), item.uid))
            if len(self._ends) > _MIN_SCHEDULED + 2 * (len(self._tables[CODERUNS]) + len(self._tables[JOBS])):
                self._remove_stale()
        if isinstance(item, Run):
            for job in self._jobs_of(item):
                self._schedule(job)

    def _remove_stale(self) -> None:
        """Removes outdated expirations: the object was deleted, or was scheduled again for another time."""
        self._ends = sorted(entry for entry in set(self._ends) if self._is_current(*entry))

    def _is_current(self, leaves: float, table: str, uid: str) -> bool:
        item = self._tables[table].get(uid)
        end = None if item is None else self._end(item)
        return end is not None and end + self._seconds == leaves

    def _end(self, item: Record) -> float | None:
        """The time of its end, in seconds since the epoch; None while it is open. A Job is open while its run is."""
        match item:
            case Run():
                if not item.terminal:
                    return None
                if item.finished is not None:
                    return item.finished
                ends = [job.finished for job in self._jobs_of(item) if job.finished is not None]
                return max(ends, default=item.created or 0.0)
            case Job():
                if not item.result:
                    return None
                run = self._run_of(item)
                return None if run is not None and not run.terminal else item.finished or item.created or 0.0
            case ConfigMap() | Workflow() | WorkflowTemplate():
                return None
        assert_never(item)


def _table_of(item: Record) -> str:
    return CODERUNS if isinstance(item, Run) else JOBS


def _same_end(old: Record | None, new: Record) -> bool:
    """Whether a change leaves the end unchanged, so that it need not be scheduled again."""
    if isinstance(old, Run) and isinstance(new, Run):
        return (old.terminal, old.finished) == (new.terminal, new.finished)
    if isinstance(old, Job) and isinstance(new, Job):
        return (old.result, old.finished, old.owner) == (new.result, new.finished, new.owner)
    return isinstance(new, ConfigMap | Workflow | WorkflowTemplate)
