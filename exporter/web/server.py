"""The HTTP server: routes, listen addresses, and shutdown."""

import asyncio
import contextlib
import dataclasses
import errno
import functools
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.telemetry import Telemetry
from exporter.web.access import API, Access
from exporter.web.api import RunsApi
from exporter.web.connection import Connection, set_headers
from exporter.web.health import Health
from exporter.web.index import index
from exporter.web.limits import MIN_DESCRIPTORS, Limits, Refusals, descriptors
from exporter.web.listener import Listener
from exporter.web.metrics import Metrics
from exporter.web.overview import Overview
from exporter.web.reviews import Reviews
from exporter.web.scrapes import Scrapes
from exporter.web_config import WebFile

__all__ = ["Content", "ListenError", "check_path", "parse_address", "serve"]

_log = logging.getLogger(__name__)

# Scrapes in progress have twice this time to finish, because aiohttp waits for the response and then for its task.
# The exporter has to exit within a second after SIGTERM.
_STOP_SECONDS = 0.3
_BACKLOG = 256
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_LIVE = ("/livez", "/-/healthy")
_READY = ("/readyz", "/-/ready")


class ListenError(Exception):
    """The server cannot listen on an address, or serve a path. The message is one line."""


def parse_address(text: str) -> tuple[str | None, int]:
    """`:10911`, `127.0.0.1:10911` or `[::1]:10911` as host (None: all) and port. Raises ListenError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ListenError(f"{text!r} is not a listen address: use HOST:PORT, or :PORT for every interface")
    return host.strip("[]") or None, int(port)


def check_path(path: str) -> None:
    """Raises ListenError if the metrics cannot be served at this path."""
    if not _PATH.fullmatch(path):
        raise ListenError(f"{path!r} is not a metrics path: it must begin with / and contain only A-Za-z0-9._~-/")
    if path == API or path.startswith(f"{API}/"):
        raise ListenError(f"{path!r} is not a metrics path: it is a path of the API")
    if path in {*_LIVE, *_READY}:
        raise ListenError(f"{path!r} is not a metrics path: it is the path of a health check")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """The handlers of the metrics, the health checks, the status page and the API."""

    metrics: Metrics
    health: Health
    overview: Overview
    runs: RunsApi


@contextlib.asynccontextmanager
async def serve(
    *,
    content: Content,
    telemetry: Telemetry,
    addresses: Sequence[str],
    telemetry_path: str,
    limits: Limits,
    web_file: WebFile,
    reviews: Reviews | None = None,
) -> AsyncIterator[list[str]]:
    """Serves until the context exits; yields the base URLs. Raises ListenError."""
    if (limit := descriptors()) < MIN_DESCRIPTORS:
        raise ListenError(f"the limit of open files is {limit}: at least {MIN_DESCRIPTORS} are needed (ulimit -n)")
    refusals = Refusals(counter=telemetry.refused, clock=time.monotonic)
    access = Access(
        protection=web_file.now,
        reviews=reviews,
        refusals=refusals,
        open_paths={*_LIVE, *_READY},
        telemetry_path=telemetry_path,
    )
    listener = Listener(context=lambda: web_file.now().context, limits=limits, refusals=refusals)
    app = web.Application(middlewares=[access.guard, listener.track, _log_failures])
    scrapes = Scrapes(limits=limits, refusals=refusals)
    app.on_response_prepare.extend((_prepare, access.prepare, scrapes.begin))
    app.router.add_get(telemetry_path, scrapes.limited(content.metrics.scrape))
    app.router.add_get(API, scrapes.limited(content.runs.page))
    app.router.add_get(f"{API}/{{target:.+}}", scrapes.limited(content.runs.one))
    for path in _LIVE:
        app.router.add_get(path, content.health.live)
    for path in _READY:
        app.router.add_get(path, content.health.ready)
    if telemetry_path != "/":
        app.router.add_get(
            "/", index(health=content.health, overview=content.overview, telemetry_path=telemetry_path)
        )
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=_STOP_SECONDS, handler_cancellation=True)
    await runner.setup()
    server = cast("web.Server", runner.server)
    connection = functools.partial(Connection, server, limits=limits, refusals=refusals, lost=listener.lost)
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            sockets += await _bind(address)
        scheme = "https" if web_file.secure else "http"
        urls = [_url(one.getsockname(), scheme=scheme) for one in sockets]
        listener.start(sockets, connection)
        yield urls
    finally:
        await listener.stop()
        for one in sockets:
            one.close()
        scrapes.drop_slow()
        await runner.cleanup()
        listener.abort()


async def _prepare(request: web.Request, answer: web.StreamResponse) -> None:
    set_headers(answer)
    cast("Connection", request.protocol).responding()


@web.middleware
async def _log_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Logs exceptions of handlers. The logger of aiohttp is disabled, because it logs text from clients."""
    try:
        return await handler(request)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception:
        _log.exception("Failed to serve a request", extra={"path": request.path})
        raise


async def _bind(address: str) -> list[socket.socket]:
    host, port = parse_address(address)
    loop = asyncio.get_running_loop()
    try:
        bound = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
        sockets = [one.dup() for one in bound.sockets]
        bound.close()
        for one in sockets:
            one.setblocking(False)
            one.listen(_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "is another exporter running? Choose another with --web.listen-address"
            raise ListenError(f"cannot listen on {address}: the port is in use; {hint}") from error
        raise ListenError(f"cannot listen on {address}: {error.strerror or error}") from error
    except UnicodeError as error:  # from IDNA
        raise ListenError(f"cannot listen on {address}: {host!r} is not a host name") from error
    return sockets


def _url(address: tuple[str, int], *, scheme: str = "http") -> str:
    host, port = address[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
