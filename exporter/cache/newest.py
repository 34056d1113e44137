"""The current Job of a run: the newest one that is not being deleted. A Pod may keep working during its deletion.

Jobs are ordered by creation time, attempt and name: a retry may delete a Job and create the next one within the
same second.
"""

from collections.abc import Collection, Sequence

from exporter.cache.records import Job, Record, Run

__all__ = ["NewestJobs", "age_of", "superseded_by"]

_MIN_REMEMBERED = 8  # Jobs of a run, from which its newest Job is cached


class NewestJobs:
    """Caches the newest Job of runs with many Jobs: each watch event needs it several times, and few change it."""

    def __init__(self) -> None:
        self._known: dict[str, Job | None] = {}

    def newest(self, run: Run, jobs: Collection[Job]) -> Job | None:
        """The newest Job of the run. `jobs` are all Jobs whose owner has the UID of the run."""
        if len(jobs) == 1:  # the common case
            (job,) = jobs
            return job if _lives_in(run.namespace, job) else None
        if len(jobs) < _MIN_REMEMBERED:
            return _newest(run, jobs)
        if run.uid not in self._known:
            self._known[run.uid] = _newest(run, jobs)
        return self._known[run.uid]

    def update(self, old: Record | None, new: Record | None) -> None:
        """Updates the entry of a run after a change of one of its Jobs. Drops the entry if its own Job changed."""
        for job in (old, new):
            if not isinstance(job, Job) or job.owner not in self._known:
                continue
            known = self._known[job.owner]
            if known is None or known.uid == job.uid:
                del self._known[job.owner]
            elif job is new and _lives_in(known.namespace, job) and age_of(job) > age_of(known):
                self._known[job.owner] = job


def _newest(run: Run, jobs: Collection[Job]) -> Job | None:
    return max((job for job in jobs if _lives_in(run.namespace, job)), key=age_of, default=None)


def _lives_in(namespace: str, job: Job) -> bool:
    return (job.deleted is None or job.is_pod) and job.namespace == namespace


def age_of(job: Job) -> tuple[bool, float, int, str]:
    """Sort key of the Jobs of a run. Its Pods may work in parallel: an active Pod comes before finished ones."""
    return job.is_pod and job.active > 0, job.created or 0.0, job.version, job.name


def superseded_by(job: Job, jobs: Collection[Job], newest: Job | None) -> Sequence[Job]:
    """The Jobs in `jobs`, all of one run, whose cause `superseded` may change with this Job.

    This is the Job that was the newest before or is the newest after the change. If there is none, all Jobs are being
    deleted, and the cause of each unfinished one may change.
    """
    if newest is not None and newest.uid == job.uid:
        others = (one for one in jobs if one.uid != job.uid and one.deleted is None)
        newest = max(others, key=age_of, default=None)
    if newest is None:
        return [one for one in jobs if not one.result]
    return () if age_of(job) < age_of(newest) else (newest,)
