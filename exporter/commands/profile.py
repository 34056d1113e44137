"""Drafts the profile of a kind of run from its CRD and existing objects. Writes nothing to the cluster.

Prints YAML for coderuns.kinds, with comments where a decision is needed. Requires the permission to get the CRD,
which the exporter itself does not need. The permission to list objects, Jobs and Pods makes the draft more complete.
"""

import argparse
import asyncio

from exporter.app import response_budget
from exporter.commands.arguments import add_cluster_arguments, load_settings, reject_cluster_flags
from exporter.config import Settings
from exporter.drafting import Definition, ObservedObjects, draft
from exporter.drafting.files import read_files
from exporter.drafting.reading import read
from exporter.flags import UsageError
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient
from exporter.memory import memory_limit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `profile`."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="PLURAL.GROUP",
        help="the resource, such as agenttasks.example.com or agenttasks.v1.example.com; not needed with --filename "
        "if the files contain one CRD",
    )
    add_cluster_arguments(parser, with_labels=False)
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        metavar="FILE",
        help="read the CRD, and the objects, from these manifests instead of a cluster: a file of YAML or JSON, "
        "a directory of them, or - for standard input; repeatable",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the draft. Returns 0. Raises UsageError, KubeConfigError and DraftError."""
    settings = load_settings(arguments)
    if arguments.filename:
        reject_cluster_flags(arguments, flag="--filename")
        definition, observed = read_files(arguments.filename, arguments.name or "")
        notes: list[str] = []
    elif not arguments.name:
        raise UsageError(
            "profile: name a resource as PLURAL.GROUP, or a file with --filename; see coderun-exporter profile --help"
        )
    else:
        definition, observed, notes = asyncio.run(_read(settings, arguments.name))
    print(draft(definition, observed, notes=notes), end="")
    return 0


async def _read(settings: Settings, name: str) -> tuple[Definition, ObservedObjects, list[str]]:
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    async with KubeClient(credentials=credentials, budget=response_budget(memory_limit())) as client:
        return await read(client, name, settings.namespaces)
