"""Serves metrics until it is told to stop."""

import argparse
import asyncio
import contextlib
import gc
import signal

from exporter import logs
from exporter.app import serve
from exporter.commands.arguments import (
    add_cluster_arguments,
    add_log_arguments,
    add_review_argument,
    settings_of,
)
from exporter.config import Settings
from exporter.web.server import check_path, parse_address

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
    parser.add_argument(
        "--web.max-requests",
        dest="max_requests",
        type=int,
        metavar="N",
        help="scrapes that are answered at once; 0: any number; default: 40",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        metavar="FILE",
        help="TLS and passwords, as all of Prometheus' exporters take them; default: neither",
    )
    add_review_argument(parser)
    add_log_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ends with 0 after a SIGTERM or SIGINT. Raises UsageError, WebConfigError, KubeConfigError, ListenError."""
    settings = settings_of(arguments)
    logs.set_up(level=settings.log.level, form=settings.log.format)
    check_path(settings.web.telemetry_path)
    for address in settings.web.listen_addresses:
        parse_address(address)
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    """Serves until a signal; one that comes while a credential plugin is still waited for ends it as well."""
    serving = asyncio.create_task(_serve_for_ever(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _serve_for_ever(settings: Settings) -> None:
    async with serve(settings):
        gc.freeze()  # else the garbage collector looks through all modules again and again, for 25 ms each time
        await asyncio.Event().wait()
