"""Checks whether the required ConfigMaps exist and are complete."""

import asyncio
from collections.abc import Sequence

from exporter.cache import ConfigMap
from exporter.checks.finding import HEALTHY, CheckResult, Finding
from exporter.checks.health import configmap_findings
from exporter.checks.reading import ListResult, failed_namespaces, read
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.resources.configmaps import unused
from exporter.resources.required import absent_configmaps

__all__ = ["check_configmaps"]


async def check_configmaps(client: KubeClient, informers: Sequence[Informer]) -> CheckResult:
    """A finding for each ConfigMap; one for the whole default set if the platform does not use it."""
    readings = await asyncio.gather(
        *(read(client, informer, summarize=lambda record, _: record) for informer in informers)
    )
    records = [record for reading in readings if not reading.failed for record in _records(reading)]
    unlisted = [reading for reading in readings if reading.verbs and not reading.failed]
    namespaces = frozenset(record.namespace for record in records if record.exists)
    first = [_failed_finding(reading) for reading in readings if reading.failed]
    first += [reading.success(subject=_subject(reading), found="") for reading in unlisted[:1]]
    if not namespaces and (text := unused([record for record in records if record.by_default])):
        found = [Finding(status=HEALTHY, subject="ConfigMaps", text=text)]
    else:
        found = configmap_findings(records)
    return CheckResult(findings=[*first, *found], namespaces=namespaces, unread=failed_namespaces(readings))


def _records(reading: ListResult) -> list[ConfigMap]:
    """The records, sorted by name, including those of required ConfigMaps that do not exist."""
    found: dict[str, ConfigMap] = reading.records
    found = found | absent_configmaps(reading.informer.places, found)
    return [found[uid] for uid in sorted(found)]


def _failed_finding(reading: ListResult) -> Finding:
    scope = reading.informer.status.scope
    area = _subject(reading)
    return reading.finding(subject=f"ConfigMap {scope}" if "/" in scope else area, area=area)


def _subject(reading: ListResult) -> str:
    return f"ConfigMaps in namespace {reading.informer.status.scope.partition('/')[0]}"
