"""Runs for which it is unknown whether they have a Job, because Jobs cannot be watched."""

from exporter.cache.records import Record, Run

__all__ = ["UnknownJobs"]


class UnknownJobs:
    """For each partition of Jobs that cannot be watched, the runs that were created or progressed since then.

    Runs that had no Job before are still reported: that is the last known state.
    """

    def __init__(self) -> None:
        self._runs: dict[str, set[str]] = {}

    def begin(self, part: str) -> None:
        """The watch of this partition failed."""
        self._runs.setdefault(part, set())

    def end(self, part: str) -> set[str]:
        """The watch works again. Returns the UIDs of the runs whose state was unknown."""
        return self._runs.pop(part, set())

    def update(self, part: str, old: Record | None, new: Run) -> None:
        """Records that a run has changed."""
        if part in self._runs and not _same_status(old, new):
            self._runs[part].add(new.uid)

    def holds(self, part: str, uid: str) -> bool:
        """Whether it is unknown if this run has a Job."""
        return uid in self._runs.get(part, ())


def _same_status(old: Record | None, new: Run) -> bool:
    """Whether the status has not progressed."""
    if not isinstance(old, Run):
        return False
    return (old.phase, old.status_job, old.work_completed) == (new.phase, new.status_job, new.work_completed)
