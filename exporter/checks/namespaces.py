"""Whether the namespaces that the settings name exist."""

import asyncio

from exporter.checks.finding import UNHEALTHY, Finding
from exporter.config import ConfigMaps, Settings
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError, MissingError

__all__ = ["check_namespaces"]


async def check_namespaces(client: KubeClient, settings: Settings) -> list[Finding]:
    """A finding for each that does not exist."""
    found = await asyncio.gather(*(_check(client, name) for name in _named(settings)))
    return [finding for finding in found if finding is not None]


def _named(settings: Settings) -> list[str]:
    """Those that somebody wrote down. By default no namespace of ConfigMaps has to be there."""
    configmaps = settings.configmaps
    names = [*settings.namespaces]
    if configmaps.required and (configmaps.named or configmaps.namespace != ConfigMaps().namespace):
        names.append(configmaps.namespace)
    return list(dict.fromkeys(names))


async def _check(client: KubeClient, name: str) -> Finding | None:
    """A namespace that is not there has no objects, and no list says so. Who may not get it cannot tell."""
    try:
        await client.get(f"/api/v1/namespaces/{name}")
    except MissingError:
        return Finding(status=UNHEALTHY, subject=f"namespace {name}", text="does not exist")
    except KubeError:
        return None
    return None
