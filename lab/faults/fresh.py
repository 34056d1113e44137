"""The metrics of a newly started exporter, with which those of a running exporter are compared."""

import asyncio
import pathlib
from typing import Any

import msgspec

from exporter.app import serve
from exporter.config import Settings

__all__ = ["fresh_page", "until_closed"]


def fresh_page(settings: dict[str, Any], *, kubeconfig: pathlib.Path) -> str:
    """Runs a new exporter until every resource is listed or denied, and returns its metrics.

    Counters and the metrics of the exporter itself are omitted. `settings` is a parsed configuration file.
    """
    own = {"kubernetes": {"kubeconfig": str(kubeconfig)}, "web": {"listen_addresses": ["127.0.0.1:0"]}}
    return asyncio.run(_page(msgspec.convert(settings | own, Settings)))


async def _page(settings: Settings) -> str:
    async with asyncio.timeout(30):
        async with serve(settings) as app:
            while any(status.pending for status in app.health.statuses) or not app.store.render(seconds=1.0):
                await asyncio.sleep(0.01)
            exposition = b"".join(app.store.exposition(tail="").plain()).decode()
        await until_closed()
    return exposition


async def until_closed() -> None:
    """Waits until the running loop has no open connection. Raises TimeoutError after 30 s.

    A request that is cancelled before its response closes TLS in order, after its session has ended.
    """
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    async with asyncio.timeout(30):
        while len(selector.get_map()) > 1:  # one entry is the loop's own pipe
            await asyncio.sleep(0.01)
