"""The causes as labels of the `*_cause` metrics. Findings that depend on the current time are not included."""

from collections.abc import Iterable

from exporter.cache import Job, ObjectCache, Run
from exporter.diagnosis.cause import Cause
from exporter.diagnosis.causes import CAUSES
from exporter.diagnosis.failure import failure_findings
from exporter.diagnosis.finding import Finding
from exporter.diagnosis.stall import stall_findings
from exporter.diagnosis.worker import hang_findings

__all__ = ["failure_causes", "hang_causes", "stall_causes"]


def stall_causes(run: Run, cache: ObjectCache) -> list[Cause]:
    """Why an open run has no worker."""
    return _causes(stall_findings(run, cache))


def hang_causes(job: Job, cache: ObjectCache) -> list[Cause]:
    """Why a worker is unfinished."""
    return _causes(hang_findings(job, cache))


def failure_causes(run: Run, cache: ObjectCache) -> list[Cause]:
    """Why a run failed."""
    return _causes(failure_findings(run, cache))


def _causes(found: Iterable[Finding]) -> list[Cause]:
    """Removes duplicates, because truncated details may be equal."""
    exported = (one for one in found if CAUSES[one.cause].metric)
    return list(dict.fromkeys(Cause.of(one.cause, one.evidence) for one in exported))
