"""Serves metrics until it is told to stop."""

import argparse
import asyncio
import signal

from exporter import logs
from exporter.app import serve
from exporter.commands.arguments import UsageError, add_cluster_arguments, add_log_arguments, settings_of
from exporter.config import Settings
from exporter.kube.errors import KubeConfigError
from exporter.web.server import ListenError, parse_address

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `run`."""
    add_cluster_arguments(parser)
    parser.add_argument(
        "--web.listen-address",
        dest="listen_addresses",
        action="append",
        metavar="[HOST]:PORT",
        help="where to serve; may be given again; default: :10911",
    )
    parser.add_argument(
        "--web.telemetry-path", dest="telemetry_path", metavar="PATH", help="path of the metrics; default: /metrics"
    )
    add_log_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ends with 0 after a SIGTERM or SIGINT. Raises UsageError."""
    settings = settings_of(arguments)
    if not settings.web.telemetry_path.startswith("/"):
        raise UsageError(f"--web.telemetry-path: {settings.web.telemetry_path!r} does not begin with /")
    logs.set_up(level=settings.log.level, form=settings.log.format)
    try:
        for address in settings.web.listen_addresses:
            parse_address(address)
        asyncio.run(_serve(settings))
    except (KubeConfigError, ListenError) as error:
        raise UsageError(str(error)) from error
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings):
        await stop.wait()
