"""Whether the required ConfigMaps are there and whole, and everything that is needed may be read.

For init containers, CI and sync hooks. Exit 0: healthy; 1: unhealthy; 2: cannot tell.
"""

import argparse
import asyncio
import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable

import msgspec

from exporter.commands.arguments import add_cluster_arguments, settings_of
from exporter.config import Settings
from exporter.kube.auth import Credentials
from exporter.kube.client import KubeClient
from exporter.kube.decode import Decoder, page_of
from exporter.kube.errors import BrokenAnswerError, KubeError, MissingError
from exporter.resources.configmaps import RequiredConfigMap, WireConfigMap, absent_configmap, slim_configmap
from exporter.sources import kinds_of, required_of, scopes_of

__all__ = ["add_arguments", "run"]

_HEALTHY, _UNHEALTHY, _UNKNOWN = 0, 1, 2
_WORDS = {_HEALTHY: "ok", _UNHEALTHY: "UNHEALTHY", _UNKNOWN: "UNKNOWN"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found out about one thing; `code` is 0 healthy, 1 unhealthy, 2 cannot tell."""

    code: int
    subject: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    add_cluster_arguments(parser)
    parser.add_argument("--output", choices=("text", "json"), default="text", help="default: text")


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each finding; gives the worst code, where unhealthy is worse than unknown."""
    settings = settings_of(arguments)
    findings = asyncio.run(_findings(settings))
    codes = {finding.code for finding in findings}
    code = next(code for code in (_UNHEALTHY, _UNKNOWN, _HEALTHY) if code in codes)
    if arguments.output == "json":
        listed = [
            {"status": _WORDS[item.code].lower(), "subject": item.subject, "text": item.text} for item in findings
        ]
        print(json.dumps({"status": _WORDS[code].lower(), "findings": listed}, indent=2))
        return code
    width = max(len(_WORDS[item.code]) for item in findings)
    for item in findings:
        print(f"{_WORDS[item.code]:{width}}  {item.subject}: {item.text}")
    return code


async def _findings(settings: Settings) -> list[Finding]:
    credentials = await Credentials.load(
        kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context
    )
    async with KubeClient(credentials=credentials) as client:
        checks: list[Callable[[], Awaitable[Finding]]] = [
            functools.partial(_configmap, client, item) for item in required_of(settings)
        ]
        for kind in kinds_of(settings):
            checks += [
                functools.partial(_listing, client, kind.plural, kind.path(scope), scope, required=kind.main)
                for scope in scopes_of(settings)
            ]
        for scope in scopes_of(settings):
            path = f"/apis/batch/v1/namespaces/{scope}/jobs" if scope else "/apis/batch/v1/jobs"
            checks.append(functools.partial(_listing, client, "jobs", path, scope))
        # All at once: each of them may wait a minute for a server that says nothing.
        return await asyncio.gather(*(check() for check in checks))


async def _configmap(client: KubeClient, required: RequiredConfigMap) -> Finding:
    subject = f"ConfigMap {required.uid}"
    try:
        body = await client.get(f"/api/v1/namespaces/{required.namespace}/configmaps/{required.name}")
        item, _ = Decoder(WireConfigMap).decode(msgspec.Raw(body))
        if item.metadata.name != required.name:
            raise BrokenAnswerError("the answer is not this ConfigMap: is there a proxy in between?", code="not_json")
        record = slim_configmap(item, required=required)
    except MissingError:
        record = absent_configmap(required)
    except KubeError as error:
        return Finding(code=_UNKNOWN, subject=subject, text=f"cannot be read: {error}")
    if record.problems:
        text = ", ".join(problem.replace("_", " ") + (f" {key!r}" if key else "") for problem, key in record.problems)
        return Finding(code=_UNHEALTHY, subject=subject, text=text)
    return Finding(code=_HEALTHY, subject=subject, text=f"{record.keys} keys, {record.size} bytes")


async def _listing(
    client: KubeClient, plural: str, path: str, scope: str | None, *, required: bool = True
) -> Finding:
    subject = f"{plural} in {f'namespace {scope}' if scope else 'all namespaces'}"
    try:
        page_of(await client.get(path, {"limit": "1"}))
    except MissingError as error:
        if not required:
            return Finding(code=_HEALTHY, subject=subject, text="no such resource, which this kind may be")
        return Finding(code=_UNHEALTHY, subject=subject, text=f"no such resource: is its CRD installed? ({error})")
    except KubeError as error:
        return Finding(code=_UNKNOWN, subject=subject, text=f"cannot be listed: {error}")
    return Finding(code=_HEALTHY, subject=subject, text="can be listed")
