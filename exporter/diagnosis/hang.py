"""Why a Job is still active."""

from exporter.cluster import Cluster, Job
from exporter.diagnosis.cause import Cause

__all__ = ["hang_causes"]


def hang_causes(job: Job, cluster: Cluster) -> list[Cause]:
    """The known causes; none for a Job that is not active."""
    if job.active <= 0 or job.result:
        return []
    run = cluster.run_of(job)
    if run is None or cluster.is_doubtful(run):
        return []
    if run.terminal:
        return [Cause.of("run_already_finished", f"{run.kind} {run.name} is {run.phase}")]
    if run.work_completed is not None:
        return [Cause.of("finished_not_exited", f"{run.kind} {run.name} says that its work is completed")]
    return []
