"""Why a run failed, from its status and its worker (its Job or Pod).

The patterns match messages of the platform's controllers. A run without a match and without a failed worker has the
cause `other`; its message is the evidence.
"""

import re
from collections.abc import Iterator
from typing import Final

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.cause_texts import LOG
from exporter.diagnosis.finding import Finding, found, of_job, of_run
from exporter.diagnosis.refusals import refusal_of, without_free_text

__all__ = ["failure_findings", "failure_words"]

_NO_PR: Final = "no_pull_request"
_MESSAGES: Final = (
    (
        "template_failed",
        re.compile(
            r"template.{0,40}(fail|error|not found)|(fail|error).{0,20}template|partial not found",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    (
        _NO_PR,
        re.compile(
            r"\b(no|without( a)?|missing|must create a) (pull request|PR)\b|\b(pull request|PR) URL (was )?not found",
            re.IGNORECASE,
        ),
    ),
    (
        "retries_exhausted",
        re.compile(r"\bretr(y|ies)\b.{0,40}(exhaust|exceed|limit|reached)|max(imum)? retries", re.IGNORECASE),
    ),
)


def failure_findings(run: Run, cache: ObjectCache) -> Iterator[Finding]:
    """The finding of a failed run; empty for any other."""
    if run.state == "failed":
        cause, evidence = _cause_of(run, cache)
        job = cache.newest_job(run) if cause == _NO_PR else None
        if job is None or job.result != "succeeded":
            yield found(cause, evidence, about=of_run(run), since=run.finished)
        else:  # the agent ended without an error, so its log is next
            text, command = f"{evidence}; {job.worker} {job.name} has succeeded", LOG if cache.pods_of(job) else ""
            yield found(
                cause, text, about=of_job(job) if command else of_run(run), since=run.finished, command=command
            )


def failure_words(job: Job) -> str:
    """Why a worker failed: the message of its condition, such as that of a podFailurePolicy, else its reason."""
    return f"{job.worker} {job.name}: {job.message or job.reason or 'reason unknown'}"


def _cause_of(run: Run, cache: ObjectCache) -> tuple[str, str]:
    for cause, message in _MESSAGES:
        if message.search(without_free_text(run.message)):
            return cause, run.message
    job = cache.newest_job(run)
    if job is not None and job.result == "failed":
        own = failure_words(job)
        if run.message and (not job.message or job.message.partition(": ")[2] in run.message):
            own = ""
        return "job_failed", "; ".join(filter(None, (run.message, own)))
    return refusal_of(run.message) or "other", run.message
