"""Whether the Jobs of runs can be listed and watched."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from exporter.checks.finding import Finding, Part
from exporter.checks.reading import Reading, read, unread, where
from exporter.cluster import Job
from exporter.kube.client import KubeClient
from exporter.plurals import plural
from exporter.sources import Feed

__all__ = ["check_jobs"]


class Seen(NamedTuple):
    """What is kept of a Job."""

    namespace: str
    agent: str


async def check_jobs(client: KubeClient, feeds: Sequence[Feed]) -> Part:
    """A finding for each namespace, or for all at once."""
    readings = await asyncio.gather(*(read(client, feed, keep=_seen) for feed in feeds))
    seen = [job for reading in readings for job in reading.records.values()]
    return Part(
        findings=[_finding(reading) for reading in readings],
        namespaces=frozenset(job.namespace for job in seen),
        unread=unread(readings),
        agents=frozenset(job.agent for job in seen if job.agent),
        all=not any(reading.error for reading in readings),
    )


def _seen(job: Job) -> Seen:
    return Seen(job.namespace, job.agent)


def _finding(reading: Reading) -> Finding:
    subject = f"jobs in {where(reading.feed.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area="jobs")
    number = plural(len(reading.records), "agent Job") if reading.records else "no agent Jobs"
    return reading.success(subject=subject, found=f", {number} found")
