"""Workers that will soon reach a limit of their run time. This is no fault, but explains what will happen."""

import math
from collections.abc import Iterator
from typing import Final

from exporter.cache import Job, ObjectCache
from exporter.diagnosis.limits import DEFAULT_FACTOR
from exporter.durations import short

__all__ = ["time_left_notes"]

_PART: Final = 0.1
_SECONDS: Final = 600.0


def time_left_notes(job: Job, cache: ObjectCache) -> Iterator[str]:
    """A note for each limit of which less than a tenth is left, or less than 10 minutes and half of the limit.

    At spec.activeDeadlineSeconds, Kubernetes ends the worker. At the maximum run time, its alert fires.
    """
    started = cache.started(job)
    if job.result or job.suspended or started is None or not cache.is_worker(job):
        return
    maximum, is_set = cache.max_runtime_of(job)
    maximum *= 1 if is_set else DEFAULT_FACTOR
    for limit, name, then in (
        (job.deadline or math.inf, "activeDeadlineSeconds", "Kubernetes ends it"),
        (maximum, "maximum run time", "it counts as stuck"),
    ):
        age = cache.now - started
        if math.isfinite(limit) and 0 <= limit - age <= max(_PART * limit, min(_SECONDS, limit / 2)):
            text = f"{job.worker} {job.name} has run for {short(age)} of {short(limit)}, its {name}"
            yield f"{text}: in {short(limit - age)} {then}"
