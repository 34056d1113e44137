"""Checks whether the Jobs and worker Pods of runs can be listed and watched."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Job
from exporter.checks.finding import CheckResult, Finding
from exporter.checks.reading import ListResult, failed_namespaces, list_and_watch, where
from exporter.checks.values import ValueReader, Values, value_findings
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.plurals import plural
from exporter.resources.kinds import RunKind

__all__ = ["check_workers"]

_NOUNS = {"jobs": "agent Job", "pods": "Pod"}


class WorkerSummary(NamedTuple):
    """The fields of a worker that the checks use."""

    namespace: str
    agent: str
    values: tuple[Values | None, ...]
    open: Job | None
    """Its record, unless it has finished."""


async def check_workers(client: KubeClient, informers: Sequence[Informer], kinds: Sequence[RunKind]) -> CheckResult:
    """A finding for each namespace, or one for all; and for the profiles of `kinds`, whose runs are Jobs."""
    readers = [ValueReader(kind) for kind in kinds]

    def summarize(job: Job, raw: msgspec.Raw) -> WorkerSummary:
        values = tuple(read_values(raw) for read_values in readers)
        return WorkerSummary(job.namespace, job.agent, values, None if job.result else job)

    results = await asyncio.gather(*(list_and_watch(client, informer, summarize=summarize) for informer in informers))
    seen = [job for result in results for job in result.records.values()]
    return CheckResult(
        findings=[
            *map(_finding, results),
            *(
                finding
                for number, kind in enumerate(kinds)
                for finding in value_findings(kind.title, readers[number], [job.values[number] for job in seen])
            ),
        ],
        namespaces=frozenset(job.namespace for job in seen),
        failed_namespaces=failed_namespaces(results),
        agents=frozenset(job.agent for job in seen if job.agent),
        complete=not any(result.error for result in results),
        jobs=[job.open for job in seen if job.open is not None],
    )


def _finding(result: ListResult) -> Finding:
    resource = result.informer.resource
    subject = f"{resource} in {where(result.informer.status.scope)}"
    if result.failed:
        return result.finding(subject=subject, area=resource)
    word = _NOUNS[resource]
    number = plural(len(result.records), word) if result.records else f"no {word}s"
    return result.success(subject=subject, found=f", {number} found")
