"""The never-ending task: an initial list, then changes, then again from where it broke off.

It never returns and never gives up; only cancellation ends it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from exporter.kube.client import KubeClient
from exporter.kube.discovery import other_versions
from exporter.kube.errors import (
    BrokenAnswerError,
    GoneError,
    KubeError,
    MissingError,
    RefusedRequestError,
    ServerError,
    UnreachableError,
)
from exporter.reflector.backoff import Backoff
from exporter.reflector.follower import Follower
from exporter.reflector.listing import initial_list
from exporter.reflector.source import Sink, Snapshot, Source
from exporter.reflector.streaming import Streaming
from exporter.reflector.watching import IDLE_SECONDS, Watched, watch
from exporter.telemetry import ResourceStatus

__all__ = ["reflect"]

R = TypeVar("R")

_SHORT_SECONDS = 1.0
_FAILURES = 2  # one may be an API server that is just starting, or just ending
_UNCONFIRMED_SECONDS = 300.0

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
    """Keeps `sink` equal to what the API server has at `source`, for ever.

    A connection on which nothing comes for `idle` seconds is given up.
    """
    reflector = _Reflector(client, source, sink, status, backoff, idle=idle, monotonic=monotonic)
    while True:
        await sleep(await reflector.once())


class _Reflector(Generic[R]):
    """What is remembered from one stream to the next."""

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
        self._confirmed = monotonic()  # when something last came that shows that the version is good
        self._interrupted = False  # whether a request has failed since then
        self._shorts = self._failures = self._repeated = self._expired = 0
        self._was = ""
        self._emptied = False  # whether the records are gone, because the resource is

    async def once(self) -> float:
        """One stream, until its end. Seconds to wait before the next."""
        begun = self._monotonic()
        follower = Follower(self._sink, self._status, self._version)
        try:
            try:
                await follower.follow(self._changes())
            finally:
                self._confirm(follower)
            return self._ended(follower, lasted=self._monotonic() - begun)
        except GoneError as error:
            self._expired = 0 if follower.confirmed else self._expired + 1
            if self._expired > _FAILURES:  # a list cannot be too old: this server is at fault
                await self._failed(error, follower)
            else:
                self._status.record_expired(code=error.code)
            self._version = ""
        except KubeError as error:
            await self._failed(error, follower)
            return self._backoff.next(at_least=error.retry_after)
        except Exception as error:  # noqa: BLE001 - see below
            # A fault of ours in one resource must not end the others: it is logged, counted, and tried from scratch.
            _log.exception("List or watch failed because of a bug in the exporter")
            self._status.record_failure(
                state="unreachable", code="bug", detail=f"{type(error).__name__} in the exporter: see its log"
            )
            self._sink.entered("unreachable")
            self._version = ""
        return self._backoff.next()

    def _changes(self) -> AsyncGenerator[Snapshot[R] | list[Watched[R]], None]:
        if self._version:
            params = {"resourceVersion": self._version}
            return watch(self._client, self._source, self._status, params, idle=self._idle)
        return initial_list(self._client, self._source, self._status, idle=self._idle, streaming=self._streaming)

    def _ended(self, follower: Follower[R], *, lasted: float) -> float:
        """An end between two lines is normal: servers end each watch, and load balancers cut idle connections.

        One right after the start is not, or it would be a busy loop. Raises UnreachableError for the second in a row.
        """
        self._version = follower.version
        if lasted < _SHORT_SECONDS and not follower.progressed:
            self._shorts += 1
            if self._shorts >= _FAILURES:
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
        """Whether the version may be one that the server will never go on from, and says nothing about.

        A server that was restored from a backup is silent about a version of its future.
        """
        limit = self._idle if self._interrupted else _UNCONFIRMED_SECONDS
        return self._monotonic() - self._confirmed >= limit

    def _confirm(self, follower: Follower[R]) -> None:
        if follower.confirmed:
            self._confirmed, self._interrupted = self._monotonic(), False
        if follower.progressed:
            self._backoff.reset()

    async def _failed(self, error: KubeError, follower: Follower[R]) -> None:
        self._interrupted = True
        self._repeated, self._was = self._repeated + 1 if error.state == self._was else 1, error.state
        # A server that has just started may know of no rights and no CRDs yet: its first refusal is no state.
        first = self._repeated < _FAILURES and self._status.state in {"unreachable", "watching"}
        state = self._status.state if first and error.state != "unreachable" else error.state
        missing = isinstance(error, MissingError)
        self._emptied = self._emptied and missing
        detail = str(error)
        if isinstance(error, MissingError) and error.by_api_server and self._source.is_custom_resource and not first:
            detail = await self._missing(detail)
        self._status.record_failure(state=state, code=error.code, detail=detail)
        self._sink.entered(state)
        # What comes back after a 404 is another CRD. And there are versions that a server will never go on
        # from: it refuses them, or cannot decode what follows.
        about_version = isinstance(error, BrokenAnswerError | RefusedRequestError | ServerError)
        self._failures = self._failures + 1 if about_version and not follower.progressed else 0
        self._version = "" if missing or self._failures >= _FAILURES else follower.version

    async def _missing(self, detail: str) -> str:
        """A CRD that is deleted took its objects along, seen or not. One that serves other versions did not."""
        _, _, group, version, *_, plural = self._source.path.split("/")
        try:
            versions = await other_versions(self._client, group=group, version=version, plural=plural)
        except KubeError:
            return detail
        if versions:
            return f"this version is not served, but {', '.join(versions)}: {detail}"
        if not self._emptied and self._repeated >= _FAILURES:
            await self._sink.replace({})
            self._status.count(0)
            self._emptied = True
        return detail
