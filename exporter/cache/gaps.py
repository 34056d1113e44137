"""Since when an open run has no Job: from here on it waits for one.

A run between two attempts has lived for hours, so its creation says nothing about how long it has been waiting.
"""

from exporter.cache.records import Job, Record, Run

__all__ = ["Gaps"]


class Gaps:
    """Remembers, by the UID of a run, until when it had a Job or waited by design.

    All times are seconds since the epoch.
    """

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def since(self, run: Run) -> float | None:
        """The latest of its creation, what its status says, and what was noted."""
        known = (moment for moment in (run.created, run.since, self._since.get(run.uid)) if moment is not None)
        return max(known, default=None)

    def note(self, run: Run | None, moment: float) -> None:
        """The run had a Job, or waited by design, until then."""
        if run is not None and not run.terminal:
            self._since[run.uid] = max(moment, self._since.get(run.uid, 0.0))

    def changed(self, old: Record | None, new: Record | None, *, run: Run | None, now: float) -> None:
        """A record has changed. `run` is the run that the old record, a Job, belonged to."""
        if isinstance(old, Job):
            lost = new is None or (isinstance(new, Job) and new.owner != old.owner)
            if lost and (old.deleted is None or old.is_pod):
                self.note(run, now)
        if isinstance(new, Job) and new.deleted is not None and not new.is_pod:
            self.note(run, min(new.deleted, now))
        if isinstance(old, Run):
            if new is None or (isinstance(new, Run) and new.terminal):
                self._since.pop(old.uid, None)
            elif isinstance(new, Run) and old.state == "waiting":
                self.note(new, now)
