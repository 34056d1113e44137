"""Whether the Jobs of runs can be listed and watched."""

import asyncio
from collections.abc import Sequence

from exporter.checks.finding import Finding, Part
from exporter.checks.reading import Reading, read, unread, where
from exporter.kube.client import KubeClient
from exporter.plurals import plural
from exporter.sources import Feed

__all__ = ["check_jobs"]


async def check_jobs(client: KubeClient, feeds: Sequence[Feed]) -> Part:
    """A finding for each namespace, or for all at once."""
    readings = await asyncio.gather(*(read(client, feed, keep=lambda job: job.namespace) for feed in feeds))
    namespaces = frozenset(name for reading in readings for name in reading.records.values())
    return Part(findings=[_finding(reading) for reading in readings], namespaces=namespaces, unread=unread(readings))


def _finding(reading: Reading) -> Finding:
    subject = f"jobs in {where(reading.feed.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area="jobs")
    number = plural(len(reading.records), "agent Job") if reading.records else "no agent Jobs"
    return reading.success(subject=subject, found=f", {number} found")
