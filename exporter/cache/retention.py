"""Until when objects are shown: for a retention after their end."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from exporter.cache.change import CODERUNS, JOBS, Key
from exporter.cache.records import ConfigMap, Job, Record, Run
from exporter.cache.table import Table
from exporter.cache.thresholds import NEVER, Thresholds

__all__ = ["Retention"]

_FEW = 64  # so many notes of ends are not worth a look


class Retention:
    """`now` is the time up to which objects are shown, in seconds since the epoch.

    A finished Job stays as long as its run is open; a run that is over takes its Jobs along.
    """

    def __init__(
        self,
        *,
        thresholds: Thresholds,
        tables: Mapping[str, Table[Any]],
        jobs_of: Callable[[Run], Sequence[Job]],
        run_of: Callable[[Job], Run | None],
    ) -> None:
        self.now = 0.0
        self._seconds = thresholds.retention
        self._tables = tables
        self._jobs_of = jobs_of
        self._run_of = run_of
        self._ends: list[tuple[float, str, str]] = []

    def shown(self, item: Record) -> bool:
        """Whether an object is on the page: until its end and its retention have passed."""
        if isinstance(item, Job):
            if item.is_named and self._run_of(item) is None:
                return False
            if not item.result:
                return True  # as most are: a page asks this of every record in a dirty chunk
        end = self._end(item)
        return end is None or not self._seconds or self.now < end + self._seconds

    def advance(self, now: float) -> set[Key]:
        """Moves `now`; gives the objects that leave the page, or come back to it where the clock is set back.

        A clock that was wrong for a minute must not cost their series.
        """
        if now < self.now:
            return self._set_back(now)
        self.now = now
        passed = set()
        while self._ends and self._ends[0][0] <= now:
            _, resource, uid = heapq.heappop(self._ends)
            item = self._tables[resource].get(uid)
            if item is not None and not self.shown(item):  # else its end has moved, and is noted anew
                passed.add(Key(resource, uid))
        return passed

    def note(self, old: Record | None, new: Record | None) -> None:
        """One object is new, changed or gone: notes its end, and what ends earlier with it.

        An orphan ends alone, and a run without a date of its end with its Jobs.
        """
        if new is not None and not _ends_alike(old, new):
            self._remember(new)
        if isinstance(old, Run) and new is None:
            for job in self._jobs_of(old):
                self._remember(job)
        for item in (old, new):
            run = self._run_of(item) if isinstance(item, Job) else None
            if run is not None and run.terminal and run.finished is None:
                self._remember(run)

    def _set_back(self, now: float) -> set[Key]:
        runs, jobs = self._tables[CODERUNS], self._tables[JOBS]
        hidden: list[Run | Job] = [item for item in (*runs, *jobs) if not self.shown(item)]
        self.now = now
        for item in hidden:
            self._remember(item)
        return {Key(_resource(item), item.uid) for item in hidden if self.shown(item)}

    def _remember(self, item: Record) -> None:
        """Notes when an object leaves the page, for `advance`; a run takes its finished Jobs along."""
        if not self._seconds:
            return
        if (end := self._end(item)) is not None and self.now < (leaves := end + self._seconds) < NEVER:
            heapq.heappush(self._ends, (leaves, _resource(item), item.uid))
            if len(self._ends) > _FEW + 2 * (len(self._tables[CODERUNS]) + len(self._tables[JOBS])):
                self._forget()
        if isinstance(item, Run):
            for job in self._jobs_of(item):
                self._remember(job)

    def _forget(self) -> None:
        """Those of objects that are gone, and those that have moved: each would stay until its retention is over."""
        self._ends = sorted(entry for entry in set(self._ends) if self._is_noted(*entry))

    def _is_noted(self, leaves: float, resource: str, uid: str) -> bool:
        item = self._tables[resource].get(uid)
        end = None if item is None else self._end(item)
        return end is not None and end + self._seconds == leaves

    def _end(self, item: Record) -> float | None:
        """When it ended; None while it is open, and for a finished Job as long as its run is open."""
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
            case ConfigMap():
                return None
        assert_never(item)


def _resource(item: Record) -> str:
    return CODERUNS if isinstance(item, Run) else JOBS


def _ends_alike(old: Record | None, new: Record) -> bool:
    """Whether a change leaves the end where it was: it need not be noted again."""
    if isinstance(old, Run) and isinstance(new, Run):
        return (old.terminal, old.finished) == (new.terminal, new.finished)
    if isinstance(old, Job) and isinstance(new, Job):
        return (old.result, old.finished, old.owner) == (new.result, new.finished, new.owner)
    return isinstance(new, ConfigMap)
