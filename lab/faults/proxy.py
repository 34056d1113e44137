"""A proxy between the exporter and a real API server that injects faults."""

import asyncio
import dataclasses
import pathlib
import socket
import ssl
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Literal

import aiohttp
import trustme
from aiohttp import web

from lab.faults.fault import Asked, Fault
from lab.faults.fresh import until_closed
from lab.faults.pouring import PAUSE_SECONDS, pour, reset
from lab.loopback import AsyncLoopback

__all__ = ["Asked", "Fault", "FaultProxy"]

_FORWARDED_HEADERS = ("Audit-Id", "Content-Type", "Retry-After", "Warning")


class FaultProxy(AsyncLoopback):
    """An https server at `url` in its own thread, with the certificate of the API server.

    In a quiet watch, it sends an empty line each second, because timeouts in the tests are seconds and the API server
    sends a bookmark only each minute. `asked` are the requests so far, without discovery, which no fault affects.
    `tokens` maps tokens of clients to the tokens with which they are replaced. A context manager.
    """

    def __init__(self, *, server: str, ca: pathlib.Path, key: pathlib.Path) -> None:
        self.asked: list[Asked] = []
        self.tokens: dict[str, str] = {}
        self.url = ""
        self._server = server
        self._files = (ca, key)
        self._trust = ssl.create_default_context(cafile=ca)
        self._identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._identity.load_cert_chain(ca, key)
        self._faults: list[Fault] = []
        self._silent = False
        self._backlog: socket.socket | None = None
        self._clients: dict[int, web.Request] = {}
        self._limits: dict[int, asyncio.Timeout] = {}
        super().__init__()

    @property
    def open(self) -> int:
        """The number of responses in progress."""
        return len(self._clients)

    def strike(self, *faults: Fault) -> None:
        """Sets the faults for new requests. Each request gets the first fault that applies; `Fault()` is no fault.

        Responses in progress are not affected.
        """
        self._faults = list(faults)

    def struck(self) -> Counter[str]:
        """The number of requests that a fault has affected, by plural of the resource."""
        return Counter(asked.resource for asked in list(self.asked) if asked.struck)

    def silence(self, *, silent: bool = True) -> None:
        """Stops sending data, also of responses in progress. Connections stay open."""
        self._silent = silent

    def cut(self) -> None:
        """Resets every connection with a response in progress."""
        self._run_on_loop(self._cut())

    def end(self) -> None:
        """Ends every response in progress regularly, like a server that shuts down."""
        self._run_on_loop(self._end())

    def deafen(self, *, deaf: bool = True) -> None:
        """Lets the operating system accept connections without reading from them, so the TLS handshake hangs."""
        self._run_on_loop(self._deafen(deaf=deaf))

    def show(self, certificate: trustme.LeafCert | None) -> None:
        """Sets the certificate for new connections. It must be RSA. None is the certificate of the API server."""
        if certificate is None:
            self._identity.load_cert_chain(*self._files)
        else:
            certificate.configure_cert(self._identity)

    def _run_on_loop(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _cut(self) -> None:
        for request in list(self._clients.values()):
            reset(request)

    async def _end(self) -> None:
        for limit in self._limits.values():
            limit.reschedule(self._loop.time())

    async def _deafen(self, *, deaf: bool) -> None:
        port = int(self.url.rpartition(":")[2])
        if deaf:
            await self._site.stop()
            self._backlog = socket.create_server(("127.0.0.1", port))
        elif self._backlog is not None:
            self._backlog.close()
            await self._listen(port)

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Handlers are cancelled when the client disconnects, as in a real server.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
            self._session = session
            await self._runner.setup()
            await self._listen(0)
            self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"
            self._ready.set()
            await self._over.wait()
            await self._cut()
            await self._runner.cleanup()
        await until_closed()

    async def _listen(self, port: int) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=self._identity)
        await self._site.start()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = Fault() if _is_discovery(request) else self._fault_for(_parse_request(request))
        self._clients[id(request)] = request
        try:
            await self._while_silent()
            await asyncio.sleep(fault.delay)
            while fault.held():
                await asyncio.sleep(PAUSE_SECONDS)
            if fault.answer:
                status, headers, body = fault.answer
                return web.Response(status=status, headers=headers, body=body)
            return await self._forward(request, fault)
        except (aiohttp.ClientError, ConnectionError):
            reset(request)  # the server or the client has disconnected
            return web.Response()
        finally:
            del self._clients[id(request)]

    def _fault_for(self, asked: Asked) -> Fault:
        for index, fault in enumerate(self._faults):
            if fault.is_for(asked) and fault.times != 0:
                if fault.times is not None:
                    self._faults[index] = dataclasses.replace(fault, times=fault.times - 1)
                self.asked.append(dataclasses.replace(asked, struck=fault != Fault()))
                return fault
        self.asked.append(asked)
        return Fault()

    async def _forward(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        headers = {key: request.headers[key] for key in ("Authorization", "Accept") if key in request.headers}
        if (token := _token(request)) in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[token]}"
        async with self._session.get(self._server + request.path_qs, headers=headers) as upstream:
            answer = web.StreamResponse(
                status=upstream.status,
                headers={key: upstream.headers[key] for key in _FORWARDED_HEADERS if key in upstream.headers},
            )
            if _is_discovery(request):
                answer.force_close()  # so that the next request opens a new connection
            answer.enable_chunked_encoding()
            await answer.prepare(request)
            try:
                async with asyncio.timeout(fault.lasts) as self._limits[id(request)]:
                    await pour(upstream, answer, fault=fault, request=request, silence=self._while_silent)
            except TimeoutError:
                pass
            finally:
                del self._limits[id(request)]
            await answer.write_eof()
            return answer

    async def _while_silent(self) -> None:
        while self._silent:
            await asyncio.sleep(PAUSE_SECONDS)


def _parse_request(request: web.Request) -> Asked:
    return Asked(
        at=time.monotonic(),
        kind=_kind(request),
        path=request.path,
        query=dict(request.query),
        token=_token(request),
    )


def _is_discovery(request: web.Request) -> bool:
    """Whether the path is /apis, /apis/GROUP or /apis/GROUP/VERSION."""
    root, *more = request.path.strip("/").split("/")
    return root == "apis" and len(more) <= 2


def _kind(request: web.Request) -> Literal["stream", "page", "watch"]:
    if "sendInitialEvents" in request.query:
        return "stream"
    return "watch" if "watch" in request.query else "page"


def _token(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")
