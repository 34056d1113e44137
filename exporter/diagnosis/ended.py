"""Why a worker (the Job or Pod of a run) failed, and whether the controller has updated the run after its end."""

from collections.abc import Iterator

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.events import began, unresolved_create_failure, words
from exporter.diagnosis.failure import failure_words
from exporter.diagnosis.finding import Finding, found, of_job, of_run
from exporter.diagnosis.gone import gone_findings, last_failure
from exporter.diagnosis.pod import pods_findings
from exporter.diagnosis.pods import current_pods
from exporter.diagnosis.refusals import refusal_of

__all__ = ["ended_findings", "not_updated_findings"]

_DEADLINE = "DeadlineExceeded"
_REASONS = {
    "Evicted": "evicted",
    "NodeLost": "node_lost",
    "Preempting": "preempted",
    "OOMKilled": "oom_killed",
    "UnexpectedAdmissionError": "node_rejected",
}
"""The causes for the reasons of failed worker Pods."""


def ended_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of a failed worker; empty for any other."""
    if job.result != "failed":
        return
    known = [*pods_findings(current_pods(job, cache), cache)] or [*gone_findings(job, cache)]
    if job.reason == _DEADLINE:
        text = f"{job.worker} {job.name} exceeded its deadline" + (
            f" of {job.deadline:.0f} s" if job.deadline else ""
        )
        if not known and (failure := last_failure(job, cache)):
            text += f"; {failure}"
        yield found("deadline_exceeded", text, about=of_job(job), since=job.finished)
    elif (cause := _REASONS.get(job.reason)) and not any(one.cause == cause for one in known):
        yield found(cause, f"{job.worker} {job.name}: {job.reason}", about=of_job(job), since=job.finished)
    if not known and (event := unresolved_create_failure(cache, job)) is not None:
        cause = refusal_of(event.note) or "pod_creation_failed"
        yield found(cause, words(event), about=of_job(job), since=began(event))
    yield from known
    run = cache.run_of(job)
    if run is not None and run.state == "failed":
        return  # the run has the cause
    yield found("job_failed", failure_words(job), about=of_job(job), since=job.finished)


def not_updated_findings(run: Run, job: Job) -> Iterator[Finding]:
    """The finding of an open run whose current worker has ended."""
    if run.terminal or run.state == "waiting" or not job.result or run.long_lived:
        return
    text = f"{job.worker} {job.name} has {job.result}, and {run.kind} {run.name} is {run.phase or 'without a status'}"
    yield found("run_not_updated", text, about=of_run(run), since=job.finished)
