"""Which cluster the findings are about."""

import re
from urllib.parse import urlsplit

from exporter.checks.finding import NOTE, Finding
from exporter.kube.auth import Credentials

__all__ = ["cluster"]

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


def cluster(credentials: Credentials) -> Finding:
    """Its address without anything that could be a secret, and where that comes from."""
    return Finding(status=NOTE, subject=f"API server {_host(credentials.access.server)}", text=credentials.source)


def _host(url: str) -> str:
    """Host and port only."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not _HOST.fullmatch(host):
        return "(address not shown)"
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"
