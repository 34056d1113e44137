"""Whether the main container of a worker (the Job or Pod of a run) has ended while its Pod is running."""

from exporter.cache import Container, Job, ObjectCache, Pod
from exporter.diagnosis.pods import ended_main

__all__ = ["main_ended"]


def main_ended(job: Job, cache: ObjectCache) -> tuple[Pod, Container] | None:
    """The first main container of an unfinished worker that has ended in a running Pod.

    A shared Pod outlives its runs, so its terminated main container is not reported.
    """
    run = cache.run_of(job)
    if job.result or job.suspended or (run is None and job.is_pod):
        return None
    if run is not None and (run.terminal or run.shared):
        return None
    found = [(pod, container) for pod in cache.pods_of(job) if (container := ended_main(pod)) is not None]
    return min(found, key=lambda one: one[1].since or 0.0, default=None)
