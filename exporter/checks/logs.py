"""Checks the permission to read logs: requests that of a Pod that does not exist.

The API server authorizes a request before it looks for the Pod: 404 means that the request is permitted.
"""

import asyncio

from exporter.checks.finding import HEALTHY, NOTE, Finding
from exporter.checks.merging import error_cause
from exporter.checks.reading import where
from exporter.kube.client import KubeClient
from exporter.kube.errors import ForbiddenError, KubeError, NotFoundError
from exporter.resources.wanted import WatchConfig

__all__ = ["check_logs"]

_NAME = "coderun-exporter-check"
_ANY = "default"
"""The namespace that stands for all: a permission in all namespaces applies to each."""
_WITHOUT = "without it, the last word, the cost and the silence of agents are unknown"


async def check_logs(client: KubeClient, wanted: WatchConfig) -> list[Finding]:
    """A note or a success for each namespace, or for all; none if logs are not read."""
    scopes = wanted.scopes if wanted.logs else ()
    return await asyncio.gather(*(_check(client, scope) for scope in scopes))


async def _check(client: KubeClient, scope: str | None) -> Finding:
    subject = f"logs in {where(scope or '*')}"
    path = f"/api/v1/namespaces/{scope or _ANY}/pods/{_NAME}/log"
    try:
        async for _ in client.log(path, {"tailLines": "1"}):
            pass
    except NotFoundError as error:
        if error.by_api_server:
            return Finding(status=HEALTHY, subject=subject, text="can be read")
        text, cause = f"cannot be checked: {error}", error_cause(error, path=path)
    except ForbiddenError:
        text, cause = f"not permitted: grant the verb get for pods/log; {_WITHOUT}", ""
    except KubeError as error:
        text, cause = f"cannot be checked: {error}", error_cause(error, path=path)
    else:
        return Finding(status=HEALTHY, subject=subject, text="can be read")
    return Finding(status=NOTE, subject=subject, text=text, cause=cause, area="logs")
