"""Why an open run has no Job.

A template is filled before the first status is written, so that a broken ConfigMap shows as a run with a
finalizer, no status and no Job, and as nothing else: no Event, no second log line.
"""

from exporter.cluster import Cluster, ConfigMap, Run
from exporter.diagnosis.cause import Cause

__all__ = ["stall_causes"]

_CLIS = frozenset({"claude", "codex", "cursor", "factory", "gemini", "opencode"})


def stall_causes(run: Run, cluster: Cluster) -> list[Cause]:
    """The known causes, the likeliest first; none for a run that is terminal, has a Job, or may have one."""
    if run.terminal or not cluster.jobs_known(run.namespace) or cluster.newest_job(run) is not None:
        return []
    if cluster.is_doubtful(run):
        return []
    broken = sorted((item for item in cluster.configmaps if _concerns(item, run)), key=lambda item: item.name)
    if causes := dict.fromkeys(map(_of_configmap, broken)):
        return list(causes)  # each once, though details that were cut may have become equal
    if not run.phase:
        return [Cause.of("not_reconciled", "the controller has written no status")]
    if run.status_job:
        return [Cause.of("job_missing", f"status names Job {run.status_job}, which does not exist")]
    return []


def _concerns(item: ConfigMap, run: Run) -> bool:
    """Broken, and not another CLI's own: ConfigMaps are named after their CLI, or after none."""
    if not item.problems:
        return False
    clis = _CLIS.intersection(item.name.split("-"))
    return not clis or not run.cli or not clis.isdisjoint(run.cli.split("-"))


def _of_configmap(item: ConfigMap) -> Cause:
    problem, key = item.problems[0]
    return Cause.of(f"configmap_{problem}", f"{item.namespace}/{item.name}" + (f" key {key}" if key else ""))
