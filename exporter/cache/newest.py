"""A run's present Job: the newest that is not being deleted. A Pod that is being deleted may work on for long.

By creation, then by its attempt, then by name: a retry deletes the Job and makes the next within the
same second. The Pods of a run may work side by side: one that works comes before those that have finished.
"""

from collections.abc import Sequence

from exporter.cache.records import Job, Record, Run

__all__ = ["NewestJobs", "age_of"]

_MANY = 8


class NewestJobs:
    """Remembers it where a run has many Jobs: each event asks for it several times, and few are about it."""

    def __init__(self) -> None:
        self._known: dict[str, Job | None] = {}

    def of(self, run: Run, jobs: Sequence[Job]) -> Job | None:
        """The newest of these, which are all that have the run's UID as their owner's."""
        if len(jobs) == 1:  # nearly always
            return jobs[0] if _lives_in(run.namespace, jobs[0]) else None
        if len(jobs) < _MANY:
            return _newest(run, jobs)
        if run.uid not in self._known:
            self._known[run.uid] = _newest(run, jobs)
        return self._known[run.uid]

    def invalidate(self, old: Record | None, new: Record | None) -> None:
        """A record has changed: what is remembered is overtaken by it, or forgotten where the change is about it."""
        for job in (old, new):
            if not isinstance(job, Job) or job.owner not in self._known:
                continue
            newest = self._known[job.owner]
            if newest is None or newest.uid == job.uid:
                del self._known[job.owner]
            elif job is new and _lives_in(newest.namespace, job) and age_of(job) > age_of(newest):
                self._known[job.owner] = job


def _newest(run: Run, jobs: Sequence[Job]) -> Job | None:
    return max((job for job in jobs if _lives_in(run.namespace, job)), key=age_of, default=None)


def _lives_in(namespace: str, job: Job) -> bool:
    return (job.deleted is None or job.is_pod) and job.namespace == namespace


def age_of(job: Job) -> tuple[bool, float, int, str]:
    """What a run's Jobs are ordered by."""
    return job.is_pod and job.active > 0, job.created or 0.0, job.version, job.name
