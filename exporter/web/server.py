"""The HTTP server: which path leads where, on which addresses it listens, how it stops."""

import contextlib
import errno
import logging
import re
from collections.abc import AsyncIterator, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.web.health import Health
from exporter.web.index import index
from exporter.web.metrics import Metrics

__all__ = ["ListenError", "check_path", "parse_address", "serve"]

_log = logging.getLogger(__name__)

# Open scrapes are given twice this long to finish (aiohttp waits for the answer, then for the task), and a SIGTERM
# is to end the exporter within a second.
_STOP_SECONDS = 0.4
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
    *, metrics: Metrics, health: Health, addresses: Sequence[str], telemetry_path: str
) -> AsyncIterator[list[str]]:
    """Serves while the context lasts; gives the base URLs. Raises ListenError."""
    app = web.Application(middlewares=[_told])
    app.router.add_get(telemetry_path, metrics.scrape)
    for path in _LIVE:
        app.router.add_get(path, health.live)
    for path in _READY:
        app.router.add_get(path, health.ready)
    if telemetry_path != "/":
        app.router.add_get("/", index(health=health, telemetry_path=telemetry_path))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        for address in addresses:
            await _listen(runner, address)
        yield [_url(address) for address in runner.addresses]
    finally:
        await runner.cleanup()


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


async def _listen(runner: web.AppRunner, address: str) -> None:
    host, port = parse_address(address)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "is another exporter running? Choose another with --web.listen-address"
            raise ListenError(f"cannot listen on {address}: the port is in use; {hint}") from error
        raise ListenError(f"cannot listen on {address}: {error.strerror or error}") from error
    except UnicodeError as error:  # from IDNA
        raise ListenError(f"cannot listen on {address}: {host!r} is not the name of a host") from error


def _url(address: tuple[str, int]) -> str:
    host, port = address[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
