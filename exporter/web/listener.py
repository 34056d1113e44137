"""Accepts connections up to a limit, TLS handshakes included, each with the certificate that is valid now."""

import asyncio
import functools
import itertools
import socket
import ssl
from collections.abc import Callable, Collection, Iterable
from typing import Any

from aiohttp import web

from exporter.web.limits import Limits, Refusals

__all__ = ["Listener"]

_PAUSE_SECONDS = 1.0
_UNSENT_BYTES = 64 * 1024  # asyncio's default for TLS is eight times as much


class Listener:
    """At the limit, the longest idle connection makes room: first one in its handshake, then one without a response.

    asyncio's own listener has no limit, and one TLS context for its lifetime. `busy` have a request in progress and
    `served` have had a response, both after authentication.
    """

    def __init__(
        self,
        *,
        server: web.Server,
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext | None],
        limits: Limits,
        refusals: Refusals,
        busy: Collection[web.RequestHandler],
        served: Collection[web.RequestHandler],
    ) -> None:
        self._server = server
        self._protocol = protocol
        self._context = context
        self._limits = limits
        self._refusals = refusals
        self._busy = busy
        self._served = served
        self._opening: dict[asyncio.Task[None], None] = {}
        self._accepting: list[asyncio.Task[None]] = []

    def start(self, sockets: Iterable[socket.socket]) -> None:
        """Accepts connections of these listening sockets until `stop`."""
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in sockets]

    async def stop(self) -> None:
        """Accepts no more, and ends handshakes."""
        tasks = [*self._accepting, *self._opening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listening: socket.socket) -> None:
        # Far fewer than all: each is looked at before the next ones can displace it.
        loop, batch = asyncio.get_running_loop(), max(1, self._limits.connections // 4)
        for count in itertools.count():
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError as error:  # above all: no descriptor is left
                self._refusals.count("connections", detail=f"accept: {error.strerror}")
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if self._has_room():
                self._opening[(task := loop.create_task(self._open(accepted)))] = None
                task.add_done_callback(functools.partial(self._opened, accepted))
            else:
                accepted.close()
            if not count % batch:  # where many wait, sock_accept never yields
                await asyncio.sleep(0)

    def _opened(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        self._opening.pop(task, None)
        if task.cancelled():
            accepted.close()

    async def _open(self, accepted: socket.socket) -> None:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.unsent_bytes)
        secure: dict[str, Any] = {}
        if context := self._context():
            seconds = self._limits.handshake_seconds, self._limits.linger_seconds
            secure = {"ssl": context, "ssl_handshake_timeout": seconds[0], "ssl_shutdown_timeout": seconds[1]}
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.connect_accepted_socket(self._protocol, accepted, **secure)
        except ssl.SSLError as error:
            self._refusals.count("bad_handshake", detail=_reason(error))
        except ConnectionAbortedError:
            self._refusals.count("bad_handshake", detail=f"not complete after {self._limits.handshake_seconds:g} s")
        except OSError:
            pass  # the client went away
        else:
            transport.set_write_buffer_limits(high=_UNSENT_BYTES)

    def _has_room(self) -> bool:
        connections = self._server.connections
        if len(connections) + len(self._opening) < self._limits.connections:
            return True
        self._refusals.count("connections")
        if self._opening:
            oldest = next(iter(self._opening))
            del self._opening[oldest]
            return oldest.cancel()
        idle = [connection for connection in connections if connection not in self._busy and connection.transport]
        victim = min(idle, key=lambda connection: connection in self._served, default=None)
        if victim is None or victim.transport is None:
            return False
        victim.transport.abort()
        return True


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
