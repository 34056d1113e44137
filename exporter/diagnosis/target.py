"""The argument of `explain`, `NAME` or `NAMESPACE/NAME`: a run, or a Job or Pod of a run."""

from collections.abc import Sequence
from typing import NamedTuple

from exporter.cache import Job, ObjectCache, Run

__all__ = ["Target", "found_in"]


class Target(NamedTuple):
    """A name. `namespace` is empty if it was not given."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Parses `NAME` or `NAMESPACE/NAME`. The first part may also be a kind (`docsrun/NAME`): see `found_in`."""
        namespace, _, name = text.rpartition("/") if text.count("/") < 2 else text.partition("/")  # noqa: PLR2004
        return cls(namespace, name)

    @property
    def text(self) -> str:
        """The argument as it was given."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def is_(self, namespace: str, name: str) -> bool:
        """Whether it names the object with this namespace and name."""
        return (name == self.name and self.namespace in {"", namespace}) or name == self.text


def found_in(cache: ObjectCache, target: Target) -> Sequence[Run | Job]:
    """The runs with this name; else the runs of Jobs or Pods with this name, or such a Job if it has no run."""
    runs = [run for run in cache.runs if target.is_(run.namespace, run.name)]
    if runs:
        return runs
    jobs = [job for job in cache.jobs if target.is_(job.namespace, job.name) or _has_pod(job, cache, target)]
    owners = [cache.run_of(job) or job for job in jobs]
    return list({one.uid: one for one in owners}.values())


def _has_pod(job: Job, cache: ObjectCache, target: Target) -> bool:
    return any(target.is_(pod.namespace, pod.name) for pod in cache.pods_of(job))
