"""Why an open run has no Job or worker Pod.

The November 2025 controller renders templates before it writes the first status. With a broken ConfigMap, a run has
a finalizer, no status and no Job; there is no Event and no further log line.
"""

from collections.abc import Iterator

from exporter.cache import ObjectCache, Run
from exporter.diagnosis.attempts import gone_since
from exporter.diagnosis.configmaps import configmap_findings, configmap_notes
from exporter.diagnosis.events import began, latest, words
from exporter.diagnosis.finding import Finding, found, of_job, of_run
from exporter.diagnosis.refusals import refusal_of
from exporter.diagnosis.stages import recent

__all__ = ["idle_findings", "refusal_findings", "stall_findings"]


def stall_findings(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of an open run without a Job; empty for any other, or if the run may have a Job."""
    if not cache.lacks_job(run):
        return
    if (blocker := cache.blocker_of(run)) is not None:
        evidence = f"{blocker.kind} {blocker.name}: {blocker.undecodable}"
        yield found("controller_blocked", evidence, about=of_run(blocker), since=cache.without_job_since(run))
        return
    if workers := cache.worker_runs(run):
        yield from stall_findings(workers[0], cache)
        return
    since = cache.without_job_since(run)
    known = [*configmap_findings(run, cache), *refusal_findings(run, cache, since=since)]
    if known:
        yield from known
        return
    yield from configmap_notes(run, cache)
    yield from _status(run, cache, since)


def refusal_findings(run: Run, cache: ObjectCache, *, since: float | None) -> Iterator[Finding]:
    """The finding that the API server rejected the worker, from an Event about the run or from its message."""
    for event in recent([*latest(cache, run.uid)]):
        if cause := refusal_of(event.note):
            yield found(cause, words(event), about=of_run(run), since=began(event))
            return
    if cause := refusal_of(run.message):
        yield found(cause, run.message, about=of_run(run), since=since)


def _status(run: Run, cache: ObjectCache, since: float | None) -> Iterator[Finding]:
    about = of_run(run)
    event = next(latest(cache, run.uid), None)
    if (deleting := cache.deleting_job(run)) is not None:
        evidence = f"{deleting.worker} {deleting.name} is being deleted"
        yield found("job_deleting", evidence, about=of_job(deleting), since=deleting.deleted)
    elif run.untouched:
        evidence = "no finalizer and no status: no controller has processed it"
        yield found("not_reconciled", evidence, about=about, since=since)
    elif not run.phase:
        evidence = "finalizer and no status: the controller fails to reconcile it"
        yield found("reconcile_failing", words(event) if event else evidence, about=about, since=since)
    elif run.status_job:
        evidence = f"status names {run.worker} {run.status_job}, which does not exist"
        known = since is not None and since < cache.now  # otherwise it is the time of the initial list
        yield found("job_missing", evidence, about=about, since=since if known else gone_since(run, cache))
    else:
        evidence = words(event) if event else run.message or f"{run.phase}, and no {run.worker}"
        yield found("no_worker", evidence, about=about, since=since)


def idle_findings(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """The finding that the controller processes no run at all. It depends on all runs, so it is not in metrics."""
    if cache.lacks_job(run) and cache.blocker_of(run) is None and cache.controller_is_idle(run):
        evidence = "neither this run nor any younger one has a finalizer or a status"
        yield found("controller_idle", evidence, about=of_run(run), since=cache.without_job_since(run))
