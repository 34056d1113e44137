"""Whether the Jobs of runs, and the Pods that work for them, can be listed and watched."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.cache import Job
from exporter.checks.finding import Finding, Part
from exporter.checks.reading import Reading, read, unread, where
from exporter.checks.values import Values, ValuesOf, of_values
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.plurals import plural
from exporter.resources.kinds import RunKind

__all__ = ["check_workers"]

_WORDS = {"jobs": "agent Job", "pods": "Pod"}


class Seen(NamedTuple):
    """What is kept of a worker."""

    namespace: str
    agent: str
    values: tuple[Values | None, ...]


async def check_workers(client: KubeClient, informers: Sequence[Informer], kinds: Sequence[RunKind]) -> Part:
    """A finding for each namespace, or for all at once; and those of `kinds`, whose runs are Jobs themselves."""
    of = [ValuesOf(kind) for kind in kinds]

    def keep(job: Job, raw: msgspec.Raw) -> Seen:
        return Seen(job.namespace, job.agent, tuple(values(raw) for values in of))

    readings = await asyncio.gather(*(read(client, informer, keep=keep) for informer in informers))
    seen = [job for reading in readings for job in reading.records.values()]
    return Part(
        findings=[
            *map(_finding, readings),
            *(
                finding
                for number, kind in enumerate(kinds)
                for finding in of_values(kind.title, of[number], [job.values[number] for job in seen])
            ),
        ],
        namespaces=frozenset(job.namespace for job in seen),
        unread=unread(readings),
        agents=frozenset(job.agent for job in seen if job.agent),
        all=not any(reading.error for reading in readings),
    )


def _finding(reading: Reading) -> Finding:
    resource = reading.informer.resource
    subject = f"{resource} in {where(reading.informer.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area=resource)
    word = _WORDS[resource]
    number = plural(len(reading.records), word) if reading.records else f"no {word}s"
    return reading.success(subject=subject, found=f", {number} found")
