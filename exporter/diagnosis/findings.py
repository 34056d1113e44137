"""The findings about one run, or about one worker (a Job or Pod): causes before their effects.

The record `Job` is a worker of either kind; `is_pod` tells which.
"""

from collections.abc import Iterable, Iterator

import msgspec

from exporter.cache import Event, Job, ObjectCache, Run
from exporter.diagnosis.agent_log import silence_findings
from exporter.diagnosis.attempts import as_between_attempts
from exporter.diagnosis.causes import CANNOT_TELL, rank
from exporter.diagnosis.deletion import deletion_findings, is_kept, kept_pod
from exporter.diagnosis.ended import ended_findings, not_updated_findings
from exporter.diagnosis.failed_indexes import failed_indexes
from exporter.diagnosis.failure import failure_findings
from exporter.diagnosis.finding import Finding, distinct, found, is_fault, mark_recovered, of_job, of_pod, of_run
from exporter.diagnosis.gone import gone_findings
from exporter.diagnosis.limits import DEFAULT_FACTOR
from exporter.diagnosis.progress import progress_grace
from exporter.diagnosis.queues import suspended_finding
from exporter.diagnosis.restarts import restart_findings
from exporter.diagnosis.stages import pull_in_progress
from exporter.diagnosis.stall import idle_findings, stall_findings
from exporter.diagnosis.unread import unread_events, unread_pods, unread_workers
from exporter.diagnosis.worker import hang_findings

__all__ = ["FAULT", "NO_FAULT", "UNKNOWN", "findings", "verdict"]

NO_FAULT, FAULT, UNKNOWN = "ok", "fault", "unknown"
_RETRY_LOOP_ATTEMPTS = 6
"""Attempts of a run in a retry loop: the threshold of the alert CodeRunRetryLoop."""
_SAME_AS_RESTARTS = frozenset({"crash_loop", "oom_killed", "container_cannot_be_created"})
_JOB_HEIGHT, _RUN_HEIGHT = 1, 2
_MAX_DEPTH = 3
"""Maximum depth of worker runs. A limit, because owner references may form a cycle."""


def findings(item: Run | Job, cache: ObjectCache) -> list[Finding]:
    """The findings of a run and its workers, or of one worker alone, in the order of the table of causes."""
    every = [
        *mark_recovered(
            _run_findings(item, cache) if isinstance(item, Run) else _worker_findings(item, cache), cache.now
        )
    ]
    every += unread_events(item.namespace, cache, every)
    return sorted(distinct(every), key=lambda one: (rank(one.cause), one.height, one.effect))


def verdict(every: Iterable[Finding], now: float) -> str:
    """`fault`, `ok`, or `unknown`: some objects could not be read, so the other findings may only be effects."""
    first = min((one.cause for one in every if is_fault(one, now)), key=rank, default=None)
    return NO_FAULT if first is None else UNKNOWN if first == CANNOT_TELL else FAULT


def _run_findings(run: Run, cache: ObjectCache, depth: int = 0) -> Iterator[Finding]:
    """The findings of a run, its workers and its worker runs."""
    for one in cache.worker_runs(run) if depth < _MAX_DEPTH else ():
        yield from _run_findings(one, cache, depth + 1)
    height = _RUN_HEIGHT + _MAX_DEPTH - depth
    yield from (msgspec.structs.replace(one, height=height) for one in deletion_findings(run))
    if run.state == "waiting":
        yield found(
            "waiting", run.message or f"{run.kind} {run.name} is {run.phase}", about=of_run(run), since=run.since
        )
    yield from as_between_attempts(run, [*stall_findings(run, cache)], cache)
    yield from idle_findings(run, cache)
    yield from unread_workers(run, cache)
    yield from (msgspec.structs.replace(one, at_once=True) for one in failure_findings(run, cache))
    if not run.terminal and run.attempt >= _RETRY_LOOP_ATTEMPTS:
        yield found("retry_loop", f"attempt {run.attempt}", about=of_run(run), since=run.created)
    newest = cache.newest_job(run)
    if newest is None and run.state == "failed":
        yield from gone_findings(run, cache)
    for job in cache.jobs_of(run):
        if job.namespace == run.namespace and (job is newest or not job.result):
            yield from _worker_findings(job, cache)
        elif job.namespace == run.namespace:
            yield from _worker_deletion_findings(job, cache)
    if newest is not None:
        yield from not_updated_findings(run, newest)
    if run.ready is False and run.state == "open" and run.message:
        yield found("not_ready", run.message, about=of_run(run), since=run.since or run.created)


def _worker_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    if job.suspended and not job.result:
        yield suspended_finding(job, cache)
    known = [*hang_findings(job, cache), *ended_findings(job, cache)]
    if job.result:
        known = [msgspec.structs.replace(one, at_once=True) for one in known]
    # The garbage collector waits for the pods of the Job, and the pods of a lost node are never removed.
    node_is_lost = any(one.cause == "node_lost" for one in known)
    yield from (one for one in _deleted_job_findings(job) if not (one.effect and node_is_lost))
    yield from known
    yield from failed_indexes(job, cache)
    yield from _starting(job, cache, known)
    yield from silence_findings(job, cache)
    if not any(one.cause in _SAME_AS_RESTARTS for one in known):
        yield from restart_findings(job, cache)
    limit = _limit_passed(job, cache)
    yield from unread_pods(job, cache, known, overdue=limit is not None)
    if limit is not None:
        text = f"{job.worker} {job.name} runs for longer than {limit:.0f} s"
        yield found("max_runtime_exceeded", text, about=of_job(job), since=cache.started(job))


def _worker_deletion_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of a finished worker that is being deleted: what blocks the deletion of it or its pods."""
    yield from _deleted_job_findings(job)
    if job.deleted is not None and not job.is_pod:
        yield from (kept_pod(pod) for pod in cache.pods_of(job) if is_kept(pod, cache.now))


def _deleted_job_findings(job: Job) -> Iterator[Finding]:
    return (msgspec.structs.replace(one, height=_JOB_HEIGHT) for one in deletion_findings(job))


def _starting(job: Job, cache: ObjectCache, known: list[Finding]) -> Iterator[Finding]:
    """The findings of pending Pods, if no other finding explains them."""
    for pod in cache.pods_of(job) if not known else ():
        if pod.state == "pending" and not pod.gated:
            names = (f"container {one.name}: {one.reason}" for one in pod.containers if one.state == "waiting")
            text = next(names, "the kubelet has not reported its containers" if pod.node else "it has no node")
            pull = pull_in_progress(cache.events_about(pod.uid))
            text = text if pull is None else _pull_words(pull)
            grace = progress_grace(pod, pull)
            yield found("pod_not_starting", text, about=of_pod(pod), since=pod.created, grace=grace)


def _pull_words(event: Event) -> str:
    return f"container {event.container}: {event.note}, and the kubelet has not reported its end"


def _limit_passed(job: Job, cache: ObjectCache) -> float | None:
    """The limit that a running worker has exceeded, in seconds, or None. For the default, see `DEFAULT_FACTOR`."""
    started, (limit, is_set) = cache.started(job), cache.max_runtime_of(job)
    limit *= 1 if is_set else DEFAULT_FACTOR
    is_over = not job.result and not job.suspended and started is not None and cache.now - started > limit
    return limit if is_over else None
