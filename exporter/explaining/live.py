"""Reads the objects that are needed to explain runs from the cluster. For one run, it reads few other objects."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from exporter.cache import CODERUNS, CONFIGMAPS, EVENTS, JOBS, PODS, WORKFLOWS, Job, Pod, Run
from exporter.config import Settings
from exporter.diagnosis.target import Target, found_in
from exporter.explaining.errors import ExplainError
from exporter.explaining.snapshot import Snapshot, TooManyError
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError, KubeError, NotFoundError
from exporter.kube.pages import PagedList

__all__ = ["read_all", "read_one"]

_PAGE_SIZE = 500
_MAX_JOBS = 50
"""Maximum number of Jobs of a run whose Pods and Events are read: the newest ones."""
_MAX_SINGLE_REQUESTS = 5
"""Maximum number of requests for single objects: the owners of a Job, or the Events about an object."""

_ListRequest = tuple[Informer, dict[str, str]]
"""A list, and its selectors as query parameters."""


async def read_all(client: KubeClient, settings: Settings) -> Snapshot:
    """Reads all lists, with concurrent requests. Raises ExplainError if no run can be read."""
    snapshot = Snapshot(settings)
    every = snapshot.informers
    errors = await asyncio.gather(*(_read(client, snapshot, informer) for informer in every))
    _check_runs(snapshot, dict(zip(every, errors, strict=True)))
    return snapshot


async def read_one(client: KubeClient, settings: Settings, target: Target) -> Snapshot:
    """Reads one run, the Jobs of its namespace, and its Pods and Events by selectors. Raises ExplainError."""
    snapshot = await _read_runs(client, Snapshot(settings), target.name)
    found = [run for run in snapshot.cache(time.time()).runs if target.is_(run.namespace, run.name)]
    namespace = found[0].namespace if found else target.namespace
    if namespace and not settings.namespaces:
        narrow = Snapshot(msgspec.structs.replace(settings, namespaces=(namespace,)))
        snapshot = await _read_runs(client, narrow, target.name)
    await _read_lists(client, snapshot, [(informer, {}) for informer in snapshot.of(JOBS)])
    if not found_in(snapshot.cache(time.time()), target):
        named = {"fieldSelector": f"metadata.name={target.name}"}
        await _read_lists(client, snapshot, [(informer, named) for informer in snapshot.of(PODS)], is_whole=False)
    for owner in _owners(snapshot, target):
        await _read_runs(client, snapshot, owner)
    await _read_attached(client, snapshot, target)
    return snapshot


def _owners(snapshot: Snapshot, target: Target) -> list[str]:
    """The names of the runs of Jobs or Pods with this name. The owners of runs are not read."""
    found = found_in(snapshot.cache(time.time()), target)
    return list(dict.fromkeys(one.owner_name for one in found if isinstance(one, Job) and one.owner_name))[
        :_MAX_SINGLE_REQUESTS
    ]


async def _read_runs(client: KubeClient, snapshot: Snapshot, name: str) -> Snapshot:
    """Reads the runs of this name. If no controller has processed one, reads all: another may block it."""
    informers = [*snapshot.of(CODERUNS)]
    only = {"fieldSelector": f"metadata.name={name.rpartition('/')[2]}"}
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


async def _read_attached(client: KubeClient, snapshot: Snapshot, target: Target) -> None:
    """Reads the Pods of the run's Jobs, and the Events about all of them; the ConfigMaps if the run has no Job."""
    cache = snapshot.cache(time.time())
    items = found_in(cache, target)
    jobs = [job for one in items for job in (cache.jobs_of(one) if isinstance(one, Run) else [one])]
    newest = sorted(jobs, key=lambda job: job.created or 0.0)[-_MAX_JOBS:]
    reads = _pod_reads(snapshot, [job for job in newest if not job.is_pod])
    if any(cache.lacks_job(one) for one in items if isinstance(one, Run)):
        reads += [(informer, {}) for informer in snapshot.of(CONFIGMAPS)]
    reads += _workflow_reads(snapshot, [one for one in items if isinstance(one, Run)])
    await _read_lists(client, snapshot, reads)
    cache = snapshot.cache(time.time())
    pods = [pod for job in newest for pod in cache.pods_of(job)]
    await _read_lists(client, snapshot, _event_reads(snapshot, [*items, *newest, *pods]))


def _pod_reads(snapshot: Snapshot, jobs: Sequence[Job]) -> list[_ListRequest]:
    """A list for each informer whose namespace contains one of these Jobs."""
    reads: list[_ListRequest] = []
    for informer in snapshot.of(PODS):
        names = dict.fromkeys(job.name for job in jobs if _covers(informer, job.namespace))
        reads += [(informer, {"labelSelector": f"job-name in ({','.join(names)})"})] if names else []
    return reads


def _workflow_reads(snapshot: Snapshot, runs: Sequence[Run]) -> list[_ListRequest]:
    """The workflows that own these runs, also if they have completed."""
    names = dict.fromkeys((run.namespace, run.workflow_owner) for run in runs if run.workflow_owner)
    return [
        (informer, {"fieldSelector": f"metadata.name={name}", "labelSelector": ""})
        for informer in snapshot.of(WORKFLOWS)
        for namespace, name in names
        if _covers(informer, namespace)
    ]


def _event_reads(snapshot: Snapshot, about: Sequence[Run | Job | Pod]) -> list[_ListRequest]:
    """A list of Events for each object, because a field selector has one UID; for many, one for each namespace."""
    uids, spaces = {one.uid for one in about}, {one.namespace for one in about}
    selectors = (
        [f"regarding.uid={uid}" for uid in sorted(uids)]
        if len(uids) <= _MAX_SINGLE_REQUESTS
        else [f"metadata.namespace={space}" for space in sorted(spaces)]
    )
    return [
        (informer, {"fieldSelector": f"type!=Normal,{selector}"})
        for informer in snapshot.of(EVENTS)
        for selector in selectors
        if not selector.startswith("metadata") or _covers(informer, selector.partition("=")[2])
    ]


def _covers(informer: Informer, namespace: str) -> bool:
    return informer.watch.namespace in {None, namespace}


async def _read_lists(
    client: KubeClient,
    snapshot: Snapshot,
    reads: Sequence[_ListRequest],
    *,
    is_whole: bool = True,
) -> None:
    """Reads these lists concurrently. Adds a note for each list that fails. `is_whole`: see `_read`."""
    errors = await asyncio.gather(
        *(_read(client, snapshot, informer, params=params, is_whole=is_whole) for informer, params in reads)
    )
    failed: dict[str, Informer] = {}
    for (informer, _), error in zip(reads, errors, strict=True):
        if error is not None and informer.partition not in failed:
            failed[informer.partition] = informer
            snapshot.known[informer.table].discard(informer.partition)
            _add_note(snapshot, informer, error)


async def _read(
    client: KubeClient,
    snapshot: Snapshot,
    informer: Informer,
    *,
    params: Mapping[str, str] | None = None,
    use: Callable[[Any], None] | None = None,
    is_whole: bool = True,
) -> KubeError | None:
    """Adds the objects of a list to the snapshot. Returns the error, if it fails.

    `is_whole`: the list contains all objects of its partition, which is known after it.
    """
    try:
        pages = PagedList(client, informer.path, {**informer.params, **(params or {})}, limit=_PAGE_SIZE)
        async with aclosing(pages.batches()) as batches:
            async for batch in batches:
                for raw in batch:
                    record = snapshot.add(informer, raw)
                    if record is not None and informer.table == PODS:
                        snapshot.claims.add(raw)
                    if record is not None and use is not None:
                        use(record)
    except KubeError as error:
        return error
    except TooManyError:
        raise ExplainError("the cluster has too many objects: choose namespaces with --namespaces") from None
    if is_whole:
        snapshot.known[informer.table].add(informer.partition)
    return None


def _check_runs(snapshot: Snapshot, errors: Mapping[Informer, KubeError | None]) -> None:
    """Notes each failed list. Raises ExplainError if no run could be read."""
    runs = {informer: error for informer, error in errors.items() if informer.table == CODERUNS}
    if runs and all(runs.values()):
        informer, error = next(iter(runs.items()))
        raise ExplainError(f"{informer.resource}: {_error_text(informer, error)}")
    for informer, error in errors.items():
        if not (isinstance(error, NotFoundError) and informer.watch.custom):
            _add_note(snapshot, informer, error)


def _add_note(snapshot: Snapshot, informer: Informer, error: KubeError | None) -> None:
    if error is not None:
        snapshot.is_partial |= informer.table in {CODERUNS, JOBS}
        note = f"{informer.resource} were not read: {_error_text(informer, error)}"
        snapshot.notes += [note] if note not in snapshot.notes else []


def _error_text(informer: Informer, error: KubeError | None) -> str:
    if isinstance(error, ForbiddenError):
        group = f".{informer.watch.group}" if informer.watch.group else ""
        where = f"namespace {informer.watch.namespace}" if informer.watch.namespace else "all namespaces"
        return f"not permitted: grant the verb list for {informer.watch.plural}{group} in {where} ({error})"
    return str(error)
