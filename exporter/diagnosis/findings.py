"""The findings about one run, or about one worker without a run: causes before their effects."""

from collections.abc import Iterable, Iterator

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.attempts import without_attempts
from exporter.diagnosis.causes import CANNOT_TELL, rank
from exporter.diagnosis.deletion import deletion_findings, is_kept, kept_pod
from exporter.diagnosis.ended import ended_findings, not_updated_findings
from exporter.diagnosis.failure import failure_findings
from exporter.diagnosis.finding import Finding, distinct, found, is_fault, of_job, of_pod, of_run, settle
from exporter.diagnosis.gone import gone_findings
from exporter.diagnosis.limits import DEFAULT_FACTOR
from exporter.diagnosis.queues import suspended_finding
from exporter.diagnosis.stall import idle_findings, stall_findings
from exporter.diagnosis.unread import unread_events, unread_pods, unread_workers
from exporter.diagnosis.worker import hang_findings

__all__ = ["FAULT", "NO_FAULT", "UNKNOWN", "findings", "verdict"]

NO_FAULT, FAULT, UNKNOWN = "ok", "fault", "unknown"
_LOOP = 6
"""Attempts, as in CodeRunRetryLoop."""
_DEEPEST = 3
"""Runs that work for runs; owner references may form a loop."""


def findings(item: Run | Job, cache: ObjectCache) -> list[Finding]:
    """The findings, in the order of the table of causes. A worker of a run has those of the run only if it is one."""
    every = [*settle(_of_run(item, cache) if isinstance(item, Run) else _of_worker(item, cache), cache.now)]
    every += unread_events(item.namespace, cache, every)
    return sorted(distinct(every), key=lambda one: (rank(one.cause), one.effect))


def verdict(found_: Iterable[Finding], now: float) -> str:
    """`fault`, `unknown` (the first cause is `cannot_tell`: what follows are effects), or `ok`."""
    first = min((one.cause for one in found_ if is_fault(one, now)), key=rank, default=None)
    return NO_FAULT if first is None else UNKNOWN if first == CANNOT_TELL else FAULT


def _of_run(run: Run, cache: ObjectCache, depth: int = 0) -> Iterator[Finding]:
    """Its own, and those of the runs that work for it."""
    for one in cache.worker_runs(run) if depth < _DEEPEST else ():
        yield from _of_run(one, cache, depth + 1)
    yield from deletion_findings(run)
    if run.state == "waiting":
        yield found(
            "waiting", run.message or f"{run.kind} {run.name} is {run.phase}", about=of_run(run), since=run.since
        )
    yield from without_attempts(run, [*stall_findings(run, cache)])
    yield from idle_findings(run, cache)
    yield from unread_workers(run, cache)
    yield from failure_findings(run, cache)
    if not run.terminal and run.attempt >= _LOOP:
        yield found("retry_loop", f"attempt {run.attempt}", about=of_run(run), since=run.created)
    newest = cache.newest_job(run)
    if newest is None and run.state == "failed":
        yield from gone_findings(run, cache)
    for job in cache.jobs_of(run):
        if job.namespace == run.namespace and (job is newest or not job.result):
            yield from _of_worker(job, cache)
        elif job.namespace == run.namespace:
            yield from _deletion_of(job, cache)
    if newest is not None:
        yield from not_updated_findings(run, newest)
    if run.ready is False and run.state == "open" and run.message:
        yield found("not_ready", run.message, about=of_run(run), since=run.since or run.created)


def _of_worker(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    if job.suspended and not job.result:
        yield suspended_finding(job, cache)
    yield from deletion_findings(job)
    known = [*_start(job), *hang_findings(job, cache), *ended_findings(job, cache)]
    yield from known
    yield from _starting(job, cache, known)
    limit = _limit_passed(job, cache)
    yield from unread_pods(job, cache, known, overdue=limit is not None)
    if limit is not None:
        text = f"{job.worker} {job.name} runs for longer than {limit:.0f} s"
        yield found("max_runtime_exceeded", text, about=of_job(job), since=cache.started(job))


def _deletion_of(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """Of a worker that is over and is being deleted: what keeps it, or its pods."""
    yield from deletion_findings(job)
    if job.deleted is not None and not job.is_pod:
        yield from (kept_pod(pod) for pod in cache.pods_of(job) if is_kept(pod, cache.now))


def _starting(job: Job, cache: ObjectCache, known: list[Finding]) -> Iterator[Finding]:
    """Pods that are pending, and nothing says why."""
    for pod in cache.pods_of(job) if not known else ():
        if pod.state == "pending" and not pod.gated:
            names = (f"container {one.name}: {one.reason}" for one in pod.containers if one.state == "waiting")
            text = next(names, "the kubelet has not reported its containers" if pod.node else "it has no node")
            yield found("pod_not_starting", text, about=of_pod(pod), since=pod.created)


def _start(job: Job) -> Iterator[Finding]:
    """A Job gets its start time as soon as the Job controller sees it."""
    if not (job.is_pod or job.result or job.suspended or job.started is not None or job.active or job.terminating):
        text = f"Job {job.name} has no start time"
        yield found("job_controller_absent", text, about=of_job(job), since=job.created)


def _limit_passed(job: Job, cache: ObjectCache) -> float | None:
    """The limit that a running worker has exceeded. Healthy ones exceed the default, as AgentJobHanging knows."""
    started, (limit, is_set) = cache.started(job), cache.max_runtime_of(job)
    limit *= 1 if is_set else DEFAULT_FACTOR
    is_over = not job.result and not job.suspended and started is not None and cache.now - started > limit
    return limit if is_over else None
