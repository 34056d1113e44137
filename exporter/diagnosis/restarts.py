"""Main containers that fail again and again, and are running right now: no state says so between two failures."""

from collections.abc import Iterator
from typing import Final

from exporter.cache import Job, ObjectCache, Pod
from exporter.diagnosis.container_words import probe_words, unread_words
from exporter.diagnosis.end_texts import with_end_fix
from exporter.diagnosis.finding import Finding, found, of_pod
from exporter.diagnosis.pod import few_findings

__all__ = ["restart_findings"]

_MIN_RESTARTS: Final = 3
_RECOVERY_SECONDS: Final = 600.0
"""The kubelet resets the back-off of a container that has run for this time after a restart."""


def restart_findings(job: Job, cache: ObjectCache) -> Iterator[Finding]:
    """The findings of an unfinished worker, as of the time of the cache: of containers that restarted recently."""
    if not job.result and not job.suspended:
        yield from few_findings(cache.pods_of(job), lambda pod: _of_pod(pod, cache))


def _of_pod(pod: Pod, cache: ObjectCache) -> Iterator[Finding]:
    for one in pod.containers if pod.state == "running" else ():
        is_failing = one.role == "main" and one.restarts >= _MIN_RESTARTS and one.last_exit_code
        if is_failing and one.state == "running" and cache.now - (one.since or 0.0) < _RECOVERY_SECONDS:
            last = f"last: {one.last_reason or 'Error'}, exit code {one.last_exit_code}{probe_words(pod, one, cache)}"
            text = f"container {one.name} has restarted {one.restarts} times; {last}{unread_words(one)}"
            yield with_end_fix(found("crash_loop", text, about=of_pod(pod, one.name), since=pod.started), one)
