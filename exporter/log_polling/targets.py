"""Which logs are read: those of the running main containers of unfinished Jobs and worker Pods.

The record `Job` is a Job of Kubernetes, or a Pod that works for a run without a Job.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from exporter.cache import RUNNING, Container, Job, ObjectCache, Pod

__all__ = ["Target", "is_ended", "running_containers", "targets"]

_SLICE = 200  # Jobs, before other tasks have a turn


class Target(NamedTuple):
    """A container whose log is read, not a scrape target. `job` is the UID of its Job.

    `key` is unique: a restarted container has another one.
    """

    key: str
    job: str
    pod_uid: str
    namespace: str
    pod: str
    container: str
    node: str
    cli: str
    started: float | None = None

    @property
    def path(self) -> str:
        """The URL path of its log."""
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/pods/{quote(self.pod, safe='')}/log"

    @property
    def place(self) -> tuple[str, str]:
        """The UID of the Pod and the name of the container: the same after each restart of the container."""
        return self.pod_uid, self.container


async def targets(cache: ObjectCache) -> dict[str, Target]:
    """The running containers by key. Other tasks have turns meanwhile."""
    found: dict[str, Target] = {}
    for number, job in enumerate(list(cache.unfinished.jobs)):
        if not number % _SLICE:
            await asyncio.sleep(0)
        if cache.is_worker(job) and not cache.is_hidden(job):
            found |= {one.key: one for one in _of_job(job, cache)}
    return found


def running_containers(job: Job, pods: Iterable[Pod], cli: str) -> list[Target]:
    """The running main containers in the Pods of a Job. `cli` is the CLI of its run, empty if it is unknown."""
    return [
        _target(job, pod, container, cli)
        for pod in pods
        if pod.phase in RUNNING
        for container in pod.containers
        if container.role == "main" and container.state == "running"
    ]


def _of_job(job: Job, cache: ObjectCache) -> list[Target]:
    run = cache.run_of(job)
    return running_containers(job, cache.pods_of(job), job.cli or (run.cli if run is not None else ""))


def _target(job: Job, pod: Pod, container: Container, cli: str) -> Target:
    return Target(
        key=f"{pod.uid}/{container.name}/{container.id or container.restarts}",
        job=job.uid,
        pod_uid=pod.uid,
        namespace=pod.namespace,
        pod=pod.name,
        container=container.name,
        node=pod.node,
        cli=cli,
        started=container.since,
    )


def is_ended(target: Target, cache: ObjectCache) -> bool:
    """Whether a container that `targets` no longer returns has ended. If Pods cannot be read, it may still run."""
    job = cache.jobs.get(target.job)
    return job is None or bool(job.result) or job.manual_selector or cache.pods_known(job)
