"""What the log of an agent says about its unfinished worker: its last word, what it waits for, and its silence.

Nothing that changes with each line is in the evidence: it becomes a label.
"""

import time
from collections.abc import Iterator
from typing import Final

from exporter.cache import Job, ObjectCache
from exporter.diagnosis.finding import Finding, found, of_job
from exporter.log_formats import LogReport

__all__ = ["log_findings", "silence_findings"]

_ERRORS: Final = {
    "usage_limit": "usage_limit",
    "auth": "auth",
    "overloaded": "overloaded",
    "rate_limit": "overloaded",
    "max_turns": "max_turns",
    "budget": "max_turns",
    "loop": "loop_stop",
}
"""Causes by the class of an error."""
_API: Final = frozenset({"overloaded", "rate_limit"})


def log_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of the containers that are running, from their logs alone. Independent of the current time."""
    for report in _reports(job, cache):
        if report.last_word is not None:
            yield from _last_word(job, report, cache)
        elif report.waiting_for:
            text = f"the agent waits for {report.waiting_for}"
            yield found("waiting_for_input", text, about=of_job(job), since=report.last_line)
        elif report.retrying in _API:
            text = "the agent repeats requests that its API rejects: overloaded, or too many requests"
            yield found("overloaded", text, about=of_job(job), since=report.last_line)
        elif report.last_line is None and not report.is_silent_by_design:
            yield found("never_spoke", "the agent has written no line", about=of_job(job), since=cache.started(job))


def silence_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """An agent that was working has written no line for longer than its limit, as of the time of the cache."""
    limit = cache.thresholds.silence_limit_of(cache.agent_of(job))
    reports = [one for one in _reports(job, cache) if not one.is_silent_by_design]
    if any(one.last_word is not None or one.waiting_for for one in reports):
        return
    last = max((one.last_line for one in reports if one.last_line is not None), default=None)
    if last is not None and cache.now - last > limit:
        yield found("silent", f"the agent has written no line for {limit:.0f} s", about=of_job(job), since=last)


def _reports(job: Job, cache: ObjectCache) -> list[LogReport]:
    logs = None if job.result or job.suspended else cache.logs_of(job)
    return [] if logs is None else logs.running


def _last_word(job: Job, report: LogReport, cache: ObjectCache) -> Iterator[Finding]:
    said = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(report.last_word))
    about, last = of_job(job), report.last_line or report.last_word
    if (cause := _ERRORS.get(report.error)) is not None:
        text = f"the last word of the agent, at {said}, is an error: {report.error}"
        yield found(cause, text, about=about, since=report.last_word)
    outcome = f" ({report.outcome})" if report.outcome else ""
    run = cache.run_of(job)
    limit = cache.thresholds.result_limit_of(
        cache.agent_of(job), job.cli or (run.cli if run else "") or report.format
    )
    text = f"the agent wrote its last word{outcome} at {said}"
    yield found("agent_finished", text, about=about, since=last, grace=limit)
