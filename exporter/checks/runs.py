"""Checks whether the runs of one kind can be listed and watched, the names of the kind, and its profile."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Run
from exporter.checks.finding import HEALTHY, UNHEALTHY, CheckResult, Finding
from exporter.checks.reading import ListResult, failed_namespaces, read, where
from exporter.checks.values import ValueReader, Values, value_findings
from exporter.informers import Informer
from exporter.kind_names import name_mismatch
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.resources.kinds import RunKind

__all__ = ["check_runs"]


class RunSummary(NamedTuple):
    """The fields of a run that the checks use."""

    namespace: str
    agent: str
    values: Values | None


async def check_runs(
    client: KubeClient, kind: RunKind, informers: Sequence[Informer], *, others: Sequence[RunKind]
) -> CheckResult:
    """All findings about one kind. `informers` may include other kinds. Discovery is concurrent with the lists."""
    values_of = ValueReader(kind)

    def summarize(run: Run, raw: msgspec.Raw) -> RunSummary:
        return RunSummary(run.namespace, run.agent, values_of(raw))

    fault, readings = await asyncio.gather(
        _fault(client, kind, others),
        asyncio.gather(
            *(read(client, informer, summarize=summarize) for informer in informers if _is_of(informer, kind))
        ),
    )
    missing = [reading.error for reading in readings if reading.missing]
    if len(missing) == len(readings):
        scopes = [reading.informer.status.scope for reading in readings]
        return CheckResult(findings=[_missing_finding(kind, scopes, fault, missing[0])], namespaces=frozenset())
    seen = [run for reading in readings for run in reading.records.values()]
    findings = [] if not fault else [Finding(status=UNHEALTHY, subject=kind.resource, text=fault)]
    return CheckResult(
        findings=[
            *findings,
            *map(_finding, readings),
            *value_findings(kind.title, values_of, [run.values for run in seen]),
        ],
        namespaces=frozenset(run.namespace for run in seen),
        unread=failed_namespaces(readings),
        agents=frozenset(run.agent for run in seen if run.agent),
        all=not any(reading.error for reading in readings),
    )


def _is_of(informer: Informer, kind: RunKind) -> bool:
    return informer.partition.startswith(f"{kind.resource}/")


async def _fault(client: KubeClient, kind: RunKind, others: Sequence[RunKind]) -> str:
    """An error in the names of the kind; empty if discovery fails, because the list reports that error."""
    try:
        return await name_mismatch(client, kind, others=others)
    except KubeError:
        return ""


def _finding(reading: ListResult) -> Finding:
    subject = f"{reading.informer.status.resource} in {where(reading.informer.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area=reading.informer.status.resource)
    return reading.success(subject=subject, found=f", {len(reading.records) or 'none'} found")


def _missing_finding(kind: RunKind, scopes: Sequence[str], fault: str, error: KubeError | None) -> Finding:
    """One finding for all namespaces. Only the first kind is required."""
    subject = f"{kind.title} in {' and '.join(map(where, scopes))}"
    if not fault and not kind.main:
        return Finding(status=HEALTHY, subject=subject, text="no such resource; this kind is optional")
    text = f"no such resource: {fault or 'is its CRD installed?'} ({error})"
    return Finding(status=UNHEALTHY, subject=subject, text=text)
