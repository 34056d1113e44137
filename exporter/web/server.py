"""The HTTP server: which path leads where, on which addresses it listens, how it stops."""

import contextlib
import errno
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from exporter.web.health import Health
from exporter.web.index import index
from exporter.web.metrics import Metrics

__all__ = ["ListenError", "parse_address", "serve"]

# Open scrapes are given this long to finish, and a SIGTERM is to end the exporter within a second.
_STOP_SECONDS = 0.8


class ListenError(Exception):
    """An address that cannot be listened on, in one line."""


def parse_address(text: str) -> tuple[str | None, int]:
    """`:10911`, `127.0.0.1:10911` or `[::1]:10911` as host (None: all) and port. Raises ListenError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ListenError(f"{text!r} is not an address to listen on: write HOST:PORT, or :PORT for every interface")
    return host.strip("[]") or None, int(port)


@contextlib.asynccontextmanager
async def serve(
    *, metrics: Metrics, health: Health, addresses: Sequence[str], telemetry_path: str
) -> AsyncIterator[list[str]]:
    """Serves while the context lasts; gives the base URLs. Raises ListenError."""
    app = web.Application()
    app.router.add_get(telemetry_path, metrics.scrape)
    for path in ("/livez", "/-/healthy"):
        app.router.add_get(path, health.live)
    for path in ("/readyz", "/-/ready"):
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


async def _listen(runner: web.AppRunner, address: str) -> None:
    host, port = parse_address(address)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "is another exporter running? Choose another with --web.listen-address"
            raise ListenError(f"cannot listen on {address}: the port is in use; {hint}") from error
        raise ListenError(f"cannot listen on {address}: {error.strerror or error}") from error


def _url(address: tuple[str, int]) -> str:
    host, port = address[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
