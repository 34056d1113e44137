"""The first state: streamed where the server can (WatchList, KEP-3157), else in pages.

A streamed list costs neither side a second copy of everything; a server that does not know it says 422 (400 in
some versions). Not `resourceVersion=0`: it ignores the limit on a warm cache.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.decode import page_of
from exporter.kube.errors import BrokenAnswerError, GoneError, RefusedRequestError
from exporter.reflector.source import Put, Snapshot, Source
from exporter.reflector.watching import InitialEnd, Watched, watch
from exporter.telemetry import ResourceStatus

__all__ = ["first_state"]

R = TypeVar("R")

_PAGE = 500


async def first_state(
    client: KubeClient, source: Source[R], status: ResourceStatus, *, idle: float
) -> AsyncGenerator[Snapshot[R] | list[Watched[R]], None]:
    """A snapshot, then the changes that follow it."""
    try:
        async with aclosing(_streamed(client, source, status, idle=idle)) as items:
            async for item in items:
                yield item
    except RefusedRequestError:
        snapshot = await _paged(client, source, status)
        yield snapshot
        params = {"resourceVersion": snapshot.version}
        async with aclosing(watch(client, source, status, params, idle=idle)) as batches:
            async for batch in batches:
                yield batch


async def _streamed(
    client: KubeClient, source: Source[R], status: ResourceStatus, *, idle: float
) -> AsyncGenerator[Snapshot[R] | list[Watched[R]], None]:
    params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    records: dict[str, R] | None = {}
    status.asked(verb="list")
    async with aclosing(watch(client, source, status, params, idle=idle)) as batches:
        async for batch in batches:
            if records is None:
                yield batch
                continue
            for index, change in enumerate(batch):
                if isinstance(change, InitialEnd):
                    yield Snapshot(records, change.version)
                    records = None
                    yield batch[index + 1 :]
                    break
                if isinstance(change, Put):
                    _keep(records, change, source)
    if records is not None:
        raise BrokenAnswerError(f"a list ended before it was whole at {source.path}", code="cut")


def _keep(records: dict[str, R], change: Put[R], source: Source[R]) -> None:
    if change.record is None:
        records.pop(change.uid, None)
    else:
        records[change.uid] = source.same(change.record)


async def _paged(client: KubeClient, source: Source[R], status: ResourceStatus) -> Snapshot[R]:
    """Pages of 500; begun again once if its version is compacted meanwhile, then read without pages.

    A list of 100,000 objects can outlast a short compaction interval for ever.
    """
    for limit in (_PAGE, _PAGE, 0):
        status.asked(verb="list")
        try:
            return await _pages(client, source, status, limit=limit)
        except GoneError as error:
            if not limit:
                raise
            status.gone(code=error.code)
    raise AssertionError


async def _pages(client: KubeClient, source: Source[R], status: ResourceStatus, *, limit: int) -> Snapshot[R]:
    records: dict[str, R] = {}
    token = ""
    while True:
        params = dict(source.params)
        if limit:
            params["limit"] = str(limit)
        if token:
            params["continue"] = token
        page = page_of(await client.get(source.path, params))
        for raw in page.items or ():
            decoded = source.decode(raw)
            if not decoded.whole:
                status.malformed()
            if decoded.uid and decoded.record is not None:
                records[decoded.uid] = source.same(decoded.record)
        token = page.metadata.continue_
        if not token:
            return Snapshot(records, page.metadata.resource_version)
