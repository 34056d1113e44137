"""Serves metrics until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import gc
import signal
from collections.abc import Iterator

from exporter import logs
from exporter.app import serve
from exporter.commands.arguments import (
    add_cluster_arguments,
    add_log_arguments,
    add_review_argument,
    add_setting,
    load_settings,
    setting_name,
)
from exporter.config import Settings
from exporter.flags import UsageError, number
from exporter.web.server import ListenError, check_path, parse_address

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `run`."""
    add_cluster_arguments(parser)
    add_setting(
        parser,
        "web.listen_addresses",
        action="append",
        metavar="[HOST]:PORT",
        help="address to listen on; repeatable; default: :10911",
    )
    add_setting(parser, "web.telemetry_path", metavar="PATH", help="path of the metrics; default: /metrics")
    add_setting(
        parser,
        "web.max_requests",
        type=number,
        metavar="N",
        help="maximum number of concurrent scrapes; 0: no limit; default: 40",
    )
    add_setting(
        parser,
        "web.config_file",
        metavar="FILE",
        help="file with TLS and passwords, in the format of Prometheus' exporters; default: neither",
    )
    add_review_argument(
        parser, "require a Kubernetes bearer token authorized to GET the path (TokenReview and SubjectAccessReview)"
    )
    add_setting(
        parser,
        "web.kubernetes_auth_audience",
        metavar="AUDIENCE",
        help="required audience of these tokens; default: that of the API server",
    )
    add_setting(
        parser,
        "web.kubernetes_auth_without_tls",
        action="store_const",
        const=True,
        help="accept these tokens over plain HTTP, if another component encrypts the traffic",
    )
    add_log_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 after SIGTERM or SIGINT. Raises UsageError, WebConfigError, KubeConfigError, ListenError."""
    settings = load_settings(arguments)
    logs.set_up(level=settings.log.level, form=settings.log.format)
    with _naming("web.telemetry_path", arguments):
        check_path(settings.web.telemetry_path)
    with _naming("web.listen_addresses", arguments):
        for address in settings.web.listen_addresses:
            parse_address(address)
    gc.freeze()  # else each full garbage collection scans all modules: 25 ms
    asyncio.run(_serve(settings))
    return 0


@contextlib.contextmanager
def _naming(path: str, arguments: argparse.Namespace) -> Iterator[None]:
    try:
        yield
    except ListenError as error:
        raise UsageError(f"{setting_name(path, arguments)}: {error}") from error


async def _serve(settings: Settings) -> None:
    """Serves until a signal, which also interrupts a running credential plugin."""
    serving = asyncio.create_task(_serve_until_cancelled(settings))
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _serve_until_cancelled(settings: Settings) -> None:
    async with serve(settings):
        await asyncio.Event().wait()
