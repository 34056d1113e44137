"""Whether the Jobs of runs, and the Pods that work for them, can be listed and watched."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from exporter.checks.finding import Finding, Part
from exporter.checks.reading import Reading, read, unread, where
from exporter.cluster import Job
from exporter.kube.client import KubeClient
from exporter.plurals import plural
from exporter.sources import Feed

__all__ = ["check_workers"]

_WORDS = {"jobs": "agent Job", "pods": "Pod"}


class Seen(NamedTuple):
    """What is kept of a worker."""

    namespace: str
    agent: str


async def check_workers(client: KubeClient, feeds: Sequence[Feed]) -> Part:
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
    resource = reading.feed.resource
    subject = f"{resource} in {where(reading.feed.status.scope)}"
    if reading.failed:
        return reading.finding(subject=subject, area=resource)
    word = _WORDS[resource]
    number = plural(len(reading.records), word) if reading.records else f"no {word}s"
    return reading.success(subject=subject, found=f", {number} found")
