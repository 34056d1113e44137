"""Whether Jobs can be listed."""

import asyncio
from collections.abc import Sequence

from exporter.checks.finding import HEALTHY, UNHEALTHY, UNKNOWN, Finding
from exporter.checks.runs import where
from exporter.kube.client import KubeClient
from exporter.kube.decode import page_of
from exporter.kube.errors import KubeError, MissingError

__all__ = ["check_jobs"]


async def check_jobs(client: KubeClient, *, scopes: Sequence[str | None], selected: dict[str, str]) -> list[Finding]:
    """A finding for each namespace, or for all at once."""
    return await asyncio.gather(*(_check(client, scope, selected) for scope in scopes))


async def _check(client: KubeClient, scope: str | None, selected: dict[str, str]) -> Finding:
    subject = f"jobs in {where(scope)}"
    path = f"/apis/batch/v1/namespaces/{scope}/jobs" if scope else "/apis/batch/v1/jobs"
    try:
        page = page_of(await client.get(path, {"limit": "1", **selected}))
    except MissingError as error:
        return Finding(status=UNHEALTHY, subject=subject, text=f"no such resource ({error})")
    except KubeError as error:
        return Finding(status=UNKNOWN, subject=subject, text=f"cannot be listed: {error}")
    return Finding(status=HEALTHY, subject=subject, text="can be listed" + ("" if page.items else ", none found"))
