"""The HTTP server: which path leads where, on which addresses it listens, how it stops."""

import asyncio
import contextlib
import errno
import functools
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.telemetry import Telemetry
from exporter.web.access import Access
from exporter.web.connections import Connection, Connections, disguise
from exporter.web.handshake import SecureConnection
from exporter.web.health import Health
from exporter.web.index import index
from exporter.web.limits import Limits, Refusals
from exporter.web.metrics import Metrics
from exporter.web.protection import WebFile
from exporter.web.reviews import Reviews
from exporter.web.scrapes import Scrapes

__all__ = ["ListenError", "check_path", "parse_address", "serve"]

_log = logging.getLogger(__name__)

# Open scrapes are given twice this long to finish (aiohttp waits for the answer, then for the task), and a SIGTERM
# is to end the exporter within a second.
_STOP_SECONDS = 0.3
_STALLED_SECONDS = 0.1  # who has taken nothing for so long is not waited for
# As many are taken in at once: far fewer than all connections, so that one that is good is looked at before those
# behind it can throw it out.
_BACKLOG = 100
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_LIVE = ("/livez", "/-/healthy")
_READY = ("/readyz", "/-/ready")


class ListenError(Exception):
    """An address that cannot be listened on, in one line."""


def parse_address(text: str) -> tuple[str | None, int]:
    """`:10911`, `127.0.0.1:10911` or `[::1]:10911` as host (None: all) and port. Raises ListenError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ListenError(f"{text!r} is not an address to listen on: write HOST:PORT, or :PORT for every interface")
    return host.strip("[]") or None, int(port)


def check_path(path: str) -> None:
    """Raises ListenError where the metrics cannot be served at this path."""
    if not _PATH.fullmatch(path):
        raise ListenError(f"{path!r} is not a path for the metrics: it begins with / and holds A-Z a-z 0-9 . _ ~ - /")
    if path in {*_LIVE, *_READY}:
        raise ListenError(f"{path!r} is not a path for the metrics: it is that of a health check")


@contextlib.asynccontextmanager
async def serve(
    *,
    metrics: Metrics,
    health: Health,
    telemetry: Telemetry,
    addresses: Sequence[str],
    telemetry_path: str,
    limits: Limits,
    web_file: WebFile,
    reviews: Reviews | None = None,
) -> AsyncIterator[list[str]]:
    """Serves while the context lasts; gives the base URLs. Raises ListenError."""
    refusals = Refusals(counter=telemetry.refused, clock=time.monotonic)
    connections = Connections(limits=limits, refusals=refusals)
    access = Access(protection=web_file.now, reviews=reviews, refusals=refusals, open_paths={*_LIVE, *_READY})
    app = web.Application(middlewares=[_timed, access.guard, _told])
    app.on_response_prepare.extend((_prepare, access.prepare))
    app.router.add_get(telemetry_path, Scrapes(scrape=metrics.scrape, connections=connections).scrape)
    for path in _LIVE:
        app.router.add_get(path, health.live)
    for path in _READY:
        app.router.add_get(path, health.ready)
    if telemetry_path != "/":
        app.router.add_get("/", index(health=health, telemetry_path=telemetry_path))
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    server = cast("web.Server", runner.server)
    factory: Callable[[], Connection] = functools.partial(Connection, server, connections=connections)
    if web_file.secure:
        factory = functools.partial(SecureConnection, server, connections=connections, protection=web_file.now)
    listeners: list[asyncio.Server] = []
    try:
        for address in addresses:
            listener = await _listen(factory, address)
            listeners.append(listener)
        connections.start()
        scheme = "https" if web_file.secure else "http"
        sockets = [socket for listener in listeners for socket in listener.sockets]
        yield [_url(socket.getsockname(), scheme=scheme) for socket in sockets]
    finally:
        for listener in listeners:
            listener.close()
        connections.drop_stalled(seconds=_STALLED_SECONDS)
        await runner.cleanup()
        connections.stop()


@web.middleware
async def _timed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What is written after this is small: our answers are, and what a handler raises."""
    connection = cast("Connection", request.protocol)
    connection.begun()
    try:
        return await handler(request)
    finally:
        connection.ended()


async def _prepare(_: web.Request, answer: web.StreamResponse) -> None:
    disguise(answer)


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Our mistakes are told here: aiohttp's own logger is off, for it tells of every client that sends garbage."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:
        _log.exception("a request failed", extra={"path": request.path})
        raise


async def _listen(factory: Callable[[], Connection], address: str) -> asyncio.Server:
    host, port = parse_address(address)
    try:
        return await asyncio.get_running_loop().create_server(factory, host, port, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "is another exporter running? Choose another with --web.listen-address"
            raise ListenError(f"cannot listen on {address}: the port is in use; {hint}") from error
        raise ListenError(f"cannot listen on {address}: {error.strerror or error}") from error
    except UnicodeError as error:  # from IDNA
        raise ListenError(f"cannot listen on {address}: {host!r} is not the name of a host") from error


def _url(address: tuple[str, int], *, scheme: str = "http") -> str:
    host, port = address[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
