"""Why an open run has no Job or worker Pod.

In November 2025 a template is filled before the first status is written, so that a broken ConfigMap shows as a run
with a finalizer, no status and no Job, and as nothing else: no Event, no second log line.
"""

from collections.abc import Iterator

from exporter.cache import ConfigMap, ObjectCache, Run
from exporter.diagnosis.cause import Cause

__all__ = ["CLIS", "DEFAULT_CLI", "stall_causes"]

CLIS = frozenset(
    {"claude", "codex", "cursor", "factory", "gemini", "opencode", "kimi", "copilot", "dexter", "code", "openclaw"}
)
DEFAULT_CLI = "claude"  # what that controller uses for a run that names none


def stall_causes(run: Run, cache: ObjectCache) -> list[Cause]:
    """The known causes; none for a run that waits by design, is terminal, has a Job, or may have one."""
    if not cache.lacks_job(run):
        return []
    if (blocker := cache.blocker_of(run)) is not None:
        return [Cause.of("controller_blocked", f"{blocker.kind} {blocker.name}: {blocker.undecodable}")]
    if run.requires_configmaps:
        broken = sorted((item for item in cache.configmaps if _concerns(item, run)), key=lambda item: item.name)
        if causes := dict.fromkeys(map(_of_configmap, broken)):
            return list(causes)  # each once, though details that were cut may have become equal
    return list(_of_status(run, cache))


def _of_status(run: Run, cache: ObjectCache) -> Iterator[Cause]:
    if (deleting := cache.deleting_job(run)) is not None:
        yield Cause.of("job_deleting", f"{deleting.worker} {deleting.name} is being deleted")
    elif run.untouched:
        yield Cause.of("not_reconciled", "no finalizer and no status: no controller has looked at it")
    elif not run.phase:
        yield Cause.of("reconcile_failing", "finalizer and no status: the controller looked at it and failed")
    elif run.status_job:
        yield Cause.of("job_missing", f"status names {run.worker} {run.status_job}, which does not exist")


def _concerns(item: ConfigMap, run: Run) -> bool:
    """Broken, and not another CLI's own: ConfigMaps are named after their CLI, or after none."""
    if not item.problems:
        return False
    clis = CLIS.intersection(item.name.split("-"))
    return not clis or not clis.isdisjoint((run.cli or DEFAULT_CLI).split("-"))


def _of_configmap(item: ConfigMap) -> Cause:
    problem, key = item.problems[0]
    return Cause.of(f"configmap_{problem}", f"{item.namespace}/{item.name}" + (f" key {key}" if key else ""))
