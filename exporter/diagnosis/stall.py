"""Why an open run has no Job or worker Pod.

The November 2025 controller renders templates before it writes the first status. With a broken ConfigMap, a run has
a finalizer, no status and no Job; there is no Event and no further log line.
"""

from collections.abc import Iterator

from exporter.cache import ConfigMap, ObjectCache, Run
from exporter.diagnosis.cause import Cause

__all__ = ["CLIS", "DEFAULT_CLI", "stall_causes"]

CLIS = frozenset(
    {"claude", "codex", "cursor", "factory", "gemini", "opencode", "kimi", "copilot", "dexter", "code", "openclaw"}
)
DEFAULT_CLI = "claude"  # the default of that controller


def stall_causes(run: Run, cache: ObjectCache) -> list[Cause]:
    """The known causes; empty for a run that waits by design, is terminal, or has or may have a Job."""
    if not cache.lacks_job(run):
        return []
    if (blocker := cache.blocker_of(run)) is not None:
        return [Cause.of("controller_blocked", f"{blocker.kind} {blocker.name}: {blocker.undecodable}")]
    if workers := cache.worker_runs(run):
        return stall_causes(workers[0], cache)
    if run.requires_configmaps:
        broken = sorted((item for item in cache.configmaps if _concerns(item, run)), key=lambda item: item.name)
        if causes := dict.fromkeys(map(_configmap_cause, broken)):
            return list(causes)  # without duplicates: truncated details may be equal
    return list(_status_causes(run, cache))


def _status_causes(run: Run, cache: ObjectCache) -> Iterator[Cause]:
    if (deleting := cache.deleting_job(run)) is not None:
        yield Cause.of("job_deleting", f"{deleting.worker} {deleting.name} is being deleted")
    elif run.untouched:
        yield Cause.of("not_reconciled", "no finalizer and no status: no controller has processed it")
    elif not run.phase:
        yield Cause.of("reconcile_failing", "finalizer and no status: the controller fails to reconcile it")
    elif run.status_job:
        yield Cause.of("job_missing", f"status names {run.worker} {run.status_job}, which does not exist")


def _concerns(item: ConfigMap, run: Run) -> bool:
    """Whether the ConfigMap is broken and not specific to another CLI. Its name may contain that of a CLI."""
    if not item.problems:
        return False
    clis = CLIS.intersection(item.name.split("-"))
    return not clis or not clis.isdisjoint((run.cli or DEFAULT_CLI).split("-"))


def _configmap_cause(item: ConfigMap) -> Cause:
    problem, key = item.problems[0]
    return Cause.of(f"configmap_{problem}", f"{item.namespace}/{item.name}" + (f" key {key}" if key else ""))
