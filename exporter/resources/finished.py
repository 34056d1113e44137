"""One log line for each Job that finished: it says what became of a Job that is gone from the cluster."""

import logging

from exporter.cache import Job, Record

__all__ = ["log_finished"]

_log = logging.getLogger(__name__)


def log_finished(old: Record | None, new: Record | None) -> None:
    """One change, after the first list. What was finished by then is not logged: a restart logs nothing twice."""
    if isinstance(new, Job) and new.result and not (isinstance(old, Job) and old.result):
        _log.info(
            "%s finished",
            new.worker,
            extra=_whose(new) | {"result": new.result, "reason": new.reason} | _seconds(new),
        )
    elif new is None and isinstance(old, Job) and not old.result:
        _log.info("%s was deleted before its end was observed", old.worker, extra=_whose(old))


def _whose(job: Job) -> dict[str, object]:
    return {"namespace": job.namespace, "job": job.name, "run": job.owner_name}


def _seconds(job: Job) -> dict[str, object]:
    """From its start to its end, where both are known."""
    if job.started is None or job.finished is None:
        return {}
    return {"seconds": max(0, round(job.finished - job.started))}
