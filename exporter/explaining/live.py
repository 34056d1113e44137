"""Reads what is needed to explain runs from the cluster: for one run, little more than its own objects."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from exporter.cache import CODERUNS, CONFIGMAPS, EVENTS, JOBS, PODS, Run
from exporter.config import Settings
from exporter.diagnosis.target import Target, found_in
from exporter.explaining.errors import ExplainError
from exporter.explaining.snapshot import Snapshot, TooManyError
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError, KubeError, NotFoundError
from exporter.kube.pages import PagedList

__all__ = ["read_all", "read_one"]

_PAGE = 500
_MOST_OBJECTS = 50
"""Jobs and Pods of one run whose Events are read."""


async def read_all(client: KubeClient, settings: Settings) -> Snapshot:
    """Everything, with concurrent requests. Raises ExplainError if no run can be read."""
    snapshot = Snapshot(settings)
    every = snapshot.informers
    errors = await asyncio.gather(*(_read(client, snapshot, informer) for informer in every))
    _check_runs(snapshot, dict(zip(every, errors, strict=True)))
    return snapshot


async def read_one(client: KubeClient, settings: Settings, target: Target) -> Snapshot:
    """One run: its Jobs by a list of the namespace, its Pods and Events by selectors. Raises ExplainError."""
    snapshot = await _runs(client, settings, target)
    cache = snapshot.cache(time.time())
    found = [run for run in cache.runs if target.is_(run.namespace, run.name)]
    namespace = found[0].namespace if found else target.namespace
    if namespace and not settings.namespaces:
        settings = msgspec.structs.replace(settings, namespaces=(namespace,))
        snapshot = await _runs(client, settings, target)
    jobs = [*snapshot.of(JOBS)]
    errors = await asyncio.gather(*(_read(client, snapshot, informer) for informer in jobs))
    for informer, error in zip(jobs, errors, strict=True):
        _note(snapshot, informer, error)
    owner = _owner_of(snapshot, target)
    if owner is not None:
        return await read_one(client, settings, owner)
    await _attached(client, snapshot, target)
    return snapshot


def _owner_of(snapshot: Snapshot, target: Target) -> Target | None:
    """The run of the Job of this name, if no run has this name."""
    cache = snapshot.cache(time.time())
    if any(target.is_(run.namespace, run.name) for run in cache.runs):
        return None
    jobs = (job for job in cache.jobs if target.is_(job.namespace, job.name) and job.owner_name)
    return next((Target(job.namespace, job.owner_name) for job in jobs if job.owner_name != target.name), None)


async def _runs(client: KubeClient, settings: Settings, target: Target) -> Snapshot:
    """The runs of this name; all runs of a kind if a controller has not processed it, because others may block it."""
    snapshot = Snapshot(settings)
    informers = [*snapshot.of(CODERUNS)]
    only = {"fieldSelector": f"metadata.name={target.name.rpartition('/')[2]}"}
    untouched = asyncio.Event()

    def keep(record: Any) -> None:
        if isinstance(record, Run) and record.untouched:
            untouched.set()

    errors = await asyncio.gather(
        *(_read(client, snapshot, informer, params=only, use=keep) for informer in informers)
    )
    _check_runs(snapshot, dict(zip(informers, errors, strict=True)))
    if untouched.is_set():
        await asyncio.gather(*(_read(client, snapshot, informer) for informer in informers))
    return snapshot


async def _attached(client: KubeClient, snapshot: Snapshot, target: Target) -> None:
    """The Pods of its Jobs, then the Events about run, Jobs and Pods; the ConfigMaps if it has no Job."""
    cache = snapshot.cache(time.time())
    items = found_in(cache, target)
    jobs = [job for one in items for job in (cache.jobs_of(one) if isinstance(one, Run) else [one])]
    newest = sorted(jobs, key=lambda job: job.created or 0.0)[-_MOST_OBJECTS:]
    pods = [*snapshot.of(PODS)]
    reads = [
        (informer, {"labelSelector": f"job-name={job.name}"})
        for informer in pods
        for job in newest
        if not job.is_pod and _covers(informer, job.namespace)
    ]
    if any(cache.lacks_job(one) for one in items if isinstance(one, Run)):
        reads += [(informer, {}) for informer in snapshot.of(CONFIGMAPS)]
    uids = [*(one.uid for one in items), *(job.uid for job in newest)]

    def keep(pod: Any) -> None:
        uids.append(pod.uid)

    await _each(client, snapshot, reads, keep)
    if not any(not job.is_pod for job in newest):
        snapshot.known[PODS] |= {informer.partition for informer in pods}
    found = [
        (informer, {"fieldSelector": f"type!=Normal,regarding.uid={uid}"})
        for informer in snapshot.of(EVENTS)
        for uid in dict.fromkeys(uids[: 2 * _MOST_OBJECTS])
    ]
    await _each(client, snapshot, found, None)


def _covers(informer: Informer, namespace: str) -> bool:
    return informer.watch.namespace in {None, namespace}


async def _each(
    client: KubeClient,
    snapshot: Snapshot,
    reads: list[tuple[Informer, dict[str, str]]],
    use: Callable[[Any], None] | None,
) -> None:
    errors = await asyncio.gather(
        *(_read(client, snapshot, informer, params=params, use=use) for informer, params in reads)
    )
    failed: dict[str, Informer] = {}
    for (informer, _), error in zip(reads, errors, strict=True):
        if error is not None and informer.partition not in failed:
            failed[informer.partition] = informer
            snapshot.known[informer.table].discard(informer.partition)
            _note(snapshot, informer, error)


async def _read(
    client: KubeClient,
    snapshot: Snapshot,
    informer: Informer,
    *,
    params: Mapping[str, str] | None = None,
    use: Callable[[Any], None] | None = None,
) -> KubeError | None:
    """Adds the objects of a list. Returns the error: then the partition is not known."""
    try:
        pages = PagedList(client, informer.path, {**informer.params, **(params or {})}, limit=_PAGE)
        async with aclosing(pages.batches()) as batches:
            async for batch in batches:
                for raw in batch:
                    record = snapshot.add(informer, raw)
                    if record is not None and use is not None:
                        use(record)
    except KubeError as error:
        return error
    except TooManyError:
        raise ExplainError("the cluster has too many objects: choose namespaces with --namespaces") from None
    snapshot.known[informer.table].add(informer.partition)
    return None


def _check_runs(snapshot: Snapshot, errors: Mapping[Informer, KubeError | None]) -> None:
    """Notes each failed list. Raises ExplainError if no run could be read."""
    runs = {informer: error for informer, error in errors.items() if informer.table == CODERUNS}
    if runs and all(runs.values()):
        informer, error = next(iter(runs.items()))
        raise ExplainError(f"{informer.resource}: {_words(informer, error)}")
    for informer, error in errors.items():
        if not (isinstance(error, NotFoundError) and informer.watch.custom):
            _note(snapshot, informer, error)


def _note(snapshot: Snapshot, informer: Informer, error: KubeError | None) -> None:
    if error is not None:
        snapshot.notes.append(f"{informer.resource} were not read: {_words(informer, error)}")


def _words(informer: Informer, error: KubeError | None) -> str:
    if isinstance(error, ForbiddenError):
        group = f".{informer.watch.group}" if informer.watch.group else ""
        where = f"namespace {informer.watch.namespace}" if informer.watch.namespace else "all namespaces"
        return f"not permitted: grant the verb list for {informer.watch.plural}{group} in {where} ({error})"
    return str(error)
