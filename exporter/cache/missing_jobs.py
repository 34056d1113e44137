"""The time since which a run that has not finished has had no Job.

A run between two attempts may be hours old, so its creation time does not show how long it has had no Job.
"""

from exporter.cache.records import Job, Record, Run

__all__ = ["MissingJobs"]


class MissingJobs:
    """Maps the UID of each run to the last time at which it had a Job or the state `waiting`, such as suspended.

    All times are in seconds since the epoch.
    """

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def since(self, run: Run) -> float | None:
        """The latest of its creation time, `Run.since` from its status, and the recorded time."""
        known = (moment for moment in (run.created, run.since, self._since.get(run.uid)) if moment is not None)
        return max(known, default=None)

    def record(self, run: Run | None, moment: float) -> None:
        """Records that the run had a Job, or the state `waiting`, until this time."""
        if run is not None and not run.terminal:
            self._since[run.uid] = max(moment, self._since.get(run.uid, 0.0))

    def update(self, old: Record | None, new: Record | None, *, run: Run | None, now: float) -> None:
        """Updates the times after a change. `run` is the owner of the changed `Job`, which may be a Pod."""
        if isinstance(old, Job):
            lost = new is None or (isinstance(new, Job) and new.owner != old.owner)
            if lost and (old.deleted is None or old.is_pod):
                self.record(run, now)
        if isinstance(new, Job) and new.deleted is not None and not new.is_pod:
            self.record(run, min(new.deleted, now))
        if isinstance(old, Run):
            if new is None or (isinstance(new, Run) and new.terminal):
                self._since.pop(old.uid, None)
            elif isinstance(new, Run) and old.state == "waiting":
                self.record(new, now)
