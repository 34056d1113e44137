"""Runs between two attempts: the Job of the last one is gone, and the controller has not created the next one yet.

The controller deletes the Job, raises the number of the attempt, and creates the next Job within seconds. Meanwhile
the status names the old Job.
"""

import re
from collections.abc import Iterator
from typing import Final

from exporter.cache import ObjectCache, Run
from exporter.diagnosis.finding import Finding, found, of_run
from exporter.diagnosis.gone import events_of_gone

__all__ = ["as_between_attempts", "last_seen"]

_VERSION: Final = re.compile(r".*-v([0-9]{1,9})")
"""How the platform names the Job of an attempt."""


def last_seen(run: Run, cache: ObjectCache) -> float | None:
    """The newest time at which the missing Job of a run may still have existed; None if nothing shows it.

    The Events about that Job and its pods, and the change of the spec that begins an attempt.
    """
    times = [event.last for event in events_of_gone(run.uid, cache)]
    times += [run.spec_changed] if _is_ahead(run) else []
    return max((at for at in times if at is not None), default=None)


def as_between_attempts(run: Run, findings: list[Finding]) -> Iterator[Finding]:
    """The same findings; `job_missing` since an unknown time becomes `between_attempts` if the run is between two."""
    for one in findings:
        if one.cause == "job_missing" and one.since is None and _is_ahead(run):
            text = f"attempt {run.attempt} has no {run.worker} yet, and {run.worker} {run.status_job} is gone"
            yield found("between_attempts", f"{text}; since when is unknown", about=of_run(run))
        else:
            yield one


def _is_ahead(run: Run) -> bool:
    """Whether the attempt of the run is newer than the Job that its status names."""
    match = _VERSION.fullmatch(run.status_job)
    return match is not None and run.attempt > int(match[1])
