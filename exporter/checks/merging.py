"""Merges findings with the same cause, so that an unavailable API server is reported once and not for each list."""

from collections.abc import Sequence

from exporter.checks.finding import Finding
from exporter.kube.errors import KubeError, UnauthorizedError

__all__ = ["error_cause", "merge_findings"]


def error_cause(error: KubeError, *, path: str) -> str:
    """Why a request for this path failed, in a text that does not depend on the path."""
    text = str(error).replace(f" at {path}", "")
    return f"the credentials are not accepted: renew them ({text})" if isinstance(error, UnauthorizedError) else text


def merge_findings(findings: Sequence[Finding], *, subject: str) -> list[Finding]:
    """Merges findings with the same cause into one. `subject` is the API server."""
    groups: dict[str, list[Finding]] = {}
    for item in findings:
        if item.cause:
            groups.setdefault(item.cause, []).append(item)
    lines = []
    for item in findings:
        group = groups.get(item.cause, [item])
        if item is group[0]:
            lines.append(item if len(group) == 1 else _merged_group(group, subject))
    return lines


def _merged_group(group: Sequence[Finding], subject: str) -> Finding:
    areas = list(dict.fromkeys(item.area for item in group))
    if len(areas) == 1:
        (subject,), areas = areas, [item.subject.rpartition("/")[2] for item in group]
    first = group[0]
    return Finding(status=first.status, subject=subject, text=f"{first.cause}; not checked: {', '.join(areas)}")
