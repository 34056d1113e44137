"""Objects whose deletion was requested and that still exist."""

from collections.abc import Iterator

from exporter.cache import Run
from exporter.diagnosis.finding import Finding, found, of_run

__all__ = ["deletion_findings"]


def deletion_findings(run: Run) -> Iterator[Finding]:
    """A run that is being deleted: its controller must remove the finalizer."""
    if run.deleted is not None:
        text = f"deletion of {run.kind} {run.name} was requested, and a finalizer keeps it"
        yield found("finalizer_stuck", text, about=of_run(run), since=run.deleted)
