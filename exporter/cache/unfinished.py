"""The runs and the Jobs that have not ended. Periodic tasks read only these: most objects of a cluster have ended."""

from collections.abc import Collection

from exporter.cache.records import Job, Record, Run

__all__ = ["Unfinished"]


class Unfinished:
    """Indexes unfinished runs and Jobs by UID."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._jobs: dict[str, Job] = {}

    @property
    def runs(self) -> Collection[Run]:
        """The runs in a state that is not terminal."""
        return self._runs.values()

    @property
    def jobs(self) -> Collection[Job]:
        """The Jobs and worker Pods without a result."""
        return self._jobs.values()

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the index after a change."""
        if isinstance(old, Run):
            self._runs.pop(old.uid, None)
        elif isinstance(old, Job):
            self._jobs.pop(old.uid, None)
        if isinstance(new, Run):
            if not new.terminal:
                self._runs[new.uid] = new
        elif isinstance(new, Job) and not new.result:
            self._jobs[new.uid] = new
