"""Lists and watches one resource until it is cancelled: a list, then watches from the last resourceVersion."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.discovery import other_versions
from exporter.kube.errors import (
    BadRequestError,
    GoneError,
    InvalidResponseError,
    KubeError,
    NotFoundError,
    ServerError,
    UnreachableError,
)
from exporter.reflector.backoff import Backoff
from exporter.reflector.follower import Follower
from exporter.reflector.listing import initial_list
from exporter.reflector.source import Sink, Snapshot, Source
from exporter.reflector.streaming import Streaming
from exporter.reflector.watching import IDLE_SECONDS, WatchEvent, watch
from exporter.telemetry import ResourceStatus

__all__ = ["reflect"]

R = TypeVar("R")

_SHORT_SECONDS = 1.0  # a watch that ends earlier is very short
_MIN_FAILURES = 2  # a single failure may be an API server that starts or stops
_UNCONFIRMED_SECONDS = 300.0  # without an event or a bookmark, the version is not used again

_log = logging.getLogger(__name__)


async def reflect(
    *,
    client: KubeClient,
    source: Source[R],
    sink: Sink[R],
    status: ResourceStatus,
    backoff: Backoff,
    idle: float = IDLE_SECONDS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Keeps `sink` in sync with the objects of `source`. Never returns.

    A connection is closed after `idle` seconds without data.
    """
    reflector = _Reflector(client, source, sink, status, backoff, idle=idle, monotonic=monotonic)
    while True:
        await sleep(await reflector.once())


class _Reflector(Generic[R]):
    """Runs one stream at a time: an initial list or a watch. Stores the state between two streams."""

    def __init__(
        self,
        client: KubeClient,
        source: Source[R],
        sink: Sink[R],
        status: ResourceStatus,
        backoff: Backoff,
        *,
        idle: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._source = source
        self._sink = sink
        self._status = status
        self._backoff = backoff
        self._idle = idle
        self._monotonic = monotonic
        self._streaming = Streaming(monotonic=monotonic)
        self._version = ""
        self._confirmed = monotonic()  # when the version was last known to be valid
        self._interrupted = False  # whether a request has failed since then
        self._shorts = self._failures = self._repeated = self._expired = 0  # in a row
        self._failed_state = ""
        self._emptied = False  # whether the records were removed because the resource is missing

    async def once(self) -> float:
        """Runs one stream until it ends. Returns the delay before the next one, in seconds."""
        try:
            return await self._follow_once()
        except Exception as error:  # noqa: BLE001 - see below
            # A bug must not stop the other resources: it is logged and counted, and the resource is listed again.
            _log.exception("List or watch failed because of a bug in the exporter")
            self._status.record_failure(
                state="unreachable", code="bug", detail=f"{type(error).__name__} in the exporter: see its log"
            )
            self._sink.set_state("unreachable")
            self._version = ""
            return self._backoff.next()

    async def _follow_once(self) -> float:
        begun = self._monotonic()
        follower = Follower(self._sink, self._status, self._version)
        try:
            try:
                await follower.follow(self._changes())
            finally:
                self._confirm(follower)
            return self._delay_after_end(follower, lasted=self._monotonic() - begun)
        except GoneError as error:
            self._expired = 0 if follower.confirmed else self._expired + 1
            if self._expired > _MIN_FAILURES:  # a new list cannot be expired: this is a fault of the server
                await self._handle_failure(error, follower)
            else:
                self._status.record_expired(code=error.code)
            self._version = ""
            return self._backoff.next()
        except KubeError as error:
            await self._handle_failure(error, follower)
            return self._backoff.next(at_least=error.retry_after)

    def _changes(self) -> AsyncGenerator[Snapshot[R] | list[WatchEvent[R]], None]:
        if self._version:
            params = {"resourceVersion": self._version}
            return watch(self._client, self._source, self._status, params, idle=self._idle)
        return initial_list(self._client, self._source, self._status, idle=self._idle, streaming=self._streaming)

    def _delay_after_end(self, follower: Follower[R], *, lasted: float) -> float:
        """The delay after a stream that ended between two lines, in seconds.

        This is normal: servers end each watch, and load balancers close idle connections. Raises UnreachableError for
        the second very short watch in a row, so that the exporter does not reconnect in a busy loop.
        """
        self._version = follower.version
        if lasted < _SHORT_SECONDS and not follower.progressed:
            self._shorts += 1
            if self._shorts >= _MIN_FAILURES:
                text = f"very short watch at {self._source.path}: it ended within a second without an event"
                raise UnreachableError(text, code="short")
            return self._backoff.next()
        self._failures = self._repeated = self._shorts = 0
        if not follower.confirmed and self._is_unconfirmed():
            self._version = ""
        if lasted < _SHORT_SECONDS:
            return self._backoff.next()
        self._backoff.reset()
        return 0.0

    def _is_unconfirmed(self) -> bool:
        """Whether the version has been used for too long without an event or a bookmark.

        A server that was restored from a backup accepts a version that is newer than the backup, but sends no event.
        """
        limit = self._idle if self._interrupted else _UNCONFIRMED_SECONDS
        return self._monotonic() - self._confirmed >= limit

    def _confirm(self, follower: Follower[R]) -> None:
        if follower.confirmed:
            self._confirmed, self._interrupted = self._monotonic(), False
        if follower.progressed:
            self._backoff.reset()

    async def _handle_failure(self, error: KubeError, follower: Follower[R]) -> None:
        self._interrupted = True
        self._repeated = self._repeated + 1 if error.state == self._failed_state else 1
        self._failed_state = error.state
        # A server that has just started may not have loaded RBAC and CRDs: its first 403 or 404 changes no state.
        first = self._repeated < _MIN_FAILURES and self._status.state in {"unreachable", "watching"}
        state = self._status.state if first and error.state != "unreachable" else error.state
        missing = isinstance(error, NotFoundError)
        self._emptied = self._emptied and missing
        detail = str(error)
        if isinstance(error, NotFoundError) and error.by_api_server and self._source.is_custom_resource and not first:
            detail = await self._missing(detail)
        self._status.record_failure(state=state, code=error.code, detail=detail)
        self._sink.set_state(state)
        # A CRD that exists again after a 404 is a new one. Some versions fail on every attempt: the server rejects
        # them, or cannot decode the objects after them.
        about_version = isinstance(error, InvalidResponseError | BadRequestError | ServerError)
        self._failures = self._failures + 1 if about_version and not follower.progressed else 0
        self._version = "" if missing or self._failures >= _MIN_FAILURES else follower.version

    async def _missing(self, detail: str) -> str:
        """Removes the records if the CRD was deleted, as its objects are deleted with it. Returns the log detail.

        The objects still exist if the CRD serves other versions.
        """
        _, _, group, version, *_, plural = self._source.path.split("/")
        try:
            versions = await other_versions(self._client, group=group, version=version, plural=plural)
        except KubeError:
            return detail
        if versions:
            return f"this version is not served; served versions: {', '.join(versions)}: {detail}"
        if not self._emptied and self._repeated >= _MIN_FAILURES:
            await self._sink.replace({})
            self._status.count(0)
            self._emptied = True
        return detail
