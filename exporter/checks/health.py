"""The findings about required ConfigMaps, consistent with `configmap_health` and `configmap_problem`."""

from collections.abc import Sequence

import msgspec

from exporter.cache import CONFIGMAP_LIMIT, ConfigMap
from exporter.checks.finding import HEALTHY, NOTE, UNHEALTHY, Finding
from exporter.plurals import plural

__all__ = ["configmap_findings"]


def configmap_findings(records: Sequence[ConfigMap]) -> list[Finding]:
    """A finding for each record."""
    return [_finding(record) for record in records]


def _finding(record: ConfigMap) -> Finding:
    """Treats the ConfigMap as required: callers exclude a default set that is not used."""
    subject = f"ConfigMap {record.uid}"
    if problems := msgspec.structs.replace(record, required=True).problems:
        text = ", ".join(problem.replace("_", " ") + (f" {key!r}" if key else "") for problem, key in problems)
        return Finding(status=UNHEALTHY, subject=subject, text=text)
    text = f"{plural(record.keys, 'key')}, {plural(record.size, 'byte')}"
    if record.near_limit:
        return Finding(status=NOTE, subject=subject, text=f"{text}: near the limit of {CONFIGMAP_LIMIT} bytes")
    return Finding(status=HEALTHY, subject=subject, text=text)
