"""Runs of which it is not known any more whether they have a Job: an unknown is not a no."""

from exporter.cache.records import Record, Run

__all__ = ["UnknownJobs"]


class UnknownJobs:
    """Remembers, for each part of the Jobs that cannot be followed, the runs that are new or went on since then.

    What a run lacked before is still held to be lacking: that is the last good whole.
    """

    def __init__(self) -> None:
        self._runs: dict[str, set[str]] = {}

    def begin(self, part: str) -> None:
        """The Jobs of this part cannot be followed from now on."""
        self._runs.setdefault(part, set())

    def end(self, part: str) -> set[str]:
        """They can be followed again; the UIDs that were doubtful till now."""
        return self._runs.pop(part, set())

    def note(self, part: str, old: Record | None, new: Run) -> None:
        """A run has changed."""
        if part in self._runs and not _says_the_same(old, new):
            self._runs[part].add(new.uid)

    def holds(self, part: str, uid: str) -> bool:
        """Whether this run is doubtful."""
        return uid in self._runs.get(part, ())


def _says_the_same(old: Record | None, new: Run) -> bool:
    """Whether the controller and the agent have said nothing new in the status."""
    if not isinstance(old, Run):
        return False
    return (old.phase, old.status_job, old.work_completed) == (new.phase, new.status_job, new.work_completed)
