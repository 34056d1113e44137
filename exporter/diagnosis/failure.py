"""Why a run failed, from its status and its Job.

The patterns match messages of the platform's controllers. A run without a match and without a failed Job has the
cause `other`; its message is the detail.
"""

import re

from exporter.cache import ObjectCache, Run
from exporter.diagnosis.cause import Cause

__all__ = ["failure_causes"]

_MESSAGES = (
    (
        "template_failed",
        re.compile(
            r"template.{0,40}(fail|error|not found)|(fail|error).{0,20}template|partial not found",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    ("no_pull_request", re.compile(r"\b(no|without( a)?|missing) (pull request|PR)\b", re.IGNORECASE)),
    (
        "retries_exhausted",
        re.compile(r"\bretr(y|ies)\b.{0,40}(exhaust|exceed|limit|reached)|max(imum)? retries", re.IGNORECASE),
    ),
)


def failure_causes(run: Run, cache: ObjectCache) -> list[Cause]:
    """The cause of failure; empty for a run that has not failed."""
    if run.state != "failed":
        return []
    for cause, message in _MESSAGES:
        if message.search(run.message):
            return [Cause.of(cause, run.message)]
    job = cache.newest_job(run)
    if job is not None and job.result == "failed":
        return [Cause.of("job_failed", run.message or f"{job.worker} {job.name}: {job.reason or 'reason unknown'}")]
    return [Cause.of("other", run.message)]
