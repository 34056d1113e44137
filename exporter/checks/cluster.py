"""Which cluster the findings are about."""

from collections.abc import Sequence

from exporter.checks.finding import NOTE, Finding
from exporter.checks.merging import merged
from exporter.kube.auth import Credentials

__all__ = ["about_cluster"]


def about_cluster(credentials: Credentials, findings: Sequence[Finding]) -> list[Finding]:
    """First its address, as far as it may be shown, and where that comes from."""
    subject = f"API server {credentials.access.address or '(address not shown)'}"
    first = Finding(status=NOTE, subject=subject, text=credentials.source)
    return [first, *merged(findings, subject=subject)]
