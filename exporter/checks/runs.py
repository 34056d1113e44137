"""Whether the runs of one kind can be read, under the names that the settings give it, and what they say."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Run
from exporter.checks.finding import HEALTHY, UNHEALTHY, Finding, Part
from exporter.checks.reading import Reading, read, unread, where
from exporter.checks.values import Values, ValuesOf, of_values
from exporter.informers import Informer
from exporter.kind_names import naming_fault
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.resources.kinds import RunKind

__all__ = ["check_runs"]


class Seen(NamedTuple):
    """What is kept of a run."""

    namespace: str
    agent: str
    values: Values | None


async def check_runs(
    client: KubeClient, kind: RunKind, informers: Sequence[Informer], *, others: Sequence[RunKind]
) -> Part:
    """Everything about one kind. `feeds` may hold those of other kinds. Discovery is concurrent with the lists."""
    values_of = ValuesOf(kind)

    def keep(run: Run, raw: msgspec.Raw) -> Seen:
        return Seen(run.namespace, run.agent, values_of(raw))

    fault, readings = await asyncio.gather(
        _fault(client, kind, others),
        asyncio.gather(*(read(client, informer, keep=keep) for informer in informers if _is_of(informer, kind))),
    )
    missing = [reading.error for reading in readings if reading.missing]
    if len(missing) == len(readings):
        scopes = [reading.informer.status.scope for reading in readings]
        return Part(findings=[_of_missing(kind, scopes, fault, missing[0])], namespaces=frozenset())
    seen = [run for reading in readings for run in reading.records.values()]
    findings = [] if not fault else [Finding(status=UNHEALTHY, subject=kind.resource, text=fault)]
    return Part(
        findings=[
            *findings,
            *map(_finding, readings),
            *of_values(kind.title, values_of, [run.values for run in seen]),
        ],
        namespaces=frozenset(run.namespace for run in seen),
        unread=unread(readings),
        agents=frozenset(run.agent for run in seen if run.agent),
        all=not any(reading.error for reading in readings),
    )


def _is_of(informer: Informer, kind: RunKind) -> bool:
    return informer.part.startswith(f"{kind.resource}/")


async def _fault(client: KubeClient, kind: RunKind, others: Sequence[RunKind]) -> str:
    """Empty also where discovery fails: the list gives the reason as well."""
    try:
        return await naming_fault(client, kind, others=others)
    except KubeError:
        return ""


def _finding(reading: Reading) -> Finding:
    subject = f"{reading.informer.status.resource} in {where(reading.informer.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area=reading.informer.status.resource)
    return reading.success(subject=subject, found=f", {len(reading.records) or 'none'} found")


def _of_missing(kind: RunKind, scopes: Sequence[str], fault: str, error: KubeError | None) -> Finding:
    """One finding, however many namespaces there are. Only the first kind is required."""
    subject = f"{kind.title} in {' and '.join(map(where, scopes))}"
    if not fault and not kind.main:
        return Finding(status=HEALTHY, subject=subject, text="no such resource; this kind is optional")
    text = f"no such resource: {fault or 'is its CRD installed?'} ({error})"
    return Finding(status=UNHEALTHY, subject=subject, text=text)
