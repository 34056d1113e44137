"""Runs the real exporter in the demo."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator

import exporter.app
from exporter.config import Kubernetes, Logs, Settings, Web
from lab.clock import FastClock

__all__ = ["serve_exporter"]

_POLL_SECONDS = 10.0  # simulated seconds between two polls of the logs; each log is read at its own times


@contextlib.asynccontextmanager
async def serve_exporter(*, address: str, kubeconfig: pathlib.Path, clock: FastClock) -> AsyncIterator[str]:
    """The exporter with its default settings, except for the API server, the listen address and access to logs.

    The clock stops until each poll of the logs has ended.
    """
    settings = Settings(
        kubernetes=Kubernetes(kubeconfig=str(kubeconfig)),
        web=Web(listen_addresses=(address,)),
        logs=Logs(enabled=True),
    )
    async with exporter.app.serve(settings, clock=clock, polls_logs=False) as app, asyncio.TaskGroup() as group:
        polling = group.create_task(_poll(app, clock))
        yield app.url
        polling.cancel()
        clock.hold_at("logs", None)


async def _poll(app: exporter.app.App, clock: FastClock) -> None:
    while app.logs is not None:
        await app.logs.poll()
        clock.hold_at("logs", clock() + 2 * _POLL_SECONDS)
        await clock.sleep(_POLL_SECONDS)
