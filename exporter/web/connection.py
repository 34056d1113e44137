"""HTTP connections of aiohttp, with a size limit for requests and one-line responses to malformed ones."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from aiohttp import web

from exporter.web.limits import Limits, Refusals

__all__ = ["Connection", "set_headers"]

# aiohttp logs each malformed request, so that any client could fill the log.
_quiet = logging.getLogger(f"{__name__}.aiohttp")
_quiet.setLevel(logging.CRITICAL + 1)


class Connection(web.RequestHandler):
    """A connection with `limits`."""

    def __init__(
        self, server: web.Server, *, limits: Limits, refusals: Refusals, lost: Callable[["Connection"], None]
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=_quiet,
            access_log=cast("logging.Logger", None),  # disables the access log
            keepalive_timeout=limits.idle_seconds,
            lingering_time=limits.linger_seconds,
            max_headers=limits.headers,
            auto_decompress=False,
        )
        self._limits = limits
        self._refusals = refusals
        self._read = 0
        self._lost = lost

    def data_received(self, data: bytes) -> None:
        """Limits the size of a request: aiohttp would accept headers of half a megabyte."""
        if not data:  # aiohttp calls it with no data to resume parsing
            super().data_received(data)
        elif (room := self._limits.request_bytes - self._read) > 0:
            super().data_received(data[:room])
        self._read += len(data)

    def responding(self) -> None:
        """Resets the size when a response begins, as the next request follows."""
        self._read = 0

    def connection_lost(self, exc: BaseException | None) -> None:
        """Calls `lost`."""
        self._lost(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Responds in one line, without the text of the request."""
        response = cast("web.Response", super().handle_error(request, status, exc, message))
        response.text = f"{status}: {HTTPStatus(status).phrase}\n"
        set_headers(response)
        if status == HTTPStatus.BAD_REQUEST:
            self._refusals.count("bad_request")
        return response


def set_headers(response: web.StreamResponse) -> None:
    """Sets the headers of every response. `Server` reveals no library and version."""
    response.headers["Server"] = "coderun-exporter"
    response.headers["X-Content-Type-Options"] = "nosniff"
