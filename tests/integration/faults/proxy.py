"""A proxy between the exporter and a real API server, which does to their talk what bad networks and servers do."""

import asyncio
import dataclasses
import pathlib
import ssl
import threading
from typing import Literal, Self

import aiohttp
from aiohttp import web

from tests.integration.faults.fresh import until_closed

__all__ = ["Asked", "Fault", "FaultProxy"]

_PAUSE_SECONDS = 0.02
_PASSED_ON = ("Content-Type", "Retry-After", "Warning")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """One request. The streamed list of a watch (sendInitialEvents) is a list."""

    kind: Literal["list", "watch"]
    path: str
    query: dict[str, str]
    token: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to requests: by default to all of them, and nothing.

    `answer` (status, headers, body) stands for the server's own. Of a body only the first `after` bytes pass, and
    `then` the connection is reset, the answer ends in good order, or nothing comes any more. `delay` is in seconds
    before anything is said, `rate` in bytes a second, and after `lasts` seconds an answer ends in good order.
    """

    kind: Literal["any", "list", "watch"] = "any"
    path: str = ""
    times: int | None = None
    delay: float = 0.0
    answer: tuple[int, dict[str, str], bytes] | None = None
    after: int = 0
    then: Literal["pass", "reset", "end", "silence"] = "pass"
    rate: int | None = None
    lasts: float | None = None

    def is_for(self, asked: Asked) -> bool:
        """Whether it strikes this request."""
        return self.kind in {"any", asked.kind} and self.path in asked.path


class FaultProxy:
    """An https server at `url` in a thread of its own, with the certificate of the API server that it speaks for.

    `asked` are the requests so far. Used as a context manager.
    """

    def __init__(self, *, server: str, ca: pathlib.Path, key: pathlib.Path) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._server = server
        self._trust = ssl.create_default_context(cafile=ca)
        self._identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._identity.load_cert_chain(ca, key)
        self._fault = Fault()
        self._left: int | None = None
        self._silent = False
        self._clients: dict[int, web.Request] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    @property
    def open(self) -> int:
        """How many answers are under way."""
        return len(self._clients)

    def strike(self, fault: Fault) -> None:
        """From now on requests meet this fault; `Fault()` is none. Answers under way go on as they began."""
        self._fault, self._left = fault, fault.times

    def silence(self, *, silent: bool = True) -> None:
        """Swallow every byte, of answers under way too: connections stay open, and nobody says anything."""
        self._silent = silent

    def cut(self) -> None:
        """Reset every connection whose answer is under way."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(timeout=30)

    async def _cut(self) -> None:
        for request in list(self._clients.values()):
            _reset(request)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A handler ends with its client, as a real server's does.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
            self._session = session
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._identity).start()
            self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._over.wait()
            await self._cut()
            await runner.cleanup()
        await until_closed()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = self._fault_for(_asked(request))
        self._clients[id(request)] = request
        try:
            await self._while_silent()
            await asyncio.sleep(fault.delay)
            if fault.answer:
                status, headers, body = fault.answer
                return web.Response(status=status, headers=headers, body=body)
            return await self._pass_on(request, fault)
        except (aiohttp.ClientError, ConnectionError):
            _reset(request)  # the server is away, or the client
            return web.Response()
        finally:
            del self._clients[id(request)]

    def _fault_for(self, asked: Asked) -> Fault:
        self.asked.append(asked)
        if not self._fault.is_for(asked) or self._left == 0:
            return Fault()
        self._left = None if self._left is None else self._left - 1
        return self._fault

    async def _pass_on(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        headers = {key: request.headers[key] for key in ("Authorization", "Accept") if key in request.headers}
        async with self._session.get(self._server + request.path_qs, headers=headers) as theirs:
            answer = web.StreamResponse(
                status=theirs.status,
                headers={key: theirs.headers[key] for key in _PASSED_ON if key in theirs.headers},
            )
            answer.enable_chunked_encoding()
            await answer.prepare(request)
            try:
                async with asyncio.timeout(fault.lasts):
                    await self._pour(request, theirs, answer, fault)
            except TimeoutError:
                pass
            await answer.write_eof()
            return answer

    async def _pour(
        self, request: web.Request, theirs: aiohttp.ClientResponse, answer: web.StreamResponse, fault: Fault
    ) -> None:
        passed = 0
        async for piece in theirs.content.iter_any():
            await self._while_silent()
            if fault.then != "pass" and passed + len(piece) >= fault.after:
                await answer.write(piece[: fault.after - passed])
                await self._then(request, fault)
                return
            passed += len(piece)
            await _write(answer, piece, rate=fault.rate)

    async def _then(self, request: web.Request, fault: Fault) -> None:
        if fault.then == "reset":
            await asyncio.sleep(_PAUSE_SECONDS)  # what was written has to be sent first
            _reset(request)
        while fault.then == "silence" and request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _while_silent(self) -> None:
        while self._silent:
            await asyncio.sleep(_PAUSE_SECONDS)


async def _write(answer: web.StreamResponse, piece: bytes, *, rate: int | None) -> None:
    if rate is None:
        await answer.write(piece)
        return
    portion = max(1, round(rate * _PAUSE_SECONDS))
    for begin in range(0, len(piece), portion):
        await answer.write(piece[begin : begin + portion])
        await asyncio.sleep(_PAUSE_SECONDS)


def _asked(request: web.Request) -> Asked:
    is_watch = request.query.get("watch") == "true" and "sendInitialEvents" not in request.query
    return Asked(
        kind="watch" if is_watch else "list",
        path=request.path,
        query=dict(request.query),
        token=request.headers.get("Authorization", "").removeprefix("Bearer "),
    )


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
