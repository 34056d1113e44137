"""The checks of `coderun-exporter check`: one file for each check, each a function that returns findings."""

import asyncio
import time
from collections.abc import Sequence

from exporter.cache import CODERUNS, CONFIGMAPS, EVENTS, JOBS, PODS, WORKFLOW_TEMPLATES, WORKFLOWS
from exporter.checks.agents import check_agents
from exporter.checks.configmaps import check_configmaps
from exporter.checks.finding import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, CheckResult, Finding
from exporter.checks.jobs import check_workers
from exporter.checks.log_formats import check_log_formats
from exporter.checks.logs import check_logs
from exporter.checks.namespaces import check_namespaces
from exporter.checks.optional import check_optional
from exporter.checks.replaced import check_replaced
from exporter.checks.reviews import check_reviews
from exporter.checks.runs import check_runs
from exporter.checks.schemas import check_schemas
from exporter.config import Settings, log_formats
from exporter.informers import Informer, informers, watch_config
from exporter.kube.client import KubeClient
from exporter.resources import RESOURCES
from exporter.telemetry import Telemetry

__all__ = ["HEALTHY", "NOTE", "UNHEALTHY", "UNKNOWN", "Finding", "findings"]


async def findings(client: KubeClient, settings: Settings) -> list[Finding]:
    """All findings, from the lists and watches of `run`. The findings of ConfigMaps are first.

    All requests are concurrent, so that an unresponsive API server causes one time-out.
    """
    everything = informers(settings, telemetry=Telemetry(clock=time.time), on_demand=True)
    by_name = {
        resource.name: [informer for informer in everything if informer.resource == resource.name]
        for resource in RESOURCES
    }
    names = sorted(by_name, key=CONFIGMAPS.__ne__)
    absent, reviews, logs, schemas, found = await asyncio.gather(
        check_namespaces(client, settings),
        check_reviews(client, needed=settings.web.kubernetes_auth),
        check_logs(client, watch_config(settings)),
        check_schemas(client, settings.coderuns.kinds),
        asyncio.gather(*(_check(client, name, by_name[name], settings) for name in names)),
    )
    results = [result for some in found for result in some]
    seen = {scope for result in results for scope in result.namespaces | result.failed_namespaces}
    return [
        *(finding for name, finding in absent.items() if name not in seen),
        *reviews,
        *(finding for result in results for finding in result.findings),
        *logs,
        *(await check_log_formats(client, results, log_formats(settings)) if settings.logs.enabled else ()),
        *check_replaced(settings.coderuns.kinds),
        *schemas,
        *check_agents(settings.thresholds.agents, results),
    ]


async def _check(client: KubeClient, name: str, watched: Sequence[Informer], settings: Settings) -> list[CheckResult]:
    """Checks one resource."""
    wanted = watch_config(settings)
    if name == CODERUNS:
        kinds = wanted.custom_kinds
        return await asyncio.gather(*(check_runs(client, kind, watched, others=kinds) for kind in kinds))
    if name == CONFIGMAPS:
        return [await check_configmaps(client, watched)]
    if name in {PODS, EVENTS, WORKFLOWS, WORKFLOW_TEMPLATES}:
        return [await check_optional(client, watched)]
    runs = [kind for kind in wanted.kinds if kind.is_job] if name == JOBS else []
    return [await check_workers(client, watched, runs)]
