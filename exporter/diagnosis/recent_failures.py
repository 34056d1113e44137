"""Runs that failed within the last hours. `explain` lists them after the open runs."""

from typing import Final

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.explaining import is_over
from exporter.diagnosis.findings import FAULT, findings, verdict

__all__ = ["RECENT_HOURS", "failed_recently"]

RECENT_HOURS: Final = 6


def failed_recently(item: Run | Job, cache: ObjectCache) -> bool:
    """Whether a run that is over has a fault, and it or its last worker ended within the last hours."""
    if not is_over(item, cache):
        return False
    times = [item.finished]
    if isinstance(item, Run) and (newest := cache.newest_job(item)) is not None:
        times.append(newest.finished)
    ended = max((at for at in times if at is not None), default=item.created)
    return (
        ended is not None
        and cache.now - ended <= RECENT_HOURS * 3600
        and verdict(findings(item, cache), cache.now) == FAULT
    )
