"""Reads one list and its watch with the code and the parameters of `run`."""

import asyncio
import contextlib
import dataclasses
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from exporter.checks.finding import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.merging import error_cause
from exporter.informers import Informer
from exporter.kube.client import KubeClient
from exporter.kube.errors import (
    ForbiddenError,
    InvalidResponseError,
    KubeError,
    NotFoundError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from exporter.reflector import IDLE_SECONDS, Decoded, Snapshot, Source
from exporter.reflector.listing import initial_list
from exporter.reflector.streaming import Streaming

__all__ = ["ListResult", "failed_namespaces", "list_and_watch", "where"]

_LIST_TIMEOUT_SECONDS = 120.0
"""Time-out of one list in seconds, including the fallback from a streamed list to pages."""
_ATTEMPTS = 3
_VERB = re.compile(r"cannot (list|watch) resource")
_NAMED = re.compile(
    r'(?<=configmaps) "[^" ]*"(?= is forbidden)'
)  # removed, so that the errors about several ConfigMaps are equal


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListResult:
    """The records of a list (`listed`; None: it failed), and the error of the list or of its watch.

    `verbs` are the missing RBAC verbs. `list` may be missing although the list was streamed: only pages need it.
    """

    informer: Informer
    listed: dict[str, Any] | None
    error: KubeError | None = None
    verbs: tuple[str, ...] = ()

    @property
    def records(self) -> dict[str, Any]:
        """The records of the list."""
        return self.listed or {}

    @property
    def failed(self) -> bool:
        """Whether the list or its watch failed."""
        return self.error is not None

    @property
    def missing(self) -> bool:
        """Whether the API server does not serve the resource. The 404 of a proxy does not count."""
        return isinstance(self.error, NotFoundError) and self.error.by_api_server

    def success(self, *, subject: str, found: str) -> Finding:
        """The finding of a successful list and watch. `found` starts with a comma."""
        if self.verbs:
            text = f"can be watched{found}; grant the verb list as well: without streamed lists nothing can be read"
            return Finding(status=NOTE, subject=subject, text=text)
        return Finding(status=HEALTHY, subject=subject, text=f"can be listed and watched{found}")

    def finding(self, *, subject: str, area: str) -> Finding:
        """The finding of a failed list or watch."""
        if self.error is None:
            raise AssertionError
        text, cause = str(self.error), error_cause(self.error, path=self.informer.path)
        match self.error:
            case ForbiddenError():
                named = f"grant the verb{'s' * (len(self.verbs) > 1)} {' and '.join(self.verbs)}"
                text = f"not permitted: {named} ({text})"
                cause = _NAMED.sub("", text)
            case UnauthorizedError():
                text = cause
            case _:
                text = f"cannot be {'listed' if self.listed is None else 'watched'}: {text}"
        status = UNHEALTHY if self.missing else UNKNOWN
        return Finding(status=status, subject=subject, text=text, cause="" if self.missing else cause, area=area)


def failed_namespaces(results: Sequence[ListResult]) -> frozenset[str]:
    """The namespaces in which a list failed: their objects are unknown."""
    return frozenset(result.informer.status.scope.partition("/")[0] for result in results if result.listed is None)


def where(scope: str) -> str:
    """Describes a scope: a namespace or all, with the label selector if there is one."""
    namespace, _, selector = scope.partition("/")
    words = "all namespaces" if namespace == "*" else f"namespace {namespace}"
    return f"{words}, selected by {selector}" if selector else words


async def list_and_watch(
    client: KubeClient, informer: Informer, *, summarize: Callable[[Any, msgspec.Raw], Any]
) -> ListResult:
    """Lists and waits until the watch is accepted. `summarize(record, raw)` is stored for each object."""

    def decode(raw: msgspec.Raw) -> Decoded[Any]:
        decoded = informer.decode(raw)
        return decoded if decoded.record is None else decoded._replace(record=summarize(decoded.record, raw))

    source = Source[Any](path=informer.path, params=informer.params, decode=decode)
    streaming = Streaming(monotonic=time.monotonic)
    attempt = _Attempt()
    error: KubeError | None = None
    try:
        async with _within(_LIST_TIMEOUT_SECONDS, informer.path):
            for _ in range(_ATTEMPTS):
                items = initial_list(client, source, informer.status, idle=IDLE_SECONDS, streaming=streaming)
                if (error := await attempt.follow(items)) is None or not _may_be_transient(error):
                    break
    except UnreachableError as timed_out:
        error = timed_out
    verbs: tuple[str, ...] = ()
    if isinstance(error, ForbiddenError):
        verbs = await _missing(client, informer, error)
    elif error is None and await _is_list_forbidden(client, informer):
        verbs = ("list",)
    return ListResult(informer=informer, listed=attempt.listed, error=error, verbs=verbs)


class _Attempt:
    """Stores the records of a list even if the watch fails afterwards."""

    def __init__(self) -> None:
        self.listed: dict[str, Any] | None = None

    async def follow(self, items: AsyncGenerator[Any, None]) -> KubeError | None:
        """Follows until the watch is accepted. Returns the error, if any."""
        try:
            async with aclosing(items):
                async for item in items:
                    if not isinstance(item, Snapshot):
                        break
                    self.listed = item.records
        except KubeError as error:
            return error
        return None


def _may_be_transient(error: KubeError) -> bool:
    """Whether `run` retries after this error. It reads pages after a streamed list has failed twice."""
    return isinstance(error, InvalidResponseError | ServerError) or error.code == "cut"


async def _missing(client: KubeClient, informer: Informer, error: ForbiddenError) -> tuple[str, ...]:
    """The missing verbs. The error names the verb of one request; streamed lists need `watch`, pages need both."""
    match = _VERB.search(str(error))
    if match and match[1] == "list":
        return ("list",)
    return ("list", "watch") if await _is_list_forbidden(client, informer) else ("watch",)


async def _is_list_forbidden(client: KubeClient, informer: Informer) -> bool:
    try:
        await client.get(informer.path, {**informer.params, "limit": "1"})
    except ForbiddenError:
        return True
    except KubeError:
        pass
    return False


@contextlib.asynccontextmanager
async def _within(seconds: float, path: str) -> Any:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        text = f"the API server did not complete the list within {seconds:.0f} s at {path}"
        raise UnreachableError(text, code="timeout") from error
