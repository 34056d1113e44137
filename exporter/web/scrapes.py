"""Limits concurrent scrapes, and requests to the exporter's API, with fair sharing between clients."""

import asyncio
import collections
import dataclasses
import math
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from exporter.web.access import client_id
from exporter.web.limits import Limits, Refusals

__all__ = ["Scrapes"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SLOW_SECONDS = 5.0  # half of the default scrape timeout of Prometheus


@dataclasses.dataclass(kw_only=True)
class _Running:
    client: str = dataclasses.field(repr=False)  # may be a token
    writer: AbstractStreamWriter
    begun: float = math.inf  # time of its first byte

    def bytes_per_second(self, now: float) -> float:
        """The speed of the client: infinite in the first second of a response, and 0 (slow) after 5 s."""
        seconds = now - self.begun
        if seconds >= _SLOW_SECONDS:
            return 0.0
        return self.writer.output_size / seconds if seconds >= 1 else math.inf


class Scrapes:
    """At the limit, the slowest scrape of the client with the most scrapes is disconnected for a new scrape.

    If the new scrape would give its own client as many scrapes, this happens only if the slowest scrape is slower
    than `min_bytes_per_second` or takes longer than 5 s. A client is a user, a token or an address.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        refusals: Refusals,
    ) -> None:
        self._limits = limits
        self._refusals = refusals
        self._running: dict[asyncio.Transport, _Running] = {}
        self._render_lock = asyncio.Lock()

    def limited(self, handler: Handler) -> Handler:
        """A handler that applies these limits to `handler`."""

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, handler)

        return serve

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serves a scrape; at the limit, responds with 503 and the message of Prometheus exporters."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        running, most = _Running(client=client_id(request), writer=request.writer), self._limits.max_requests
        if most and len(self._running) >= most and not self._make_room(running.client):
            self._refusals.count("max_requests")
            text = f"Limit of concurrent requests reached ({most}), try again later.\n"
            return web.Response(status=503, text=text)
        self._running[transport] = running
        try:
            async with asyncio.timeout(self._limits.response_seconds):
                async with self._render_lock:  # many scrapes that start together would block the event loop
                    await asyncio.sleep(0)
                return await handler(request)
        except TimeoutError:
            self._drop(transport)
            raise ConnectionResetError from None
        finally:
            self._running.pop(transport, None)

    async def begin(self, request: web.Request, _: web.StreamResponse) -> None:
        """Records the start of a response."""
        if request.transport in self._running:
            self._running[request.transport].begun = asyncio.get_running_loop().time()

    def drop_slow(self) -> None:
        """Disconnects slow clients, which would delay the shutdown."""
        now = asyncio.get_running_loop().time()
        for transport, running in self._running.items():
            if running.bytes_per_second(now) < self._limits.min_bytes_per_second:
                transport.abort()

    def _make_room(self, client: str) -> bool:
        now = asyncio.get_running_loop().time()
        held = collections.Counter(running.client for running in self._running.values())
        most = max(held.values())
        crowd = [(transport, one) for transport, one in self._running.items() if held[one.client] == most]
        slowest, running = min(crowd, key=lambda pair: pair[1].bytes_per_second(now))
        if most < held[client] + 2 and running.bytes_per_second(now) >= self._limits.min_bytes_per_second:
            return False
        del self._running[slowest]
        self._drop(slowest)
        return True

    def _drop(self, transport: asyncio.Transport) -> None:
        self._refusals.count("slow_reader")
        transport.abort()
