"""Which Jobs a run controls, by the UID in their ownerReference."""

from collections.abc import Sequence

from exporter.cache.records import Job, Record, Run

__all__ = ["Owners", "share_strings"]


class Owners:
    """The Jobs by the UID of their owner, those whose owner is not known included."""

    def __init__(self) -> None:
        self._jobs_of: dict[str, Sequence[Job]] = {}

    def of(self, uid: str) -> Sequence[Job]:
        """The Jobs of the run with this UID."""
        return self._jobs_of.get(uid, ()) if uid else ()

    def remove(self, job: Record | None) -> None:
        """A record is replaced or gone; only Jobs count."""
        if not isinstance(job, Job) or not job.owner:
            return
        others = [other for other in self._jobs_of.get(job.owner, ()) if other.uid != job.uid]
        if others:
            self._jobs_of[job.owner] = others
        else:
            self._jobs_of.pop(job.owner, None)

    def add(self, job: Job) -> None:
        """A tuple for the one Job that nearly every run has; a list for more, or many would cost their square."""
        jobs = self._jobs_of.get(job.owner)
        if isinstance(jobs, list):
            jobs.append(job)
        else:
            self._jobs_of[job.owner] = [*jobs, job] if jobs else (job,)


def share_strings(run: Run, job: Job) -> None:
    """One string for both where they are equal: at 100,000 Jobs that is 30 MB."""
    if job.owner == run.uid:
        job.owner = run.uid
    if job.owner_name == run.name:
        job.owner_name = run.name
    if job.task_id == run.task_id:
        job.task_id = run.task_id
    if run.status_job == job.name:
        run.status_job = job.name
