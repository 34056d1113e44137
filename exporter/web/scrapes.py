"""Concurrent scrapes up to a limit, shared between clients."""

import asyncio
import collections
from collections.abc import Awaitable, Callable

from aiohttp import web

from exporter.web.access import client_of
from exporter.web.limits import Limits, Refusals

__all__ = ["Scrapes"]


class Scrapes:
    """At the limit, the client with most scrapes gives up its oldest one.

    To a client with fewer at once; else only one that has run for `turn_seconds`. A client is a user, or an address.
    """

    def __init__(
        self,
        *,
        scrape: Callable[[web.Request], Awaitable[web.StreamResponse]],
        limits: Limits,
        refusals: Refusals,
    ) -> None:
        self._scrape = scrape
        self._limits = limits
        self._refusals = refusals
        self._running: dict[asyncio.Transport, tuple[str, float]] = {}
        self._render_lock = asyncio.Lock()

    async def scrape(self, request: web.Request) -> web.StreamResponse:
        """Serves it; with 503 where there are too many, in the words of Prometheus' own exporters."""
        client, now, transport = client_of(request), asyncio.get_running_loop().time(), request.transport
        if transport is None:
            raise ConnectionResetError
        most = self._limits.max_requests
        if most and len(self._running) >= most and not self._make_room(client, now):
            self._refusals.count("max_requests")
            text = f"Limit of concurrent requests reached ({most}), try again later.\n"
            return web.Response(status=503, text=text)
        self._running[transport] = client, now
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                async with self._render_lock:  # many pages that begin at once would block the event loop
                    await asyncio.sleep(0)
                return await self._scrape(request)
        except TimeoutError:
            self._drop(transport)
            raise ConnectionResetError from None
        finally:
            self._running.pop(transport, None)

    def _make_room(self, client: str, now: float) -> bool:
        held = collections.Counter(client for client, _ in self._running.values())
        most = max(held.values())
        oldest, begun = next((one, begun) for one, (owner, begun) in self._running.items() if held[owner] == most)
        if most < held[client] + 2 and now - begun < self._limits.turn_seconds:
            return False
        del self._running[oldest]
        self._drop(oldest)
        return True

    def _drop(self, transport: asyncio.Transport) -> None:
        self._refusals.count("slow_reader")
        transport.abort()
