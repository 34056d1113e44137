"""Why a Job is unfinished, as far as the status of the Job and its run says."""

from collections.abc import Iterator

from exporter.cluster import Cluster, Job
from exporter.diagnosis.cause import Cause
from exporter.plurals import plural

__all__ = ["hang_causes"]


def hang_causes(job: Job, cluster: Cluster) -> list[Cause]:
    """The known causes; none for a Job that is finished or suspended."""
    if job.result or job.suspended:
        return []
    return [*_of_run(job, cluster), *_of_pods(job)]


def _of_run(job: Job, cluster: Cluster) -> Iterator[Cause]:
    run = cluster.run_of(job)
    if run is None:
        if cluster.run_is_gone(job):
            yield Cause.of("run_gone", f"{job.kind} {job.owner_name} does not exist any more")
        return
    if cluster.is_doubtful(run):
        return
    if run.terminal:
        yield Cause.of("run_already_finished", f"{run.kind} {run.name} is {run.phase}")
    elif run.work_completed is not None:
        yield Cause.of("finished_not_exited", f"{run.kind} {run.name} reports completed work")
    newest = cluster.newest_job(run)
    if newest is not None and newest.uid != job.uid:
        yield Cause.of("superseded", f"{run.kind} {run.name} has a newer Job")


def _of_pods(job: Job) -> Iterator[Cause]:
    """`status.active` is absent when no pod can be created, when all pods terminate, and between two attempts."""
    if job.active > 0:
        return
    if job.terminating:
        yield Cause.of("pods_terminating", f"{plural(job.terminating, 'pod')} terminating, none active")
    else:
        yield Cause.of("no_pod", "the Job controller reports no pod")
