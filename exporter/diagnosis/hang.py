"""Why a Job or worker Pod is unfinished, from its status and the status of its run."""

from collections.abc import Iterator

from exporter.cache import Container, Job, ObjectCache, Pod, Run
from exporter.diagnosis.cause import Cause
from exporter.diagnosis.pods import ended_main, not_starting
from exporter.plurals import plural

__all__ = ["hang_causes", "main_ended"]

_TERMINATING = Cause.of("pods_terminating", "the Pod is terminating")
_NO_POD = Cause.of("no_pod", "the Job controller reports no pod")


def hang_causes(job: Job, cache: ObjectCache) -> list[Cause]:
    """The known causes; empty for a finished or suspended Job."""
    if job.result or job.suspended:
        return []
    run = cache.run_of(job)
    if run is not None:
        causes = [] if cache.job_state_unknown(run) else [*_run_causes(run, job, cache)]
    elif cache.run_is_gone(job):
        causes = [Cause.of("run_gone", f"{job.kind} {job.owner_name} no longer exists")]
    else:
        causes = []
    causes += _pod_causes(job, cache)
    if not job.is_pod and job.active <= 0:
        causes.append(_no_active_pod(job))
    return causes


def _pod_causes(job: Job, cache: ObjectCache) -> Iterator[Cause]:
    if job.is_pod and job.terminating:
        yield _TERMINATING
    found = [not_starting(pod, cache.events_about(pod.uid)) for pod in cache.pods_of(job)]
    for detail in dict.fromkeys(filter(None, found)):
        yield Cause.of("pod_not_starting", detail)
    if (ended := main_ended(job, cache)) is not None:
        pod, container = ended
        name = "the Pod" if job.is_pod else f"Pod {pod.name}"
        yield Cause.of("main_container_exited", f"container {container.name} has terminated, {name} is running")


def main_ended(job: Job, cache: ObjectCache) -> tuple[Pod, Container] | None:
    """The first main container of an unfinished Job that has ended in a running Pod.

    A shared Pod outlives its runs: a terminated main container is not reported for them.
    """
    run = cache.run_of(job)
    if job.result or job.suspended or (run is None and job.is_pod):
        return None
    if run is not None and (run.terminal or run.shared):
        return None
    found = [(pod, container) for pod in cache.pods_of(job) if (container := ended_main(pod)) is not None]
    return min(found, key=lambda one: one[1].since or 0.0, default=None)


def _run_causes(run: Run, job: Job, cache: ObjectCache) -> Iterator[Cause]:
    if run.terminal:
        yield Cause.of("run_already_finished", f"{run.kind} {run.name} is {run.phase}")
    elif run.work_completed is not None:
        yield Cause.of("finished_not_exited", f"{run.kind} {run.name} reports completed work")
    newest = None if job.is_pod else cache.newest_job(run)  # Pods of one run may work in parallel
    if newest is not None and newest.uid != job.uid and not newest.is_pod:
        yield Cause.of("superseded", f"{run.kind} {run.name} has a newer Job")


def _no_active_pod(job: Job) -> Cause:
    """`status.active` is absent if no pod can be created, if all pods terminate, and between two attempts."""
    if job.terminating:
        return Cause.of("pods_terminating", f"{plural(job.terminating, 'pod')} terminating, none active")
    return _NO_POD
