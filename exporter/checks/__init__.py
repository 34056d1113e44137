"""What `coderun-exporter check` looks at: one file for each thing, each a function that gives findings."""

import asyncio
import time

from exporter.checks.agents import check_agents
from exporter.checks.configmaps import check_configmaps
from exporter.checks.finding import HEALTHY, NOTE, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.jobs import check_jobs
from exporter.checks.namespaces import check_namespaces
from exporter.checks.replaced import check_replaced
from exporter.checks.reviews import check_reviews
from exporter.checks.runs import check_runs
from exporter.checks.schemas import check_schemas
from exporter.cluster import CODERUNS, CONFIGMAPS, JOBS
from exporter.config import Settings
from exporter.kube.client import KubeClient
from exporter.profiles import resolved
from exporter.resources.kinds import RunKind, run_kinds
from exporter.sources import feeds, kinds_of
from exporter.telemetry import Telemetry

__all__ = ["HEALTHY", "NOTE", "UNHEALTHY", "UNKNOWN", "Finding", "findings"]


async def findings(client: KubeClient, settings: Settings) -> list[Finding]:
    """All findings, from the lists and watches of `run`.

    All requests are concurrent: a silent API server costs one wait.
    """
    kinds, everything = kinds_of(settings), feeds(settings, telemetry=Telemetry(clock=time.time))
    of = {name: [feed for feed in everything if feed.resource == name] for name in (CODERUNS, JOBS, CONFIGMAPS)}
    absent, reviews, configmaps, jobs, schemas, runs = await asyncio.gather(
        check_namespaces(client, settings),
        check_reviews(client, needed=settings.web.kubernetes_auth),
        check_configmaps(client, of[CONFIGMAPS]),
        check_jobs(client, of[JOBS], _job_kinds(settings)),
        check_schemas(client, settings.coderuns.kinds),
        asyncio.gather(*(check_runs(client, kind, of[CODERUNS], others=kinds) for kind in kinds)),
    )
    parts = (configmaps, jobs, *runs)
    seen = {scope for part in parts for scope in part.namespaces | part.unread}
    return [
        *(finding for name, finding in absent.items() if name not in seen),
        *reviews,
        *configmaps.findings,
        *(finding for part in runs for finding in part.findings),
        *jobs.findings,
        *check_replaced(settings.coderuns.kinds),
        *schemas,
        *check_agents(settings.thresholds.agents, [*runs, jobs]),
    ]


def _job_kinds(settings: Settings) -> list[RunKind]:
    """Those whose runs are Jobs themselves."""
    return [kind for kind in run_kinds([resolved(kind) for kind in settings.coderuns.kinds]) if kind.is_job]
