"""Validates the required ConfigMaps, the API permissions, and the names in the settings.

For init containers, CI and sync hooks. With --filename it validates rendered manifests and needs no cluster.
Exit 0: healthy; 1: unhealthy; 2: unknown.
"""

import argparse
import asyncio

from exporter.app import response_budget
from exporter.checks import HEALTHY, UNHEALTHY, UNKNOWN, Finding, findings
from exporter.checks.cluster import about_cluster
from exporter.checks.formats import FORMATS, worst_status
from exporter.checks.rendered import check_rendered
from exporter.commands.arguments import (
    add_cluster_arguments,
    add_review_argument,
    load_settings,
    reject_cluster_flags,
)
from exporter.config import Settings
from exporter.flags import one_of
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient
from exporter.memory import memory_limit

__all__ = ["add_arguments", "run"]

_CODES = {HEALTHY: 0, UNHEALTHY: 1, UNKNOWN: 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `check`."""
    add_cluster_arguments(parser)
    add_review_argument(parser, "validate the permissions for TokenReview and SubjectAccessReview as well")
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        metavar="FILE",
        help="validate the ConfigMaps in these rendered manifests instead of a cluster's: a file of YAML or JSON, a "
        "directory of them, or - for standard input; repeatable",
    )
    parser.add_argument(
        "-o", "--output", choices=tuple(FORMATS), type=one_of(*FORMATS), default="text", help="default: text"
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings. Returns the exit code of the worst. Raises UsageError and KubeConfigError."""
    settings = load_settings(arguments)
    if arguments.filename:
        reject_cluster_flags(arguments, flag="--filename")
        found = check_rendered(arguments.filename, settings)
    else:
        found = asyncio.run(_check_cluster(settings))
    print(FORMATS[arguments.output](found))
    return _CODES[worst_status(found)]


async def _check_cluster(settings: Settings) -> list[Finding]:
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    async with KubeClient(credentials=credentials, budget=response_budget(memory_limit())) as client:
        return about_cluster(credentials, await findings(client, settings))
