"""What the log of an agent says about its unfinished worker: its last word, what it waits for, and its silence.

Nothing that changes with each line is in the evidence: it becomes a label. A log that cannot be read says nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from exporter.cache import NEVER, ContainerLog, Job, ObjectCache
from exporter.diagnosis.end_texts import END_TEXTS
from exporter.diagnosis.finding import Finding, found, of_job
from exporter.log_formats import LogReport

__all__ = ["last_word", "log_findings", "silence_findings", "silent_since"]

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
_LIMITS: Final = frozenset({"usage_limit", "billing"})
"""Errors of one cause, whose fixes contradict each other: to wait, or to pay."""
_API: Final = frozenset({"overloaded", "rate_limit"})


def log_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of the containers that are running, from their logs alone. Independent of the current time."""
    run = cache.run_of(job)
    is_interactive = run is not None and run.long_lived  # its next task may be the input of a person
    for log in _running(job, cache):
        report = log.report
        if report.last_word is not None:
            yield from _error(job, report)
        elif report.waiting_for and not (report.waiting_for == "input" and is_interactive):
            text = f"the agent waits for {report.waiting_for}"
            yield found("waiting_for_input", text, about=of_job(job), since=report.last_line)
        elif report.retrying in _API:
            text = "the agent repeats requests that its API rejects: overloaded, or too many requests"
            yield found("overloaded", text, about=of_job(job), since=report.last_line)
        elif report.last_line is None and not report.is_silent_by_design:
            since, limit = log.started or cache.started(job), cache.silence_limit_of(job)
            yield found("never_spoke", "the agent has written no line", about=of_job(job), since=since, grace=limit)
    if (word := last_word(job, cache)) is not None:
        yield from _finished(job, word, cache)


def last_word(job: Job, cache: ObjectCache) -> LogReport | None:
    """The report with the last word of an unfinished worker; None while one of its containers works."""
    logs = None if job.result or job.suspended else cache.logs_of(job)
    return None if logs is None else logs.last_word


def silence_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """An agent that was working has written no line for longer than its limit, as of the time of the cache."""
    limit, last = cache.silence_limit_of(job), silent_since(job, cache)
    if any(one.report.last_word is not None or one.report.waiting_for for one in _running(job, cache)):
        return
    if last is not None and cache.now - last > limit:
        yield found("silent", f"the agent has written no line for {limit:.0f} s", about=of_job(job), since=last)


def silent_since(job: Job, cache: ObjectCache) -> float | None:
    """The last line of an unfinished worker; None if it is unknown, or if its agent has no limit of silence."""
    reports = [one.report for one in _running(job, cache)]
    if cache.silence_limit_of(job) == NEVER or any(one.is_silent_by_design for one in reports):
        return None
    return max((one.last_line for one in reports if one.last_line is not None), default=None)


def _running(job: Job, cache: ObjectCache) -> Sequence[ContainerLog]:
    logs = None if job.result or job.suspended else cache.logs_of(job)
    return () if logs is None else logs.running


def _error(job: Job, report: LogReport) -> Iterator[Finding]:
    if (cause := _ERRORS.get(report.error)) is not None:
        name = "billing" if report.is_billing else report.error
        text = f"the last word of the agent is an error: {name}"
        fix = END_TEXTS[name].fix if name in _LIMITS else ""
        yield msgspec.structs.replace(found(cause, text, about=of_job(job), since=report.last_word), fix=fix)


def _finished(job: Job, report: LogReport, cache: ObjectCache) -> Iterator[Finding]:
    """The process is a fault once nothing has been written for longer than its limit; never without a limit."""
    if (limit := cache.result_limit_of(job, report.format)) == NEVER:
        return
    text = "the agent wrote its last word" + (f" ({report.outcome})" if report.outcome else "")
    last = max(one.report.last_line or 0.0 for one in _running(job, cache))
    yield found("finished_not_exited", text, about=of_job(job), since=last or report.last_word, grace=limit)
