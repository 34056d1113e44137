"""Checks whether the configured namespaces exist."""

import asyncio

from exporter.checks.finding import NOTE, UNHEALTHY, Finding
from exporter.config import ConfigMaps, Settings
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError, KubeError, NotFoundError

__all__ = ["check_namespaces"]

_UNKNOWN = "nothing found in it, and no permission to get namespaces: check that it exists"


async def check_namespaces(client: KubeClient, settings: Settings) -> dict[str, Finding]:
    """Findings, by name, for namespaces that do not exist or may not exist."""
    names = _configured_namespaces(settings)
    found = await asyncio.gather(*(_check(client, name) for name in names))
    return {name: finding for name, finding in zip(names, found, strict=True) if finding is not None}


def _configured_namespaces(settings: Settings) -> list[str]:
    """The configured namespaces. The default namespace of ConfigMaps need not exist."""
    configmaps = settings.configmaps
    names = [*settings.namespaces]
    if configmaps.required and (configmaps.named or configmaps.namespace != ConfigMaps().namespace):
        names.append(configmaps.namespace)
    return list(dict.fromkeys(names))


async def _check(client: KubeClient, name: str) -> Finding | None:
    """Gets the namespace, because a list in a namespace that does not exist succeeds with no items."""
    subject = f"namespace {name}"
    try:
        await client.get(f"/api/v1/namespaces/{name}")
    except NotFoundError as error:
        return Finding(status=UNHEALTHY, subject=subject, text="does not exist") if error.by_api_server else None
    except ForbiddenError:
        return Finding(status=NOTE, subject=subject, text=_UNKNOWN)
    except KubeError:
        return None  # the lists report it
    return None
