"""Checks one kind of run: its permissions, whether the API server serves its names, and whether its profile fits."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Run
from exporter.checks.finding import HEALTHY, UNHEALTHY, CheckResult, Finding
from exporter.checks.reading import ListResult, failed_namespaces, list_and_watch, where
from exporter.checks.values import ValueReader, Values, value_findings
from exporter.informers import Informer
from exporter.kind_names import name_mismatch
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.resources.kinds import RunKind

__all__ = ["check_runs"]


class RunSummary(NamedTuple):
    """The fields of a run that the checks use. `values`: the values that its profile reads."""

    namespace: str
    agent: str
    values: Values | None


async def check_runs(
    client: KubeClient, kind: RunKind, informers: Sequence[Informer], *, others: Sequence[RunKind]
) -> CheckResult:
    """All findings about one kind. `informers` may include other kinds. Discovery is concurrent with the lists."""
    read_values = ValueReader(kind)

    def summarize(run: Run, raw: msgspec.Raw) -> RunSummary:
        return RunSummary(run.namespace, run.agent, read_values(raw))

    mismatch, results = await asyncio.gather(
        _name_mismatch(client, kind, others),
        asyncio.gather(
            *(
                list_and_watch(client, informer, summarize=summarize)
                for informer in informers
                if _is_of(informer, kind)
            )
        ),
    )
    missing = [result.error for result in results if result.missing]
    if len(missing) == len(results):
        scopes = [result.informer.status.scope for result in results]
        return CheckResult(findings=[_missing_finding(kind, scopes, mismatch, missing[0])], namespaces=frozenset())
    seen = [run for result in results for run in result.records.values()]
    findings = [] if not mismatch else [Finding(status=UNHEALTHY, subject=kind.resource, text=mismatch)]
    return CheckResult(
        findings=[
            *findings,
            *map(_finding, results),
            *value_findings(kind.title, read_values, [run.values for run in seen]),
        ],
        namespaces=frozenset(run.namespace for run in seen),
        failed_namespaces=failed_namespaces(results),
        agents=frozenset(run.agent for run in seen if run.agent),
        complete=not any(result.error for result in results),
    )


def _is_of(informer: Informer, kind: RunKind) -> bool:
    return informer.partition.startswith(f"{kind.resource}/")


async def _name_mismatch(client: KubeClient, kind: RunKind, others: Sequence[RunKind]) -> str:
    """How names of the kind differ from discovery; empty if discovery fails, because the list reports that error."""
    try:
        return await name_mismatch(client, kind, others=others)
    except KubeError:
        return ""


def _finding(result: ListResult) -> Finding:
    subject = f"{result.informer.status.resource} in {where(result.informer.status.scope)}"
    if result.failed:
        return result.finding(subject=subject, area=result.informer.status.resource)
    return result.success(subject=subject, found=f", {len(result.records) or 'none'} found")


def _missing_finding(kind: RunKind, scopes: Sequence[str], mismatch: str, error: KubeError | None) -> Finding:
    """One finding for all namespaces. Only the first kind is required."""
    subject = f"{kind.title} in {' and '.join(map(where, scopes))}"
    if not mismatch and not kind.primary:
        return Finding(status=HEALTHY, subject=subject, text="no such resource; this kind is optional")
    text = f"no such resource: {mismatch or 'is its CRD installed?'} ({error})"
    return Finding(status=UNHEALTHY, subject=subject, text=text)
