"""Servers of tests on loopback, each in its own thread."""

import asyncio
import http.server
import socketserver
import threading
from abc import ABC, abstractmethod
from typing import Self

__all__ = ["AsyncLoopback", "Loopback"]


class Loopback:
    """A server with this handler at `address` (host and port). A context manager."""

    def __init__(
        self,
        handler: type[socketserver.BaseRequestHandler],
        *,
        server: type[socketserver.TCPServer] = http.server.ThreadingHTTPServer,
    ) -> None:
        self._server = server(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class AsyncLoopback(ABC):
    """An asyncio server with its own event loop. A context manager."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        await self._serve()

    @abstractmethod
    async def _serve(self) -> None:
        """Listens, sets `_ready`, waits for `_over`, and closes."""
