"""Explains why runs are stuck or failed: cause, evidence and next command, then run, worker, pods and Events.

Reads the cluster, a running exporter (--from), or the output of `kubectl get coderuns,jobs,pods,events,configmaps
-o json` (--filename). Exit 0: no fault found; 1: fault found; 2: cannot tell.
"""

import argparse
import asyncio
import datetime as dt
import sys
import time
from collections.abc import Sequence

from exporter.app import response_budget
from exporter.commands.arguments import add_cluster_arguments, load_settings, setting_name
from exporter.config import Settings
from exporter.diagnosis.explaining import worst_first
from exporter.diagnosis.explanation import Explanation
from exporter.diagnosis.target import Target
from exporter.explaining.dump import read_dump
from exporter.explaining.errors import ExplainError
from exporter.explaining.live import read_all, read_one
from exporter.explaining.output import FORMATS, exit_code, shown
from exporter.explaining.remote import Remote
from exporter.explaining.selection import selected
from exporter.flags import UsageError, one_of
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient
from exporter.memory import memory_limit
from exporter.untrusted import escape_invisible

__all__ = ["add_arguments", "run"]

_SECONDS = 2.0
_CLEAR = "\x1b[H\x1b[2J"
_CLUSTER_SETTINGS = ("namespaces", "label_selector", "kubernetes.kubeconfig", "kubernetes.context")
_REMOTE = (
    ("certificate_authority", "FILE", "with --from: certificates of the authorities to trust, in PEM"),
    ("client_certificate", "FILE", "with --from: client certificate, in PEM"),
    ("client_key", "FILE", "with --from: its key, in PEM; default: in the same file"),
    ("token_file", "FILE", "with --from: file with a bearer token"),
    ("user", "NAME", "with --from: user for basic authentication"),
    ("password_file", "FILE", "with --from: file with the password of --user"),
)

Result = tuple[Sequence[Explanation], Sequence[str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `explain`."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="[NAMESPACE/]NAME",
        help="a run, or a Job or Pod of one; default: all open runs, the worst first",
    )
    add_cluster_arguments(parser)
    parser.add_argument("-n", dest="namespace", metavar="NAME", default="", help="only this namespace, as in kubectl")
    parser.add_argument("--all", action="store_true", help="without a name: also runs that are over")
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        metavar="FILE",
        help="read a dump in JSON or YAML instead of a cluster; - for standard input; repeatable",
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="with --filename: the time of the dump, such as 2026-03-02T09:30:00Z; default: the newest time in it",
    )
    parser.add_argument(
        "--from", dest="url", metavar="URL", help="read a running exporter, such as http://127.0.0.1:10911"
    )
    for name, metavar, text in _REMOTE:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, default="", help=text)
    parser.add_argument(
        "--insecure-skip-tls-verify",
        action="store_true",
        help="with --from: do not verify the certificate of the exporter",
    )
    parser.add_argument("-w", "--watch", action="store_true", help="repeat every 2 s until interrupted")
    parser.add_argument(
        "-o", "--output", choices=FORMATS, type=one_of(*FORMATS), default="text", help="default: text"
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the explanations. Returns the exit code. Raises UsageError, KubeConfigError, ExplainError."""
    _check(arguments)
    if arguments.namespace and not arguments.url and not arguments.filename:
        arguments.namespaces = arguments.namespace
    settings = load_settings(arguments)
    runs, text = _explained(arguments, settings)
    if not arguments.watch:
        print(text)
        return exit_code(runs)
    while True:
        print((_CLEAR if sys.stdout.isatty() else "") + text, flush=True)
        time.sleep(_SECONDS)
        try:
            _, text = _explained(arguments, settings)
        except ExplainError as error:
            text = escape_invisible(str(error))


def _explained(arguments: argparse.Namespace, settings: Settings) -> tuple[Sequence[Explanation], str]:
    runs, notes = _read(arguments, settings)
    return runs, shown(runs, form=arguments.output, single=bool(arguments.name), notes=notes)


def _check(arguments: argparse.Namespace) -> None:
    """Raises UsageError for flags that do not belong together."""
    given = vars(arguments)
    if arguments.url and arguments.filename:
        raise UsageError("--from: not with --filename")
    if arguments.filename and arguments.watch:
        raise UsageError("--watch: not with --filename, which does not change")
    if arguments.namespace and (arguments.namespaces or "/" in (arguments.name or "")):
        raise UsageError("-n: not with another namespace")
    if arguments.at and not arguments.filename:
        raise UsageError("--at: only with --filename")
    remote = next((name for name, *_ in _REMOTE if given[name] and not arguments.url), "")
    if remote:
        raise UsageError(f"--{remote.replace('_', '-')}: only with --from")
    if arguments.url and not arguments.url.startswith(("http://", "https://")):
        raise UsageError(f"--from: {arguments.url!r} is not a URL: it must begin with http:// or https://")
    if arguments.url and "@" in arguments.url:
        raise UsageError("--from: no user in the URL: use --user and --password-file")
    unused = [setting_name(path, arguments) for path in _CLUSTER_SETTINGS if setting_name(path, arguments) != path]
    if unused and (arguments.url or arguments.filename):
        raise UsageError(
            f"{unused[0]}: not with {'--from' if arguments.url else '--filename'}, which reads no cluster"
        )


def _read(arguments: argparse.Namespace, settings: Settings) -> Result:
    target = Target.parse(arguments.name) if arguments.name else None
    if target is not None and arguments.namespace and not target.namespace:
        target = target._replace(namespace=arguments.namespace)
    if arguments.url:
        runs, notes = asyncio.run(_read_remote(arguments, target))
    elif arguments.filename:
        runs, notes = _read_dump(arguments, settings, target)
    else:
        runs, notes = asyncio.run(_read_cluster(arguments, settings, target))
    return [run for run in runs if arguments.namespace in {"", run.namespace} or target is not None], notes


async def _read_remote(arguments: argparse.Namespace, target: Target | None) -> Result:
    given = vars(arguments)
    remote = Remote(
        url=arguments.url,
        insecure_skip_tls_verify=arguments.insecure_skip_tls_verify,
        **{name: given[name] for name, *_ in _REMOTE},
    )
    if target is not None:
        return [await remote.one(target)], ()
    runs, notes = await remote.all(state="all" if arguments.all else "open")
    return worst_first(runs), notes


def _read_dump(arguments: argparse.Namespace, settings: Settings, target: Target | None) -> Result:
    snapshot = read_dump(arguments.filename, settings)
    now = _time(arguments.at) if arguments.at else snapshot.newest
    if not arguments.at:
        moment = dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        snapshot.notes.append(f"Ages are as of {moment}, the newest time in the dump; --at sets another")
    return selected(snapshot, target, now=now, ended=arguments.all)


async def _read_cluster(arguments: argparse.Namespace, settings: Settings, target: Target | None) -> Result:
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    async with KubeClient(credentials=credentials, budget=response_budget(memory_limit())) as client:
        if target is None:
            snapshot = await read_all(client, settings)
        else:
            snapshot = await read_one(client, settings, target)
    return selected(snapshot, target, now=time.time(), ended=arguments.all)


def _time(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at: {text!r} is not a time, such as 2026-03-02T09:30:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
