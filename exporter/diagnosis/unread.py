"""Findings about objects that could not be listed, so are unread, and that could show the cause: `cannot_tell`."""

from collections.abc import Iterator, Sequence

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.causes import CANNOT_TELL, CAUSES
from exporter.diagnosis.explanation import FindingView
from exporter.diagnosis.finding import Finding, Subject, found, of_job
from exporter.diagnosis.stall import refusal_findings

__all__ = ["is_not_permitted", "unread_events", "unread_pods", "unread_workers"]

_NOT_PERMITTED = " were not read: needs the verbs list and watch for"
_PODS = "kubectl -n $namespace get $pods -o wide"
_CLUSTER = "who runs the cluster"
_EFFECTS = frozenset({"no_pod", "pod_not_starting", "no_worker"})
"""Causes that only Events can explain."""
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


def is_not_permitted(finding: FindingView) -> bool:
    """Whether the evidence is that all objects of a kind could not be read, such as for a missing permission."""
    return finding.cause == CANNOT_TELL and _NOT_PERMITTED in finding.evidence


def unread_workers(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """The finding of an open run whose Jobs or Pods could not be read."""
    if run.state == "open" and run.worker and not cache.knows_workers_of(run) and cache.newest_job(run) is None:
        yield from refusal_findings(run, cache, since=run.since)
        yield _cannot_tell(
            f"{run.worker.lower()}s",
            "batch" if run.worker == "Job" else "",
            run.namespace,
            since=run.since or run.created,
        )


def unread_pods(job: Job, cache: ObjectCache, known: Sequence[Finding], *, overdue: bool) -> Iterator[Finding]:
    """The finding of a worker that failed or seems stuck, and whose Pods could not be read."""
    is_known, is_missing = cache.pods_known(job), bool(job.active and not cache.pods_of(job))
    if (is_known and not is_missing) or job.suspended or job.result == "succeeded" or _explained(known):
        return
    not_ready = job.ready is not None and job.ready < job.active
    if not (job.result or not_ready or overdue or job.terminating):
        return
    since = job.finished or job.started
    if is_known or job.manual_selector:
        text = f"status.active of Job {job.name} is {job.active}, but no pod is listed; succeeded pods are not listed"
        if job.manual_selector:
            text = f"Pods of Job {job.name} were not read: it has spec.manualSelector"
        yield found(CANNOT_TELL, text, about=of_job(job), since=since, command=_PODS, act=_CLUSTER)
    else:
        yield _cannot_tell("pods", "", job.namespace, since=since)


def unread_events(namespace: str, cache: ObjectCache, known: Sequence[Finding]) -> Iterator[Finding]:
    """The finding that Events could not be read, if `known` has only effects that Events could explain."""
    if cache.events_known(namespace) or _explained(known) or not any(one.cause in _EFFECTS for one in known):
        return
    since = min((one.since for one in known if one.cause in _EFFECTS and one.since is not None), default=None)
    yield _cannot_tell("events", "events.k8s.io", namespace, since=since)


def _explained(known: Sequence[Finding]) -> bool:
    """Whether one of the findings is a cause and not only an effect."""
    return any(CAUSES[one.cause].fault and one.cause not in _SYMPTOMS for one in known)


def _cannot_tell(plural: str, group: str, namespace: str, *, since: float | None) -> Finding:
    resource = f"{plural}.{group}" if group else plural
    text = f"{plural.capitalize()} in namespace {namespace}{_NOT_PERMITTED} {resource}"
    return found(CANNOT_TELL, text, about=Subject(resource, namespace, ""), since=since)
