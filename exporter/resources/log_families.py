"""Metric families of Jobs that are read from the logs of their containers.

A Job has no such series before the first of its logs has been read. Times, sessions and the result are from the
running containers; the sums are over all containers of the Job. Times and limits of an unfinished Job are absent
while one of these logs cannot be read: an old time would look like silence.
"""

from collections.abc import Callable, Iterator, Sequence

from exporter.cache import LOGS, ContainerLog, Job, ObjectCache
from exporter.exposition.family import Family, Row
from exporter.log_formats import LogReport
from exporter.resources.usage import uncached_input

__all__ = ["LOG_FAMILIES"]


def started(job: Job, cache: ObjectCache) -> float | None:
    """The start of the newest running container."""
    return max((one.started for one in _running(job, cache) if one.started is not None), default=None)


def last_line(job: Job, cache: ObjectCache) -> float | None:
    """The newest line of the running containers; for a finished Job, of the last ones."""
    reports = _current(job, cache) if job.result else [one.report for one in _running(job, cache)]
    return max((one.last_line for one in reports if one.last_line is not None), default=None)


def result(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The newest last word, once all running containers have written theirs."""
    if (logs := cache.logs_of(job)) is None:
        return
    report = max(logs.current, key=_last_word) if job.result and logs.current else logs.last_word
    if report is not None and report.last_word is not None:
        yield (report.outcome,), report.last_word


def sessions(job: Job, cache: ObjectCache) -> float | None:
    """The largest number of sessions in one container. Pods that work in parallel are no loop."""
    return max((one.sessions for one in _current(job, cache)), default=0) or None


def tokens(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The tokens of all containers, by type."""
    for kind, read in (("input", uncached_input), ("cached_input", _cached), ("output", _output)):
        if (number := _sum(job, cache, read)) is not None:
            yield (kind,), number


def result_limit(job: Job, cache: ObjectCache) -> float | None:
    """How long its agent may run after its last word."""
    found = _running(job, cache)
    return cache.result_limit_of(job, found[0].report.format) if found else None


def silence_limit(job: Job, cache: ObjectCache) -> float | None:
    """How long its agent may write no line. None if a container writes nothing before its end by design."""
    found = _running(job, cache)
    if not found or any(one.report.is_silent_by_design for one in found):
        return None
    return cache.silence_limit_of(job)


def _running(job: Job, cache: ObjectCache) -> Sequence[ContainerLog]:
    """The running containers of an unfinished Job; empty if one of their logs cannot be read."""
    logs = None if job.result else cache.logs_of(job)
    return () if logs is None else logs.running


def _current(job: Job, cache: ObjectCache) -> list[LogReport]:
    logs = cache.logs_of(job)
    return [] if logs is None else logs.current


def _sum(job: Job, cache: ObjectCache, read: Callable[[LogReport], float | None]) -> float | None:
    logs = cache.logs_of(job)
    known = [number for one in (logs.all if logs else ()) if (number := read(one)) is not None]
    return sum(known) if known else None


def _last_word(report: LogReport) -> float:
    return report.last_word or 0.0


def _cached(report: LogReport) -> float | None:
    return report.tokens_cached


def _output(report: LogReport) -> float | None:
    return report.tokens_output


LOG_FAMILIES: tuple[Family[Job, ObjectCache], ...] = (
    Family(
        name="agent_main_container_started_timestamp_seconds",
        help="Start time of the newest running main container whose log is read, in seconds since the epoch.",
        value=started,
        uses=(LOGS,),
    ),
    Family(
        name="agent_last_log_timestamp_seconds",
        help="Time of the last log line of the agent's container, in seconds since the epoch.",
        value=last_line,
        uses=(LOGS,),
    ),
    Family(
        name="agent_result_timestamp_seconds",
        help="Time of the agent's result (its last word), in seconds since the epoch; absent while it works.",
        label_names=("outcome",),
        rows=result,
        uses=(LOGS,),
    ),
    Family(
        name="agent_result_limit_seconds",
        help="How long the agent may run after its result (its last word), in seconds; +Inf if it has no limit.",
        value=result_limit,
        needs=("coderuns",),
        uses=(LOGS,),
    ),
    Family(
        name="agent_silence_limit_seconds",
        help="How long the agent may write no log line, in seconds; +Inf if the limit is disabled. Absent if its CLI "
        "writes only at the end of a session.",
        value=silence_limit,
        needs=("coderuns",),
        uses=(LOGS,),
    ),
    Family(
        name="agent_sessions",
        help="Largest number of sessions that the agent has started in one container of the Job.",
        value=sessions,
        uses=(LOGS,),
    ),
    Family(
        name="agent_turns",
        help="Number of turns that the agent reports, over all containers of the Job.",
        value=lambda job, cache: _sum(job, cache, lambda one: one.turns),
        uses=(LOGS,),
    ),
    Family(
        name="agent_cost_dollars",
        help="Cost that the agent reports, in US dollars, over all containers of the Job.",
        value=lambda job, cache: _sum(job, cache, lambda one: one.cost_dollars),
        uses=(LOGS,),
    ),
    Family(
        name="agent_tokens",
        help="Number of tokens that the agent reports, over all containers of the Job: input, cached_input (read "
        "from the cache; part of input if the agent does not distinguish it), output.",
        label_names=("type",),
        rows=tokens,
        uses=(LOGS,),
    ),
)
