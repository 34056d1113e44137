"""So many scrapes at once, and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from exporter.web.connections import Connection, Connections

__all__ = ["Scrapes"]


class Scrapes:
    """Keeps the scrapes at once under the limit, and lets them in one by one."""

    def __init__(
        self, *, scrape: Callable[[web.Request], Awaitable[web.StreamResponse]], connections: Connections
    ) -> None:
        self._scrape = scrape
        self._connections = connections
        self._limits = connections.limits
        self._running: set[Connection] = set()
        self._door = asyncio.Lock()

    async def scrape(self, request: web.Request) -> web.StreamResponse:
        """Answers it, or with 503 where there are too many, in the words of Prometheus' own exporters."""
        most = self._limits.max_requests
        if most and len(self._running) >= most and not self._make_room():
            self._connections.refusals.count("max_requests")
            text = f"Limit of concurrent requests reached ({most}), try again later.\n"
            return web.Response(status=503, text=text)
        connection = cast("Connection", request.protocol)
        self._running.add(connection)
        try:
            async with self._door:  # a page is made in one go: many that begin at once would hold the event loop up
                await asyncio.sleep(0)
            answer = await self._scrape(request)
            await connection.sent()
            return answer
        finally:
            self._running.discard(connection)

    def _make_room(self) -> bool:
        """Drops the reader that has taken nothing for longest, so that slow readers do not keep all others out."""
        slowest = max(self._running, key=Connection.stalled_seconds)
        if slowest.stalled_seconds() < self._limits.stall_seconds:
            return False
        self._running.discard(slowest)
        self._connections.drop(slowest, reason="slow_reader")
        return True
