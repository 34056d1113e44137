"""Accepts connections up to a limit, including TLS handshakes, each with the current certificate."""

import asyncio
import functools
import itertools
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.web.limits import Limits, Refusals

__all__ = ["Listener"]

_PAUSE_SECONDS = 1.0
_UNSENT_BYTES = 64 * 1024  # asyncio's default for TLS is eight times as much


class Listener:
    """Accepts connections. At the limit, closes the longest idle one, starting with those without a response so far.

    At most half of the connections are handshakes. asyncio's own server has no limit, and cannot change its TLS
    context.
    """

    def __init__(self, *, context: Callable[[], ssl.SSLContext | None], limits: Limits, refusals: Refusals) -> None:
        self._context = context
        self._limits = limits
        self._refusals = refusals
        self._accepting: list[asyncio.Task[None]] = []
        self._opening: dict[asyncio.Task[None], None] = {}
        self._new: dict[web.RequestHandler, asyncio.Transport] = {}
        self._idle: dict[web.RequestHandler, asyncio.Transport] = {}
        self._busy: dict[web.RequestHandler, asyncio.Transport] = {}

    def start(self, sockets: Iterable[socket.socket], protocol: Callable[[], web.RequestHandler]) -> None:
        """Accepts connections on these sockets until `stop`."""
        self._accepting = [asyncio.create_task(self._accept(listening, protocol)) for listening in sockets]

    async def stop(self) -> None:
        """Stops accepting connections, and cancels handshakes."""
        tasks = [*self._accepting, *self._opening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def abort(self) -> None:
        """Closes all connections without sending buffered data."""
        for transport in (*self._new.values(), *self._idle.values(), *self._busy.values()):
            transport.abort()

    @web.middleware
    async def track(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Marks the connection as busy during an authenticated request, so that it is not closed at the limit."""
        connection, transport = request.protocol, request.transport
        if transport is None:
            raise ConnectionResetError
        self.lost(connection)
        self._busy[connection] = transport
        try:
            return await handler(request)
        finally:
            if self._busy.pop(connection, None):
                self._idle[connection] = transport

    def lost(self, connection: web.RequestHandler) -> None:
        """Removes a closed connection."""
        for connections in (self._new, self._idle, self._busy):
            connections.pop(connection, None)

    async def _accept(self, listening: socket.socket, protocol: Callable[[], web.RequestHandler]) -> None:
        # Small batches: each connection is handled before later ones can replace it.
        loop, batch = asyncio.get_running_loop(), max(1, self._limits.connections // 16)
        for count in itertools.count():
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError as error:  # usually: too many open files
                self._refusals.count("connections", detail=f"accept: {error.strerror}")
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if self._has_room():
                self._opening[(task := loop.create_task(self._open(accepted, protocol)))] = None
                task.add_done_callback(functools.partial(self._opened, accepted))
            else:
                accepted.close()
            if not count % batch:  # sock_accept does not yield while connections are pending
                await asyncio.sleep(0)

    def _opened(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        self._opening.pop(task, None)
        if task.cancelled():
            accepted.close()

    async def _open(self, accepted: socket.socket, protocol: Callable[[], web.RequestHandler]) -> None:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.unsent_bytes)
        secure: dict[str, Any] = {}
        if context := self._context():
            seconds = self._limits.handshake_seconds, self._limits.linger_seconds
            secure = {"ssl": context, "ssl_handshake_timeout": seconds[0], "ssl_shutdown_timeout": seconds[1]}
        loop = asyncio.get_running_loop()
        try:
            transport, connection = await loop.connect_accepted_socket(protocol, accepted, **secure)
        except ssl.SSLError as error:
            self._refusals.count("bad_handshake", detail=_reason(error))
        except ConnectionAbortedError:
            self._refusals.count("bad_handshake", detail=f"not complete after {self._limits.handshake_seconds:g} s")
        except OSError:
            pass  # the client went away
        else:
            transport.set_write_buffer_limits(high=_UNSENT_BYTES)
            if not transport.is_closing():
                self._new[connection] = transport

    def _has_room(self) -> bool:
        limit, open_now = self._limits.connections, (self._new, self._idle, self._busy)
        if len(self._opening) + sum(map(len, open_now)) < limit:
            return True
        self._refusals.count("connections")
        idle = self._new or self._idle
        if self._opening and (not idle or (self._context() and len(self._opening) > limit // 2)):
            oldest = next(iter(self._opening))
            del self._opening[oldest]
            return oldest.cancel()
        if not idle:
            return False
        idle.pop(next(iter(idle))).abort()
        return True


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
