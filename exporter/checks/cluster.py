"""Which cluster the findings are about."""

from exporter.checks.finding import NOTE, Finding
from exporter.kube.auth import Credentials

__all__ = ["cluster"]


def cluster(credentials: Credentials) -> Finding:
    """Its address as far as it may be shown, and where that comes from."""
    address = credentials.access.address or "(address not shown)"
    return Finding(status=NOTE, subject=f"API server {address}", text=credentials.source)
