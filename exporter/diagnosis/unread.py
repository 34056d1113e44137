"""What could not be read, where it could show the cause: an unknown is not a no."""

from collections.abc import Iterator, Sequence

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.causes import CANNOT_TELL, CAUSES
from exporter.diagnosis.finding import Finding, Subject, found
from exporter.diagnosis.stall import refusal_findings

__all__ = ["unread_events", "unread_pods", "unread_workers"]

_EFFECTS = frozenset({"no_pod", "pod_not_starting", "no_worker"})
"""What needs Events to be explained."""
_SYMPTOMS = _EFFECTS | {
    *(
        "job_failed",
        "run_not_updated",
        "superseded",
        "pods_terminating",
        "retry_loop",
        "max_runtime_exceeded",
        "other",
    ),
    CANNOT_TELL,
}


def unread_workers(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """An open run, and its Jobs or Pods are not known."""
    if run.state == "open" and run.worker and not cache.knows_workers_of(run) and cache.newest_job(run) is None:
        yield from refusal_findings(run, cache, since=run.since)
        yield _cannot_tell(
            f"{run.worker.lower()}s",
            "batch" if run.worker == "Job" else "",
            run.namespace,
            since=run.since or run.created,
        )


def unread_pods(job: Job, cache: ObjectCache, known: Sequence[Finding], *, overdue: bool) -> Iterator[Finding]:
    """An unfinished worker whose Pods are not known, and that does not work as it should; or a failed one."""
    is_complete = cache.pods_known(job) and not (job.active and not cache.pods_of(job))
    if is_complete or job.suspended or job.result == "succeeded" or _explained(known):
        return
    not_ready = job.ready is not None and job.ready < job.active
    if job.result or not_ready or overdue or job.terminating:
        yield _cannot_tell("pods", "", job.namespace, since=job.finished or job.started)


def unread_events(namespace: str, cache: ObjectCache, known: Sequence[Finding]) -> Iterator[Finding]:
    """Only an effect is known, and Events of the namespace are not."""
    if cache.events_known(namespace) or _explained(known) or not any(one.cause in _EFFECTS for one in known):
        return
    since = min((one.since for one in known if one.cause in _EFFECTS and one.since is not None), default=None)
    yield _cannot_tell("events", "events.k8s.io", namespace, since=since)


def _explained(known: Sequence[Finding]) -> bool:
    """Whether one of the findings is more than an effect."""
    return any(CAUSES[one.cause].fault and one.cause not in _SYMPTOMS for one in known)


def _cannot_tell(plural: str, group: str, namespace: str, *, since: float | None) -> Finding:
    resource = f"{plural}.{group}" if group else plural
    text = (
        f"{plural.capitalize()} in namespace {namespace} were not read: needs the verbs list and watch for {resource}"
    )
    return found(CANNOT_TELL, text, about=Subject(resource, namespace, ""), since=since)
