"""Explains why runs are stuck or failed: cause, evidence and next command, then run, worker, pods and Events.

Reads the cluster, a running exporter (--from), or the output of `kubectl get coderuns,jobs,pods,events,configmaps
-o json` (--filename). Exit 0: no fault found; 1: fault found; 2: cannot tell.
"""

import argparse
import asyncio
import datetime as dt
import sys
import time

import msgspec

from exporter.app import response_budget
from exporter.commands.arguments import add_cluster_arguments, load_settings, reject_cluster_flags
from exporter.config import Settings
from exporter.diagnosis.explaining import worst_first
from exporter.diagnosis.target import Target
from exporter.explaining.dump import read_dump
from exporter.explaining.dump_findings import adapt_to_dump, clock_note, missing_note
from exporter.explaining.errors import ExplainError
from exporter.explaining.live import read_all, read_one
from exporter.explaining.other_pods import failing_note
from exporter.explaining.output import FORMATS, exit_code, format_runs
from exporter.explaining.related import down_note, with_related
from exporter.explaining.remote import Remote
from exporter.explaining.remote_flags import REMOTE, add_remote_arguments, check_remote
from exporter.explaining.selection import Selection, explain_runs, failed_note
from exporter.flags import UsageError, one_of
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeConfigError
from exporter.memory import memory_limit
from exporter.untrusted import escape_invisible

__all__ = ["add_arguments", "pause_after", "run"]

_MIN_PAUSE_SECONDS = 2.0
_PAUSE_FACTOR = 5
"""With --watch, the pause is five times as long as reading took."""
_MAX_PAUSE_SECONDS = 60.0
_CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `explain`."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="[NAMESPACE/]NAME",
        help="a run, or a Job or Pod of one; default: all open runs, and the runs that failed in the last 6 h",
    )
    add_cluster_arguments(parser)
    parser.add_argument("-n", dest="namespace", metavar="NAME", default="", help="only this namespace, as in kubectl")
    parser.add_argument("--all", action="store_true", help="without a name: all runs that are over, too")
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
    add_remote_arguments(parser)
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="repeat until interrupted, every 2 s or, if the answers are slow, less often",
    )
    parser.add_argument(
        "-o", "--output", choices=FORMATS, type=one_of(*FORMATS), default="text", help="default: text"
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the explanations. Returns the exit code. Raises UsageError, KubeConfigError, ExplainError."""
    _check(arguments)
    if arguments.namespace and not arguments.url and not arguments.filename:
        arguments.namespaces = arguments.namespace
    settings = load_settings(arguments)
    start = time.monotonic()
    found, text = _explained(arguments, settings)
    if not arguments.watch:
        print(text)
        return exit_code(found.runs, is_partial=found.is_partial)
    while True:
        print((_CLEAR if sys.stdout.isatty() else "") + text, flush=True)
        time.sleep(pause_after(time.monotonic() - start))
        start = time.monotonic()
        try:
            _, text = _explained(arguments, settings)
        except (ExplainError, KubeConfigError) as error:
            text = escape_invisible(str(error))


def pause_after(seconds: float) -> float:
    """The pause with --watch after reading took `seconds`, in seconds."""
    return min(max(_MIN_PAUSE_SECONDS, _PAUSE_FACTOR * seconds), _MAX_PAUSE_SECONDS)


def _explained(arguments: argparse.Namespace, settings: Settings) -> tuple[Selection, str]:
    found = _read(arguments, settings)
    return found, format_runs(found.runs, form=arguments.output, single=bool(arguments.name), notes=found.notes)


def _check(arguments: argparse.Namespace) -> None:
    """Raises UsageError for flags that cannot be combined."""
    if arguments.url and arguments.filename:
        raise UsageError("--from: not with --filename")
    if arguments.filename and arguments.watch:
        raise UsageError("--watch: not with --filename, which does not change")
    if arguments.namespace and (arguments.namespaces or "/" in (arguments.name or "")):
        raise UsageError("-n: not with another namespace")
    if arguments.at and not arguments.filename:
        raise UsageError("--at: only with --filename")
    check_remote(arguments)
    if arguments.url or arguments.filename:
        reject_cluster_flags(arguments, flag="--from" if arguments.url else "--filename")


def _read(arguments: argparse.Namespace, settings: Settings) -> Selection:
    target = Target.parse(arguments.name) if arguments.name else None
    if target is not None and arguments.namespace and not target.namespace:
        target = target._replace(namespace=arguments.namespace)
    if arguments.url:
        found = asyncio.run(_read_remote(arguments, target))
    elif arguments.filename:
        found = _read_dump(arguments, settings, target)
    else:
        found = asyncio.run(_read_cluster(arguments, settings, target))
    space = "" if target is not None else arguments.namespace
    return found._replace(runs=[run for run in found.runs if space in {"", run.namespace}])


async def _read_remote(arguments: argparse.Namespace, target: Target | None) -> Selection:
    remote = Remote(url=arguments.url, **{name: vars(arguments)[name] for name in REMOTE})
    if target is not None:
        return Selection([await remote.one(target)])
    runs, notes = await remote.all(state="all" if arguments.all else "recent")
    return Selection(worst_first(runs), (*notes, *(() if arguments.all else failed_note(runs))))


def _read_dump(arguments: argparse.Namespace, settings: Settings, target: Target | None) -> Selection:
    snapshot = read_dump(arguments.filename, settings)
    at = _time(arguments.at) if arguments.at else None
    snapshot.notes += clock_note(at, snapshot.newest)
    now = snapshot.newest if at is None else at
    found = explain_runs(snapshot, target, now=now, ended=arguments.all, namespace=arguments.namespace)
    lacks = snapshot.lacks_configmaps
    adapted = (adapt_to_dump(run, lacks_configmaps=lacks) for run in found.runs)
    runs = worst_first(with_related(adapted, snapshot))
    more = (
        *missing_note(runs, snapshot.missing),
        *failing_note(runs, snapshot.failing),
        *down_note(runs, snapshot.down),
    )
    if target is not None:
        runs = [msgspec.structs.replace(run, notes=(*run.notes, *more)) for run in runs]
    return found._replace(runs=runs, notes=(*found.notes, *more))


async def _read_cluster(arguments: argparse.Namespace, settings: Settings, target: Target | None) -> Selection:
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    async with KubeClient(credentials=credentials, budget=response_budget(memory_limit())) as client:
        if target is None:
            snapshot = await read_all(client, settings)
        else:
            snapshot = await read_one(client, settings, target)
    return explain_runs(snapshot, target, now=time.time(), ended=arguments.all)


def _time(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at: {text!r} is not a time, such as 2026-03-02T09:30:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
