"""Runs for which it is unknown whether they have a Job, because Jobs cannot be watched."""

from exporter.cache.records import Record, Run

__all__ = ["UnknownJobs"]


class UnknownJobs:
    """For each partition of Jobs that cannot be watched, the runs that were created or progressed since then.

    Runs that had no Job before are still reported: that is the last known state.
    """

    def __init__(self) -> None:
        self._runs: dict[str, set[str]] = {}

    def begin(self, partition: str) -> None:
        """The watch of this partition failed."""
        self._runs.setdefault(partition, set())

    def end(self, partition: str) -> set[str]:
        """The watch works again. Returns the UIDs of the runs whose state was unknown."""
        return self._runs.pop(partition, set())

    def update(self, partition: str, old: Record | None, new: Run) -> None:
        """Records that a run has changed."""
        if partition in self._runs and not _same_status(old, new):
            self._runs[partition].add(new.uid)

    def holds(self, partition: str, uid: str) -> bool:
        """Whether it is unknown if this run has a Job."""
        return uid in self._runs.get(partition, ())


def _same_status(old: Record | None, new: Run) -> bool:
    """Whether the status has not progressed."""
    if not isinstance(old, Run):
        return False
    return (old.phase, old.status_job, old.work_completed) == (new.phase, new.status_job, new.work_completed)
