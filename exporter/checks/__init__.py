"""What `coderun-exporter check` looks at: one file for each thing, each a function from a client to findings."""

import asyncio

from exporter.checks.agents import check_agents
from exporter.checks.configmaps import check_configmaps
from exporter.checks.finding import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.jobs import check_jobs
from exporter.checks.namespaces import check_namespaces
from exporter.checks.runs import check_runs
from exporter.config import Settings
from exporter.kube.client import KubeClient
from exporter.sources import kinds_of, required_of, scopes_of

__all__ = ["HEALTHY", "NOTE", "UNHEALTHY", "UNKNOWN", "Finding", "findings"]


async def findings(client: KubeClient, settings: Settings) -> list[Finding]:
    """All findings. Everything is requested at once: each request may wait a minute for a server that is silent."""
    kinds, scopes = kinds_of(settings), scopes_of(settings)
    selected = {"labelSelector": settings.label_selector} if settings.label_selector else {}
    configmaps, namespaces, jobs, runs = await asyncio.gather(
        check_configmaps(client, required_of(settings)),
        check_namespaces(client, settings),
        check_jobs(client, scopes=scopes, selected=selected),
        asyncio.gather(*(check_runs(client, kind, scopes=scopes, selected=selected, others=kinds) for kind in kinds)),
    )
    of_runs = [finding for found in runs for finding in found.findings]
    return [*namespaces, *configmaps, *of_runs, *jobs, *check_agents(settings.thresholds.agents, runs)]
