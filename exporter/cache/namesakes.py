"""Worker Pods that have the name of a Job. They are not exposed: their series would have the labels of the Job."""

from collections.abc import Iterable

from exporter.cache.records import Job, Record

__all__ = ["Namesakes"]

_Place = tuple[str, str]


class Namesakes:
    """The Job and the Pod of each namespace and name. Jobs are indexed only after a Pod was added."""

    def __init__(self) -> None:
        self._pods: dict[_Place, Job] = {}
        self._jobs: dict[_Place, Job] | None = None

    def update(self, old: Record | None, new: Record | None, *, jobs: Iterable[Job]) -> None:
        """Updates the index after a change. `jobs` are the records of all Jobs and Pods."""
        if self._jobs is None:
            if not (isinstance(new, Job) and new.is_pod):
                return
            self._jobs = {_place(job): job for job in jobs if not job.is_pod}
        if isinstance(old, Job):
            known = self._known(pods=old.is_pod)
            if _place(old) in known and known[_place(old)].uid == old.uid:
                del known[_place(old)]
        if isinstance(new, Job):
            self._known(pods=new.is_pod)[_place(new)] = new

    def of(self, job: Job) -> Job | None:
        """The Pod with the name of a Job, or the Job with the name of a Pod."""
        return self._known(pods=not job.is_pod).get(_place(job))

    def _known(self, *, pods: bool) -> dict[_Place, Job]:
        if pods:
            return self._pods
        return {} if self._jobs is None else self._jobs


def _place(job: Job) -> _Place:
    return job.namespace, job.name
