"""A load balancer that closes a connection after some seconds without data in either direction."""

import asyncio
import contextlib
import socket
import struct
import time

from lab.loopback import AsyncLoopback

__all__ = ["IdleTimeoutProxy"]

_POLL_SECONDS = 0.1
_BUFFER = 1 << 16


class IdleTimeoutProxy(AsyncLoopback):
    """A TCP proxy for a port on loopback, which does not decrypt TLS. `cuts` is the number of closed connections.

    It sends FIN, or RST if `reset` is set. It is a context manager.
    """

    def __init__(self, *, to: int, seconds: float, reset: bool) -> None:
        self.port = 0
        self.seconds = seconds
        self.reset = reset
        self.cuts = 0
        self._to = to
        self._open: set[asyncio.Task[None]] = set()
        super().__init__()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await asyncio.sleep(_POLL_SECONDS)  # transports close in the next turn of the event loop

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connection(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to)
        last = time.monotonic()

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            nonlocal last
            with contextlib.suppress(ConnectionError):
                while data := await source.read(_BUFFER):
                    last = time.monotonic()
                    target.write(data)
                    await target.drain()

        directions = [
            asyncio.create_task(pass_on(reader, server_writer)),
            asyncio.create_task(pass_on(server_reader, writer)),
        ]
        try:
            while not any(task.done() for task in directions) and time.monotonic() - last < self.seconds:
                await asyncio.sleep(_POLL_SECONDS)
            if not any(task.done() for task in directions):
                self._cut(writer)
        finally:
            for task in directions:
                task.cancel()
            writer.close()
            server_writer.close()

    def _cut(self, writer: asyncio.StreamWriter) -> None:
        self.cuts += 1
        if self.reset:
            linger = struct.pack("ii", 1, 0)  # close() then sends RST
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
