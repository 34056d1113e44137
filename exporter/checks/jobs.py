"""Whether the Jobs of runs can be listed and watched."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from exporter.checks.finding import Finding, Part
from exporter.checks.reading import Reading, read, unread, where
from exporter.checks.values import Values, ValuesOf, of_values
from exporter.cluster import Job
from exporter.kube.client import KubeClient
from exporter.plurals import plural
from exporter.resources.kinds import RunKind
from exporter.sources import Feed

__all__ = ["check_jobs"]


class Seen(NamedTuple):
    """What is kept of a Job."""

    namespace: str
    agent: str
    values: tuple[Values | None, ...]


async def check_jobs(client: KubeClient, feeds: Sequence[Feed], kinds: Sequence[RunKind]) -> Part:
    """A finding for each namespace, or for all at once; and those of `kinds`, whose runs are Jobs themselves."""
    of = [ValuesOf(kind) for kind in kinds]

    def keep(job: Job, raw: msgspec.Raw) -> Seen:
        return Seen(job.namespace, job.agent, tuple(values(raw) for values in of))

    readings = await asyncio.gather(*(read(client, feed, keep=keep) for feed in feeds))
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
    subject = f"jobs in {where(reading.feed.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area="jobs")
    number = plural(len(reading.records), "agent Job") if reading.records else "no agent Jobs"
    return reading.success(subject=subject, found=f", {number} found")
