"""Initial list: streamed (WatchList, KEP-3157) where the server supports it, otherwise paged.

Neither the server nor the exporter holds a streamed list in memory as a whole. A server that does not support it
responds with 422 (400 in some versions). Pages are not read with `resourceVersion=0`, because the watch cache then
ignores the limit.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.errors import BadRequestError, GoneError, InvalidResponseError, KubeError
from exporter.kube.pages import PagedList
from exporter.reflector.source import Snapshot, Source
from exporter.reflector.streaming import RECORD_BYTES, Streaming, read_streamed
from exporter.reflector.watching import WatchEvent, watch
from exporter.telemetry import ResourceStatus

__all__ = ["initial_list"]

R = TypeVar("R")

_PAGE_SIZE = 500
_MAX_NAMELESS = 1000  # objects without UID and name; with more, the response is not a list of Kubernetes objects
_STREAMED = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


async def initial_list(
    client: KubeClient, source: Source[R], status: ResourceStatus, *, idle: float, streaming: Streaming
) -> AsyncGenerator[Snapshot[R] | list[WatchEvent[R]], None]:
    """Yields a snapshot, then batches of the changes after it. Raises a KubeError."""
    if streaming.is_enabled():
        status.record_request(verb="list")
        async with aclosing(watch(client, source, status, _STREAMED, idle=idle)) as batches:
            found = await _read_stream(client, source, status, batches, streaming, idle=idle)
            if found is not None:
                status.record_list_mode(streamed=True)
                for item in found:
                    yield item
                async for batch in batches:
                    yield batch
                return
    try:
        snapshot = await _read_pages(client, source, status)
    except KubeError:
        streaming.reset()
        raise
    status.record_list_mode(streamed=False, reason=streaming.record_paged_list())
    yield snapshot
    params = {"resourceVersion": snapshot.version}
    async with aclosing(watch(client, source, status, params, idle=idle)) as batches:
        async for batch in batches:
            yield batch


async def _read_stream(
    client: KubeClient,
    source: Source[R],
    status: ResourceStatus,
    batches: AsyncGenerator[list[WatchEvent[R]], None],
    streaming: Streaming,
    *,
    idle: float,
) -> tuple[Snapshot[R], list[WatchEvent[R]]] | None:
    """The streamed list; None: read a paged list now. Raises a KubeError if streaming is to be tried once more."""
    try:
        with client.budget.share(source.path) as share:
            found = await read_streamed(batches, source, share, idle=idle)
    except BadRequestError:
        return None
    except KubeError as error:
        streaming.record_failure(error)
        if streaming.is_enabled():
            raise
        status.record_expired(code=error.code)
        return None
    streaming.reset()
    return found


async def _read_pages(client: KubeClient, source: Source[R], status: ResourceStatus) -> Snapshot[R]:
    """Reads pages of 500 objects. If the version expires (410), tries once more, then lists without a limit.

    A list of 100,000 objects can take longer than a short compaction interval every time.
    """
    for limit in (_PAGE_SIZE, _PAGE_SIZE, 0):
        status.record_request(verb="list")
        try:
            return await _pages(client, source, status, limit=limit)
        except GoneError as error:
            if not limit:
                raise
            status.record_expired(code=error.code)
    raise AssertionError


async def _pages(client: KubeClient, source: Source[R], status: ResourceStatus, *, limit: int) -> Snapshot[R]:
    records: dict[str, R] = {}
    nameless = 0
    listed = PagedList(client, source.path, source.params, limit=limit)
    with client.budget.share(source.path) as share:
        async with aclosing(listed.batches()) as batches:
            async for batch in batches:
                for raw in batch:
                    decoded = source.decode(raw)
                    if not decoded.is_valid:
                        status.record_malformed()
                    nameless += not decoded.uid
                    if nameless > _MAX_NAMELESS:
                        text = f"no list of Kubernetes objects at {source.path}: its items have no names"
                        raise InvalidResponseError(text, code="not_json")
                    if not decoded.uid or decoded.record is None:
                        continue
                    record = source.reuse_if_equal(decoded.record)
                    if record is decoded.record and decoded.uid not in records:
                        share.add(RECORD_BYTES)
                    records[decoded.uid] = record
    return Snapshot(records, listed.version)
