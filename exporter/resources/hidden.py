"""Logs each worker Pod that is not exposed, because a Job has the same name: its run appears to have no series."""

import logging

from exporter.cache import Job, ObjectCache

__all__ = ["HiddenPods"]

_log = logging.getLogger(__name__)


class HiddenPods:
    """Logs one line for each Pod, however often the Pod or the Job changes."""

    def __init__(self, cache: ObjectCache) -> None:
        self._cache = cache
        self._logged: set[str] = set()

    def added(self, job: Job) -> None:
        """Logs a Pod that is hidden after this Job or Pod was added or changed."""
        other = self._cache.namesake(job)
        pod = job if job.is_pod else other
        if other is None or pod is None or pod.uid in self._logged:
            return
        self._logged.add(pod.uid)
        extra = {"namespace": pod.namespace, "pod": pod.name, "run": pod.owner_name}
        _log.warning("Pod is not exposed: a Job has the same name", extra=extra)

    def deleted(self, job: Job) -> None:
        """Forgets a Pod that was deleted."""
        self._logged.discard(job.uid)
