"""Runs for which it is unknown whether they have a Job, because Jobs cannot be watched."""

from exporter.cache.records import Record, Run

__all__ = ["UnknownJobs"]


class UnknownJobs:
    """Maps each failing watch of Jobs to the runs that were created, or changed their status, since it began to fail.

    A run that had no Job when the watch failed, and has not changed since, is still reported to have none.
    """

    def __init__(self) -> None:
        self._runs: dict[str, set[str]] = {}

    def begin(self, partition: str) -> None:
        """Records that the watch that fills this partition of Jobs fails."""
        self._runs.setdefault(partition, set())

    def end(self, partition: str) -> set[str]:
        """Records that the watch works again. Returns the UIDs of the runs whose state was unknown."""
        return self._runs.pop(partition, set())

    def update(self, partition: str, old: Record | None, new: Run) -> None:
        """Records a change of a run whose Jobs are in this partition."""
        if partition in self._runs and not _same_status(old, new):
            self._runs[partition].add(new.uid)

    def holds(self, partition: str, uid: str) -> bool:
        """Whether it is unknown if this run has a Job."""
        return uid in self._runs.get(partition, ())


def _same_status(old: Record | None, new: Run) -> bool:
    """Whether the change left the status unchanged."""
    if not isinstance(old, Run):
        return False
    return (old.phase, old.status_job, old.work_completed) == (new.phase, new.status_job, new.work_completed)
