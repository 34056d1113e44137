"""The command line."""

import argparse
import sys
from collections.abc import Sequence

from exporter import __version__, logs
from exporter.commands import check, explain, profile, rbac, run
from exporter.drafting import DraftError
from exporter.ending import run_command
from exporter.explaining.errors import ExplainError
from exporter.flags import Parser, UsageError, nearest
from exporter.kube.errors import KubeConfigError
from exporter.profiles import ShippedProfileError
from exporter.web.server import ListenError
from exporter.web_config.format import WebConfigError

__all__ = ["main"]

_COMMANDS = {
    "run": (run, "serve metrics (the default)"),
    "check": (
        check,
        "validate required ConfigMaps and API permissions; exit 0: healthy, 1: unhealthy, 2: unknown",
    ),
    "explain": (explain, "explain why runs are stuck or failed; exit 0: no fault, 1: fault, 2: unknown"),
    "profile": (profile, "draft the profile of a run kind from its CRD, for coderuns.kinds"),
    "rbac": (rbac, "print the permissions that these settings need, as manifests for kubectl apply"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code. An invalid argument or setting prints one line and returns 2."""
    logs.set_up_fallback()
    words = list(sys.argv[1:] if argv is None else argv)
    return run_command(
        lambda: _run(words),
        expected=(
            *(UsageError, KubeConfigError, ListenError, WebConfigError),
            *(DraftError, ExplainError, ShippedProfileError),
        ),
    )


def _run(words: list[str]) -> int:
    arguments = _arguments(words)
    code: int = arguments.command(arguments)
    return code


def _arguments(words: list[str]) -> argparse.Namespace:
    """Raises UsageError."""
    parsers, words = _parsers(), _with_command(words)
    arguments, rest = parsers[""].parse_known_args(words)
    if rest:
        raise UsageError(_unknown(rest, words[0], parsers))
    return arguments


def _with_command(words: list[str]) -> list[str]:
    """Adds the default command `run` if there is none. Raises UsageError for an unknown command."""
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}):
        return ["run", *words]
    if words[0] == "demo":
        raise UsageError("demo: not part of this package; run make demo in a checkout of the source")
    if words[0] not in _COMMANDS and not words[0].startswith("-"):
        hint = nearest(words[0], _COMMANDS) or f"known: {', '.join(_COMMANDS)}"
        raise UsageError(f"{words[0]}: unknown command; {hint}")
    return words


def _unknown(rest: list[str], command: str, parsers: dict[str, Parser]) -> str:
    """The error for the first argument that the command does not know."""
    word = next((word for word in rest if word.startswith("-")), rest[0])
    if not word.startswith("-"):
        if word in _COMMANDS:
            return f"{word}: the command must be the first argument, as in coderun-exporter {word} ..."
        takes = "takes one name" if parsers[command].takes_name else "takes no arguments"
        return f"{word}: {command} {takes}; see coderun-exporter {command} --help"
    flag = word.partition("=")[0]
    owners = [name for name, parser in parsers.items() if flag in parser.flags]
    if owners:
        return f"{flag}: not a flag of {command}, but of {' and '.join(owners)}"
    hint = nearest(flag, parsers[command].flags) or f"see coderun-exporter {command} --help"
    return f"{flag}: unknown flag; {hint}"


def _parsers() -> dict[str, Parser]:
    """The parsers of the commands by name; "" is the main parser."""
    parser = Parser(
        prog="coderun-exporter",
        description="Prometheus exporter that reports stuck agent runs on Kubernetes and their causes.",
    )
    parser.add_argument("--version", action="version", version=f"coderun-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    parsers = {"": parser}
    for name, (module, text) in _COMMANDS.items():
        command = parsers[name] = commands.add_parser(name, help=text, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(command=module.run)
    return parsers
