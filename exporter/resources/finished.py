"""Logs each finished Job, so that its result is known after the Job is deleted from the cluster."""

import logging

from exporter.cache import Job, Record

__all__ = ["log_finished"]

_log = logging.getLogger(__name__)


def log_finished(old: Record | None, new: Record | None) -> None:
    """Logs a change after the initial list. Jobs that had finished before are not logged again after a restart."""
    if isinstance(new, Job) and new.result and not (isinstance(old, Job) and old.result):
        _log.info(
            "%s finished",
            new.worker,
            extra=_labels(new) | {"result": new.result, "reason": new.reason} | _duration(new),
        )
    elif new is None and isinstance(old, Job) and not old.result:
        _log.info("%s was deleted before its end was observed", old.worker, extra=_labels(old))


def _labels(job: Job) -> dict[str, object]:
    return {"namespace": job.namespace, "job": job.name, "run": job.owner_name}


def _duration(job: Job) -> dict[str, object]:
    """Duration from start to end, if both are known."""
    if job.started is None or job.finished is None:
        return {}
    return {"seconds": max(0, round(job.finished - job.started))}
