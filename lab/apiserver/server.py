"""The server: connections, credentials, injected faults, and the paths that are not resources."""

import collections
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from lab.apiserver import discovery, pod_logs, routes, status, wire
from lab.apiserver.store import Store

if TYPE_CHECKING:
    import asyncio

__all__ = ["Intercept", "StandInApiServer"]

Intercept = Callable[[web.Request], Awaitable[web.StreamResponse | None]]

HEALTH = {"/livez", "/readyz", "/healthz"}
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0+stand-in", "platform": "python"}
LARGEST_BODY = 3 * 1024 * 1024  # bytes; the real server's limit
REMEMBERED_REQUESTS = 10_000


class StandInApiServer:
    """A kube-apiserver on loopback.

    `clock` returns seconds since the epoch for timestamps in metadata, `uid` returns UIDs; `bookmark_interval` is in
    seconds of real time. With a `token`, every request except health checks must have it. `url` is set after the
    start; `requests` has the latest requests as `METHOD path?query`. An `intercept` is called first for each request,
    and its response is used unless it returns None. Call all methods in the thread of the event loop.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        bookmark_interval: float = 60.0,
        token: str | None = None,
        uid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.store = Store(clock=clock, uid=uid)
        self.logs = pod_logs.PodLogs()
        self.intercept: Intercept | None = None
        self.url = ""
        self.requests: collections.deque[str] = collections.deque(maxlen=REMEMBERED_REQUESTS)
        self._bookmark_interval = bookmark_interval
        self._token = token
        self._runner: web.AppRunner | None = None
        self._open: set[asyncio.Transport] = set()

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> str:
        """Starts listening and returns the URL. Port 0 selects a free port. Raises OSError if the port is in use."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        """Closes all connections and open watches, and stops listening. The objects are kept for the next start()."""
        for transport in list(self._open):
            transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def compact(self) -> None:
        """Responds with 410 for every earlier version from now on; open watches continue."""
        self.store.compact()

    def bookmark(self) -> None:
        """Sends a bookmark to every open watch, for clocks that are set."""
        self.store.beat()

    def load(self, objects: Iterable[dict[str, Any]]) -> None:
        """Stores objects without HTTP, as `store.put` does; watches receive them. Raises LookupError."""
        for obj in objects:
            self.store.insert(obj)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        transport = request.transport
        if transport is not None:
            self._open.add(transport)
        try:
            return await self._answer(request)
        except status.StatusError as error:
            answer = error.response()
        except status.PageNotFoundError:
            answer = web.Response(status=404, text="404 page not found\n")
        finally:
            if transport is not None:
                self._open.discard(transport)
        # Audit-Id stands on every answer of a kube-apiserver; on these it tells them from a proxy's.
        answer.headers["Audit-Id"] = str(uuid.uuid4())
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.intercept is not None:
            answer = await self.intercept(request)
            if answer is not None:
                return answer
        if request.path in HEALTH:
            return web.Response(text="ok")
        if self._token is not None:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                raise status.StatusError(401, "Unauthorized", "Unauthorized")
        if request.path == "/version":
            return wire.json_bytes(msgspec.json.encode(VERSION))
        if request.method == "GET" and (found := discovery.discovered(self.store, request.path)):
            return wire.json_bytes(msgspec.json.encode(found))
        if request.method == "GET" and (log := pod_logs.answer(self.store, self.logs, request)) is not None:
            return log
        return await routes.answer(self.store, request, bookmark_interval=self._bookmark_interval)
