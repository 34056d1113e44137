"""Stuck objects: open runs that have no Job, and unfinished Jobs, for longer than their limit."""

from typing import NamedTuple

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.agent_log import silent_since
from exporter.diagnosis.cause import Cause
from exporter.diagnosis.limits import DEFAULT_FACTOR, SILENT_SECONDS
from exporter.diagnosis.metrics import hang_causes, stall_causes

__all__ = ["Stuck", "stuck", "stuck_causes"]


class Stuck(NamedTuple):
    """`since`: start of the wait or run, in seconds since the epoch; `limit`: its maximum duration in seconds.

    `silent_since`: the last line of its agent, in seconds since the epoch, if it is known.
    """

    item: Run | Job
    since: float
    limit: float
    limit_is_set: bool
    silent_since: float | None = None

    def excess(self, now: float) -> float:
        """Seconds over the limit."""
        return now - self.since - self.limit

    def critical(self, now: float) -> bool:
        """Whether its alert is critical. For a default limit, later, or if the agent is silent for two hours."""
        is_silent = self.silent_since is not None and now - self.silent_since > SILENT_SECONDS
        return self.limit_is_set or is_silent or now - self.since >= DEFAULT_FACTOR * self.limit

    def rank(self, now: float) -> tuple[bool, float]:
        """Sort key; the most severe is the greatest."""
        return self.critical(now), self.excess(now)


def stuck(item: Run | Job, cache: ObjectCache, *, now: float) -> Stuck | None:
    """How the object exceeds its limit; None if it does not, or if that is unknown."""
    found = _run(item, cache) if isinstance(item, Run) else _job(item, cache)
    return found if found is not None and found.excess(now) > 0 else None


def stuck_causes(found: Stuck, cache: ObjectCache) -> list[Cause]:
    """The known causes for which the object is stuck."""
    return stall_causes(found.item, cache) if isinstance(found.item, Run) else hang_causes(found.item, cache)


def _run(run: Run, cache: ObjectCache) -> Stuck | None:
    since = cache.without_job_since(run)
    if since is None:
        return None
    return Stuck(run, since, cache.thresholds.deadline_of(run), limit_is_set=True)


def _job(job: Job, cache: ObjectCache) -> Stuck | None:
    started = cache.started(job)
    if job.result or job.suspended or started is None or not cache.is_worker(job):
        return None
    limit, is_set = cache.max_runtime_of(job)
    return Stuck(job, started, limit, limit_is_set=is_set, silent_since=silent_since(job, cache))
