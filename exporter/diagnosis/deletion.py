"""Objects whose deletion was requested and that still exist."""

from collections.abc import Iterator

from exporter.cache import Job, Run
from exporter.diagnosis.finding import Finding, found, of_job, of_run

__all__ = ["deletion_findings"]


def deletion_findings(item: Run | Job) -> Iterator[Finding]:
    """The finding that a run or a Job is being deleted. The owner of its finalizer must remove the finalizer."""
    if item.deleted is None or (isinstance(item, Job) and item.is_pod):
        return
    kind, about = ("Job", of_job(item)) if isinstance(item, Job) else (item.kind, of_run(item))
    text = f"deletion of {kind} {item.name} was requested, and a finalizer keeps it"
    yield found("finalizer_stuck", text, about=about, since=item.deleted)
