"""Checks whether the required ConfigMaps exist and are complete."""

import asyncio
from collections.abc import Sequence

from exporter.cache import ConfigMap
from exporter.checks.finding import HEALTHY, CheckResult, Finding
from exporter.checks.health import configmap_findings
from exporter.checks.reading import ListResult, failed_namespaces, list_and_watch
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.resources.configmaps import unused
from exporter.resources.required import absent_configmaps

__all__ = ["check_configmaps"]


async def check_configmaps(client: KubeClient, informers: Sequence[Informer]) -> CheckResult:
    """A finding for each ConfigMap; one for the whole default set if the platform does not use it."""
    results = await asyncio.gather(
        *(list_and_watch(client, informer, summarize=lambda record, _: record) for informer in informers)
    )
    records = [record for result in results if not result.failed for record in _records(result)]
    unlisted = [result for result in results if result.verbs and not result.failed]
    namespaces = frozenset(record.namespace for record in records if record.exists)
    first = [_failed_finding(result) for result in results if result.failed]
    first += [result.success(subject=_subject(result), found="") for result in unlisted[:1]]
    if not namespaces and (text := unused([record for record in records if record.by_default])):
        found = [Finding(status=HEALTHY, subject="ConfigMaps", text=text)]
    else:
        found = configmap_findings(records)
    return CheckResult(findings=[*first, *found], namespaces=namespaces, failed_namespaces=failed_namespaces(results))


def _records(result: ListResult) -> list[ConfigMap]:
    """The records, sorted by name, including those of required ConfigMaps that do not exist."""
    found: dict[str, ConfigMap] = result.records
    found = found | absent_configmaps(result.informer.requirements, found)
    return [found[uid] for uid in sorted(found)]


def _failed_finding(result: ListResult) -> Finding:
    scope = result.informer.status.scope
    area = _subject(result)
    return result.finding(subject=f"ConfigMap {scope}" if "/" in scope else area, area=area)


def _subject(result: ListResult) -> str:
    return f"ConfigMaps in namespace {result.informer.status.scope.partition('/')[0]}"
