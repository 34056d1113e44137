"""Which logs are read: those of the running main containers of unfinished Jobs and worker Pods."""

import asyncio
from typing import NamedTuple
from urllib.parse import quote

from exporter.cache import RUNNING, Container, Job, ObjectCache, Pod

__all__ = ["Target", "is_ended", "targets"]

_SLICE = 200  # Jobs, before other tasks have a turn


class Target(NamedTuple):
    """A container. `key` is unique: a restarted container has another one. `job` is the UID of its Job."""

    key: str
    job: str
    pod_uid: str
    namespace: str
    pod: str
    container: str
    node: str
    cli: str

    @property
    def path(self) -> str:
        """The URL path of its log."""
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/pods/{quote(self.pod, safe='')}/log"

    @property
    def place(self) -> tuple[str, str]:
        """The container in its Pod, whichever its ID."""
        return self.pod_uid, self.container


async def targets(cache: ObjectCache) -> dict[str, Target]:
    """The running containers by key. Other tasks have turns meanwhile."""
    found: dict[str, Target] = {}
    for number, job in enumerate(list(cache.jobs)):
        if not number % _SLICE:
            await asyncio.sleep(0)
        if not job.result and cache.is_worker(job) and not cache.is_hidden(job):
            found |= {one.key: one for one in _of_job(job, cache)}
    return found


def _of_job(job: Job, cache: ObjectCache) -> list[Target]:
    run = cache.run_of(job)
    cli = job.cli or (run.cli if run is not None else "")
    return [
        _target(job, pod, container, cli)
        for pod in cache.pods_of(job)
        if pod.phase in RUNNING
        for container in pod.containers
        if container.role == "main" and container.state == "running"
    ]


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
    )


def is_ended(target: Target, cache: ObjectCache) -> bool:
    """Whether a container that does not run any more has ended. If Pods cannot be read, it may still run."""
    job = cache.jobs.get(target.job)
    return job is None or bool(job.result) or job.manual_selector or cache.pods_known(job)
