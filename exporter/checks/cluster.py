"""Identifies the cluster of the findings."""

from collections.abc import Sequence

from exporter.checks.finding import NOTE, Finding
from exporter.checks.merging import merge_findings
from exporter.kube.auth import Credentials

__all__ = ["about_cluster"]


def about_cluster(credentials: Credentials, findings: Sequence[Finding]) -> list[Finding]:
    """Prepends a note with the address of the API server and where it was configured, without credentials."""
    subject = f"API server {credentials.access.address or '(address not shown)'}"
    first = Finding(status=NOTE, subject=subject, text=credentials.source)
    return [first, *merge_findings(findings, subject=subject)]
