"""Metric families of Jobs that are read from the logs of their containers.

A Job has no such series before the first of its logs has been read. What ends with the container is that of the
running containers; the sums are those of all containers of the Job.
"""

from collections.abc import Callable, Iterator

from exporter.cache import LOGS, Job, ObjectCache
from exporter.exposition.family import Family, Row
from exporter.log_formats import LogReport

__all__ = ["LOG_FAMILIES"]


def last_line(job: Job, cache: ObjectCache) -> float | None:
    """The newest line of the running containers."""
    return max((one.last_line for one in _current(job, cache) if one.last_line is not None), default=None)


def result(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The newest last word, once all running containers have written theirs."""
    words = [(one.last_word, one.outcome) for one in _current(job, cache)]
    known = [(word, outcome) for word, outcome in words if word is not None]
    if known and len(known) == len(words):
        word, outcome = max(known)
        yield (outcome,), word


def sessions(job: Job, cache: ObjectCache) -> float | None:
    """The largest number of sessions in one container. Pods that work in parallel are no loop."""
    return max((one.sessions for one in _current(job, cache)), default=0) or None


def tokens(job: Job, cache: ObjectCache) -> Iterator[Row]:
    """The tokens of all containers, by type."""
    for kind, read in (("input", _input), ("output", _output)):
        if (number := _sum(job, cache, read)) is not None:
            yield (kind,), number


def result_limit(job: Job, cache: ObjectCache) -> float | None:
    """The format of its log replaces an unknown CLI."""
    found = [] if job.result else _current(job, cache)
    if not found:
        return None
    run = cache.run_of(job)
    cli = job.cli or (run.cli if run else "") or found[0].format
    return cache.thresholds.result_limit_of(cache.agent_of(job), cli)


def silence_limit(job: Job, cache: ObjectCache) -> float | None:
    """Absent if a container writes nothing before its end by design."""
    found = [] if job.result else _current(job, cache)
    if not found or any(one.is_silent_by_design for one in found):
        return None
    return cache.thresholds.silence_limit_of(cache.agent_of(job))


def _current(job: Job, cache: ObjectCache) -> list[LogReport]:
    logs = cache.logs_of(job)
    return [] if logs is None else logs.current


def _sum(job: Job, cache: ObjectCache, read: Callable[[LogReport], float | None]) -> float | None:
    logs = cache.logs_of(job)
    known = [number for one in (logs.all if logs else ()) if (number := read(one)) is not None]
    return sum(known) if known else None


def _input(report: LogReport) -> float | None:
    return report.tokens_input


def _output(report: LogReport) -> float | None:
    return report.tokens_output


LOG_FAMILIES: tuple[Family[Job, ObjectCache], ...] = (
    Family(
        name="agent_last_log_timestamp_seconds",
        help="Time of the last log line of the agent's container, in seconds since the epoch.",
        value=last_line,
        uses=(LOGS,),
    ),
    Family(
        name="agent_result_timestamp_seconds",
        help="Time of the agent's last word, in seconds since the epoch; absent while it works.",
        label_names=("outcome",),
        rows=result,
        uses=(LOGS,),
    ),
    Family(
        name="agent_result_limit_seconds",
        help="How long the agent may run after its last word, in seconds; +Inf if the limit is disabled.",
        value=result_limit,
        needs=("coderuns",),
        uses=(LOGS,),
    ),
    Family(
        name="agent_silence_limit_seconds",
        help="How long the agent may write no log line, in seconds; +Inf if the limit is disabled. Absent if its "
        "format is written only at the end.",
        value=silence_limit,
        needs=("coderuns",),
        uses=(LOGS,),
    ),
    Family(
        name="agent_sessions",
        help="Number of sessions that the agent has started in one container.",
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
        help="Number of tokens that the agent reports, over all containers of the Job: input (also cached), output.",
        label_names=("type",),
        rows=tokens,
        uses=(LOGS,),
    ),
)
