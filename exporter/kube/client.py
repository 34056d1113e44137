"""Requests to the API server. Timeouts, error responses and broken connections raise KubeErrors."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp

from exporter.kube.auth import Credentials
from exporter.kube.budget import Budget
from exporter.kube.errors import (
    InvalidResponseError,
    KubeError,
    NoContentError,
    TooLargeError,
    UnauthorizedError,
    UnreachableError,
)
from exporter.kube.lines import Lines
from exporter.kube.responses import error_from_response
from exporter.untrusted import one_line

__all__ = ["KubeClient"]

_CONNECT_TIMEOUT_SECONDS = 10.0
_RESPONSE_TIMEOUT_SECONDS = 60.0  # without data from the server
_ACCEPT_SECONDS = 1.0  # a watch that is open without an error after this time has been accepted
_BUFFER_BYTES = 1 << 18
_MAX_ERROR_BYTES = 64 << 10
_MAX_REVIEW_BYTES = 1 << 20
_JSON, _TEXT = "application/json", "text/plain"


class KubeClient:
    """Sends requests with the current credentials. An async context manager.

    `budget` limits the memory of all responses together.
    """

    def __init__(
        self, *, credentials: Credentials, budget: Budget | None = None, user_agent: str = "coderun-exporter"
    ) -> None:
        self.budget = budget or Budget()
        self._credentials = credentials
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }

    async def __aenter__(self) -> Self:
        # No limit: each watch needs a connection, and a pool with a limit would block some of them.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),  # a proxy's cookie would be a second identity
            read_bufsize=_BUFFER_BYTES,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, max_bytes: int | None = None) -> bytes:
        """The body of a 200 response, of at most `max_bytes` bytes. Raises a KubeError."""
        async with self._request(path, params or {}, idle=_RESPONSE_TIMEOUT_SECONDS) as response:
            return await self._body(response, path, max_bytes=max_bytes)

    async def review(self, path: str, review: bytes) -> bytes:
        """Sends a review (JSON) with POST and returns the response (JSON). The API server does not store reviews.

        Raises a KubeError.
        """
        async with self._request(path, {}, idle=_RESPONSE_TIMEOUT_SECONDS, review=review) as response:
            return await self._body(response, path, max_bytes=_MAX_REVIEW_BYTES)

    async def chunks(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """Streams the body of a 200 response. Raises a KubeError, also if the body is truncated."""
        async with self._request(path, params, idle=_RESPONSE_TIMEOUT_SECONDS) as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def log(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """Streams the text of a container's log. Raises a KubeError; the text of an error response is not read."""
        async with self._request(path, params, idle=_RESPONSE_TIMEOUT_SECONDS, is_log=True) as response:
            async for piece in response.content.iter_any():
                yield piece

    async def lines(self, path: str, params: Mapping[str, str], *, idle: float) -> AsyncGenerator[list[bytes], None]:
        """Yields the lines of a watch in batches, until it ends between two lines. Any other end raises a KubeError.

        The first batch means that the server has accepted the watch. It is empty if the server sends nothing for a
        second. A watch that ends earlier without data is a failure, so that a server that closes each watch does not
        appear healthy. After that, an end is normal: the server ends each watch, a load balancer closes the idle
        connection, or no byte arrives for `idle` seconds, as on a half-open connection.
        """
        with self.budget.share(path) as share:
            async with self._request(path, params, idle=idle) as response:
                lines, accepted = Lines(share), False
                try:
                    first = await _first(response)
                    if accepted := first is None:
                        yield []
                    async for chunk in _after(first or b"", response):
                        if (batch := lines.feed(chunk)) is not None:
                            accepted = True
                            yield batch
                except (aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
                    if not (accepted and lines.at_boundary):
                        raise
                if not lines.at_boundary:
                    raise UnreachableError(f"the connection was cut in the middle of a line at {path}", code="cut")

    async def _body(self, response: aiohttp.ClientResponse, path: str, *, max_bytes: int | None) -> bytes:
        body = bytearray()
        with self.budget.share(path) as share:
            async for chunk in response.content.iter_any():
                share.add(len(chunk))
                body += chunk
                if max_bytes is not None and len(body) > max_bytes:
                    raise TooLargeError(
                        f"the response at {path} is larger than {max_bytes >> 20} MiB", code="too_large"
                    )
        return bytes(body)

    @contextlib.asynccontextmanager
    async def _request(
        self, path: str, params: Mapping[str, str], *, idle: float, review: bytes | None = None, is_log: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A 200 response (201 for a review) in JSON, or a log. After a 401, renews credentials and retries once."""
        expected = (HTTPStatus.CREATED if review else HTTPStatus.OK, _TEXT if is_log else _JSON)
        with _transport_errors(path):
            for last in (False, True):
                async with self._send(path, params, idle=idle, review=review) as (response, generation):
                    if (response.status, response.content_type) == expected:
                        _check_encoding(response, path)
                        yield response
                        return
                    error = await _error(response, path, is_log=is_log)
                if last or not isinstance(error, UnauthorizedError):
                    raise error
                await self._credentials.renew(generation=generation)

    @contextlib.asynccontextmanager
    async def _send(
        self, path: str, params: Mapping[str, str], *, idle: float, review: bytes | None
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, int]]:
        """The response, and the generation of the credentials that were sent."""
        headers = self._headers | await self._credentials.headers()
        access = self._credentials.access  # after the headers, which may reload it
        if review:
            headers["Content-Type"] = "application/json"
        async with self._session.request(
            "POST" if review else "GET",
            access.server + path,
            data=review,
            params=params,
            headers=headers,
            ssl=access.ssl,
            server_hostname=access.server_hostname,
            # Not `trust_env` of aiohttp: it also reads ~/.netrc, and a password there conflicts with the token.
            proxy=access.proxy,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_SECONDS, sock_read=idle),
        ) as response:
            try:
                yield response, access.generation
            finally:
                _abort_unread(response)


def _abort_unread(response: aiohttp.ClientResponse) -> None:
    """Closes the connection at once unless the response has been read to its end.

    Otherwise, asyncio waits up to 30 s for the server to close TLS as well, and reads what it sends meanwhile.
    """
    transport = response.connection and response.connection.transport
    if transport:
        transport.abort()


async def _error(response: aiohttp.ClientResponse, path: str, *, is_log: bool) -> KubeError:
    """The error for a response. Of a log only the status counts: the body may have text of the container."""
    if not is_log:
        return error_from_response(response.status, response.headers, await _beginning(response), path=path)
    if response.status == HTTPStatus.NO_CONTENT:
        return NoContentError(f"204 at {path}: no content", code="204")
    return error_from_response(response.status, response.headers, b"", path=path)


def _check_encoding(response: aiohttp.ClientResponse, path: str) -> None:
    """Raises InvalidResponseError for a compressed response: a few kilobytes could expand to gigabytes."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise InvalidResponseError(
            f"the response at {path} is compressed ({one_line(encoding)}), which was not requested: "
            "is there a proxy in between?",
            code="encoding",
        )


async def _first(response: aiohttp.ClientResponse) -> bytes | None:
    """The first bytes; None if there are none within a second, empty if the response ends."""
    limit = asyncio.timeout(_ACCEPT_SECONDS)
    try:
        async with limit:
            return await response.content.readany()
    except TimeoutError:
        if not limit.expired():
            raise  # from aiohttp: no data for `idle` seconds
        return None


async def _after(first: bytes, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in response.content.iter_any():
        yield chunk


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= _MAX_ERROR_BYTES:
            break
    return bytes(body)


@contextlib.contextmanager
def _transport_errors(path: str) -> Iterator[None]:
    """Converts the exceptions of the transport to UnreachableError."""
    try:
        yield
    except TimeoutError as error:
        raise UnreachableError(f"timeout: no data from the API server at {path}", code="timeout") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise UnreachableError(
            f"the API server's certificate does not verify: {error.certificate_error}", code="tls"
        ) from error
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        fault = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        reason = (getattr(fault, "reason", None) or "no reason given").replace("_", " ").lower()
        raise UnreachableError(f"TLS with the API server failed: {reason}", code="tls") from error
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno or 0
        reason = os.strerror(number) if number > 0 else error.os_error.strerror or "unknown reason"
        raise UnreachableError(f"cannot connect to {error.host}:{error.port}: {reason}", code="connect") from error
    except aiohttp.ClientPayloadError as error:
        raise UnreachableError(f"the connection was cut in the middle of a response at {path}", code="cut") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Without the library's message: it may have the URL of the proxy, with a password.
        errno, status = getattr(error, "errno", None), getattr(error, "status", None)
        reason = os.strerror(errno) if errno else f"HTTP status {status}" if status else "invalid response"
        message = f"the request failed at {path}: {reason} ({type(error).__name__})"
        raise UnreachableError(message, code="request") from None
