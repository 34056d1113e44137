"""One request to the API server: time-outs, refusals and broken connections become our errors."""

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
from exporter.kube.errors import BrokenAnswerError, TooLargeError, UnauthorizedError, UnreachableError
from exporter.kube.lines import Lines
from exporter.kube.responses import error_of
from exporter.untrusted import one_line

__all__ = ["KubeClient"]

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_SETTLE_SECONDS = 1.0
_BUFFER = 1 << 18
_LONGEST_ERROR = 64 << 10
_LARGEST_REVIEW = 1 << 20


class KubeClient:
    """Requests with the present credentials; used as an async context manager.

    `budget` bounds what all answers together take of memory.
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
        # As many connections as there are watches: a pool's limit would let them wait for one another for ever.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),  # a cookie would be a second identity, by whoever stands in between
            read_bufsize=_BUFFER,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, most: int | None = None) -> bytes:
        """The body of a 200 answer, of at most so many bytes. Raises a KubeError."""
        async with self._request(path, params or {}, idle=_ANSWER_SECONDS) as response:
            return await self._body(response, path, most=most)

    async def review(self, path: str, review: bytes) -> bytes:
        """The API server's opinion, in JSON, on a review: these are POSTs, and leave nothing behind there.

        Raises a KubeError.
        """
        async with self._request(path, {}, idle=_ANSWER_SECONDS, review=review) as response:
            return await self._body(response, path, most=_LARGEST_REVIEW)

    async def pieces(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """Streams the body of a 200 response. Raises a KubeError, also if the body is truncated."""
        async with self._request(path, params, idle=_ANSWER_SECONDS) as response:
            async for piece in response.content.iter_any():
                yield piece

    async def lines(self, path: str, params: Mapping[str, str], *, idle: float) -> AsyncGenerator[list[bytes], None]:
        """The lines of a watch as they come, in batches.

        An empty batch says that it is accepted: it comes where nothing was sent for a second. What ends before was
        not accepted, or each try against a server that always does so would look like a recovery. An accepted watch
        that ends between two lines has ended, whatever ended it: the server, a load balancer that cuts idle
        connections, or `idle` seconds without a byte, as a half-open connection has. Any other end is a KubeError.
        """
        with self.budget.share(path) as share:
            async with self._request(path, params, idle=idle) as response:
                lines, accepted = Lines(share), False
                try:
                    first = await _first(response)
                    if accepted := first is None:
                        yield []
                    async for piece in _after(first or b"", response):
                        if (batch := lines.feed(piece)) is not None:
                            accepted = True
                            yield batch
                except (aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
                    if not (accepted and lines.at_boundary):
                        raise
                if not lines.at_boundary:
                    raise UnreachableError(f"the connection was cut in the middle of a line at {path}", code="cut")

    async def _body(self, response: aiohttp.ClientResponse, path: str, *, most: int | None) -> bytes:
        body = bytearray()
        with self.budget.share(path) as share:
            async for piece in response.content.iter_any():
                share.add(len(piece))
                body += piece
                if most is not None and len(body) > most:
                    raise TooLargeError(f"the response at {path} is larger than {most >> 20} MiB", code="too_large")
        return bytes(body)

    @contextlib.asynccontextmanager
    async def _request(
        self, path: str, params: Mapping[str, str], *, idle: float, review: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A 200 answer (of a review, 201) in JSON; a 401 is tried once more after the credentials were read again."""
        with _named(path):
            for last in (False, True):
                async with self._send(path, params, idle=idle, review=review) as (response, generation):
                    if response.status == (HTTPStatus.CREATED if review else HTTPStatus.OK) and _is_json(response):
                        _check_encoding(response, path)
                        yield response
                        return
                    error = error_of(response.status, response.headers, await _beginning(response), path=path)
                if last or not isinstance(error, UnauthorizedError):
                    raise error
                await self._credentials.renew(generation=generation)

    @contextlib.asynccontextmanager
    async def _send(
        self, path: str, params: Mapping[str, str], *, idle: float, review: bytes | None
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, int]]:
        """An answer, and the generation of the credentials that it is an answer to."""
        headers = self._headers | await self._credentials.headers()
        access = self._credentials.access  # after the headers, for which it may have been loaded again
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
            # Not aiohttp's own `trust_env`: it reads ~/.netrc too, and a password there refuses our token.
            proxy=access.proxy,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=idle),
        ) as response:
            yield response, access.generation


def _is_json(response: aiohttp.ClientResponse) -> bool:
    return response.content_type == "application/json"


def _check_encoding(response: aiohttp.ClientResponse, path: str) -> None:
    """Compression is not requested: a few kilobytes of it could become gigabytes here."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise BrokenAnswerError(
            f"the response at {path} is compressed ({one_line(encoding)}), which was not requested: "
            "is there a proxy in between?",
            code="encoding",
        )


async def _first(response: aiohttp.ClientResponse) -> bytes | None:
    """What comes within a second; None where nothing does, and empty where it ends."""
    limit = asyncio.timeout(_SETTLE_SECONDS)
    try:
        async with limit:
            return await response.content.readany()
    except TimeoutError:
        if not limit.expired():
            raise  # aiohttp's own: the server has been silent for longer than it may be
        return None


async def _after(first: bytes, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in response.content.iter_any():
        yield piece


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= _LONGEST_ERROR:
            break
    return bytes(body)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """The transport's many exceptions become UnreachableError, in words for whoever reads the log."""
    try:
        yield
    except TimeoutError as error:
        raise UnreachableError(f"silence: the API server sent nothing in time at {path}", code="timeout") from error
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
        # Never the library's own words: some hold the URL of the proxy, and that may hold a password.
        errno, status = getattr(error, "errno", None), getattr(error, "status", None)
        reason = os.strerror(errno) if errno else f"HTTP status {status}" if status else "no valid answer"
        words = f"the request failed at {path}: {reason} ({type(error).__name__})"
        raise UnreachableError(words, code="request") from None
