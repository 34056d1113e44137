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
from aiohttp.http_exceptions import ContentEncodingError

from exporter.kube.answers import error_of
from exporter.kube.auth import Credentials
from exporter.kube.errors import BrokenAnswerError, UnauthorizedError, UnreachableError
from exporter.kube.lines import split

__all__ = ["KubeClient"]

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_SETTLE_SECONDS = 1.0
_BUFFER = 1 << 20
_LONGEST_BODY = 512 << 20  # a list without pages of 100,000 objects of 4 kB is 400 MB
_LONGEST_ERROR = 64 << 10


class KubeClient:
    """Requests with the present credentials; used as an async context manager."""

    def __init__(self, *, credentials: Credentials, user_agent: str = "coderun-exporter") -> None:
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
            read_bufsize=_BUFFER,
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200 answer. Raises a KubeError."""
        async with self._request(path, params or {}, idle=_ANSWER_SECONDS) as response:
            return await _body(response, path)

    async def review(self, path: str, review: bytes) -> bytes:
        """The API server's opinion, in JSON, on a review: these are POSTs, and leave nothing behind there.

        Raises a KubeError.
        """
        async with self._request(path, {}, idle=_ANSWER_SECONDS, review=review) as response:
            return await _body(response, path)

    async def lines(self, path: str, params: Mapping[str, str], *, idle: float) -> AsyncGenerator[list[bytes], None]:
        """The lines of a watch as they come, in batches; it ends when the server ends it.

        An empty batch says that it is accepted: it comes where nothing was said for a second. What ends or is broken
        off before was not accepted, or each try against a server that always does so would look like a recovery.
        Raises a KubeError; `UnreachableError` after `idle` seconds without a byte: a half-open connection says
        nothing for ever.
        """
        async with self._request(path, params, idle=idle) as response:
            first = await _first(response)
            if first is None:
                yield []
            async with contextlib.aclosing(_after(first or b"", response)) as pieces:
                async for batch in split(pieces):
                    yield batch

    @contextlib.asynccontextmanager
    async def _request(
        self, path: str, params: Mapping[str, str], *, idle: float, review: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A 200 answer (of a review, 201) in JSON; a 401 is tried once more after the credentials were read again."""
        with _named(path):
            for last in (False, True):
                async with self._send(path, params, idle=idle, review=review) as (response, generation):
                    if response.status == (HTTPStatus.CREATED if review else HTTPStatus.OK) and _is_json(response):
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


async def _body(response: aiohttp.ClientResponse, path: str) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _LONGEST_BODY:
            raise BrokenAnswerError(f"an answer of over {_LONGEST_BODY >> 20} MiB at {path}", code="body")
    return bytes(body)


def _is_json(response: aiohttp.ClientResponse) -> bool:
    return response.content_type == "application/json"


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
        raise UnreachableError(f"TLS with the API server failed: {error}", code="tls") from error
    except aiohttp.ClientConnectorError as error:
        reason = os.strerror(number) if (number := error.os_error.errno or 0) > 0 else str(error.os_error)
        raise UnreachableError(f"cannot connect to {error.host}:{error.port}: {reason}", code="connect") from error
    except aiohttp.ClientPayloadError as error:
        if isinstance(error.__cause__, ContentEncodingError):
            raise BrokenAnswerError(
                f"the answer at {path} is not compressed as it says: is there a proxy in between?", code="encoding"
            ) from error
        raise UnreachableError(f"the connection was cut in the middle of an answer at {path}", code="cut") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Never the library's own words: some hold the URL of the proxy, and that may hold a password.
        errno, status = getattr(error, "errno", None), getattr(error, "status", None)
        reason = os.strerror(errno) if errno else f"HTTP status {status}" if status else "no valid answer"
        words = f"the request failed at {path}: {reason} ({type(error).__name__})"
        raise UnreachableError(words, code="request") from None
