"""Validates the required ConfigMaps, the API permissions, and the names in the settings.

For init containers, CI and sync hooks. Exit 0: healthy; 1: unhealthy; 2: unknown.
"""

import argparse
import asyncio
import json

from exporter.checks import HEALTHY, UNHEALTHY, UNKNOWN, Finding, findings
from exporter.commands.arguments import add_cluster_arguments, settings_of
from exporter.config import Settings
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient

__all__ = ["add_arguments", "run"]

_CODES = {UNHEALTHY: 1, UNKNOWN: 2, HEALTHY: 0}  # the first that was found decides


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    add_cluster_arguments(parser)
    parser.add_argument("--output", choices=("text", "json"), default="text", help="default: text")


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each finding; gives the worst code, where unhealthy is worse than unknown."""
    found = asyncio.run(_found(settings_of(arguments)))
    status = next(status for status in _CODES if status in {HEALTHY, *(item.status for item in found)})
    if arguments.output == "json":
        listed = [{"status": item.status.lower(), "subject": item.subject, "text": item.text} for item in found]
        print(json.dumps({"status": status.lower(), "findings": listed}, indent=2))
        return _CODES[status]
    width = max(len(item.status) for item in found)
    for item in found:
        print(f"{item.status:{width}}  {item.subject}: {item.text}")
    return _CODES[status]


async def _found(settings: Settings) -> list[Finding]:
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    async with KubeClient(credentials=credentials) as client:
        return await findings(client, settings)
