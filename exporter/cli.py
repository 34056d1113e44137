"""The command line: which command, with which settings, and what is said of a wrong one."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from exporter import __version__
from exporter.commands import check, demo, rbac, run
from exporter.commands.arguments import UsageError
from exporter.kube.errors import KubeConfigError
from exporter.web.server import ListenError
from exporter.web_config.format import WebConfigError

__all__ = ["main"]

_COMMANDS = {
    "run": (run, "serve metrics; this is done when no command is given"),
    "check": (
        check,
        "are the required ConfigMaps whole, and may everything be read? exit 0 healthy, 1 unhealthy, 2 cannot tell",
    ),
    "rbac": (rbac, "the permissions that these settings need, as manifests for kubectl apply"),
    "demo": (demo, "two incidents, replayed on this machine; needs no cluster"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; gives its exit code. A wrong argument or setting is one line and 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _arguments(words)
        code: int = arguments.command(arguments)
    except (UsageError, KubeConfigError, ListenError, WebConfigError) as error:
        print(f"coderun-exporter: {error}", file=sys.stderr)
        return 2
    return code


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = _parser()
    arguments, rest = parser.parse_known_args(_with_command(words))
    if rest:
        hint = ": the command comes first" if _COMMANDS.keys() & rest else ""
        parser.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
    return arguments


def _with_command(words: list[str]) -> list[str]:
    """`run` is understood where the first word is a flag of its own, or nothing at all."""
    if words and (words[0] in {"-h", "--help", "--version"} or not words[0].startswith("-")):
        return words
    return ["run", *words]


class _Parser(argparse.ArgumentParser):
    """One line for a wrong argument, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="coderun-exporter",
        description="Tells Prometheus which agent runs on Kubernetes are stuck, and why.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"coderun-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (module, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=module.__doc__, allow_abbrev=False)
        module.add_arguments(command)
        command.set_defaults(command=module.run)
    return parser
