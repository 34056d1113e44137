"""`make demo`: replays the incidents on this machine, without a cluster."""

import argparse
import asyncio
import errno
import functools
import logging
import signal
import socket
import sys
from collections.abc import Sequence

from exporter import logs
from exporter.ending import run_command
from exporter.flags import Parser, UsageError
from exporter.web.server import ListenError, parse_address
from lab.demo.exporter import serve_exporter
from lab.demo.replay import ReplayError, replay
from lab.demo.rules import RulesError

__all__ = ["main"]

_ADDRESS = "127.0.0.1:10911"
_FAILED = 1
_INTERRUPTED = 130
_MAX_SPEED = 3600  # a higher speed has no effect: the clock waits for the exporter and the rules


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the replay and returns the exit code.

    0: every incident was detected. 1: an incident was not detected, or the demo failed. 2: a wrong flag or address.
    130: interrupted before all incidents were detected.
    """
    logs.set_up_fallback()
    return run_command(lambda: _run(_arguments(argv)), expected=(UsageError, ListenError))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parses the command line. Raises UsageError."""
    parser = Parser(
        prog="python -m lab.demo", description="The incidents, replayed on this machine without a cluster."
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=60.0,
        metavar="N",
        help="simulated seconds per real second (default: 60, which takes a minute)",
    )
    parser.add_argument(
        "--web.listen-address",
        dest="web_listen_address",
        default=_ADDRESS,
        metavar="HOST:PORT",
        help=f"address of the exporter; if it is in use, a free port is chosen (default: {_ADDRESS})",
    )
    parser.add_argument(
        "--stay",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep serving after the replay (default: on a terminal)",
    )
    return parser.parse_args(argv)


def _run(arguments: argparse.Namespace) -> int:
    try:
        return asyncio.run(_main(arguments))
    except KeyboardInterrupt:  # before the replay handles signals
        return _INTERRUPTED


async def _main(arguments: argparse.Namespace) -> int:
    # Only the replay writes to the terminal. The important messages of the exporter are on its status page too.
    logging.getLogger("exporter").addHandler(logging.NullHandler())
    wanted = arguments.web_listen_address
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    try:
        address = _free_address(wanted)
        return await replay(
            out=sys.stdout,
            speed=arguments.speed,
            stay=_on_terminal() if arguments.stay is None else arguments.stay,
            exporter=functools.partial(serve_exporter, address=address),
            interrupted=interrupted,
            note="" if address == wanted else f"{wanted} is taken: a free port instead.",
        )
    except (ReplayError, RulesError) as error:
        print(error, file=sys.stderr)
        return _FAILED


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _free_address(wanted: str) -> str:
    """The address, or a free port of loopback if its port is in use. Raises ListenError."""
    host, port = parse_address(wanted)
    try:
        with socket.create_server(
            (host or "", port), family=socket.AF_INET6 if ":" in (host or "") else socket.AF_INET
        ):
            return wanted
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return wanted  # the exporter reports the error
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def _speed(text: str) -> float:
    """Parses the argument `--speed`. Raises ArgumentTypeError."""
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1 <= speed <= _MAX_SPEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MAX_SPEED}")
    return speed
