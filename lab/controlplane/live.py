"""The platform of the demo on a real cluster: its controller is simulated, Jobs and pods are those of the cluster."""

import asyncio
import http
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Self

import aiohttp

from lab.controlplane.plane import ADMIN_TOKEN, ControlPlane
from lab.platform.controller import Platform
from lab.platform.writer import Writer, WriterError

__all__ = ["LivePlatform"]

_ROUND_SECONDS = 0.5
_LATER = {
    http.HTTPStatus.NOT_FOUND,  # gone meanwhile, or a CRD that is not served yet
    http.HTTPStatus.CONFLICT,
    http.HTTPStatus.TOO_MANY_REQUESTS,  # the first write to a new CRD is held back for some seconds
    http.HTTPStatus.SERVICE_UNAVAILABLE,
}


class LivePlatform:
    """Installs the platform in its namespace and reconciles every half second. A context manager."""

    def __init__(self, plane: ControlPlane, *, say: Callable[[str], None] | None = None) -> None:
        """`say` gets a line for each run that the controller cannot handle; without it such a run is an error."""
        self._plane = plane
        self._say = say
        self._said = set[str]()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(timeout=60), "the platform could not be installed"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def do(self, deed: Callable[[Platform], Awaitable[None]]) -> None:
        """Runs an action of a person or workflow. Raises its exceptions."""

        async def done() -> None:
            await deed(self._platform)

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=30)

    async def _live(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        trust = ssl.create_default_context(cafile=self._plane.ca)
        credentials = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with Writer(base_url=self._plane.url, ssl=trust, headers=credentials) as writer:
            self._platform = Platform(writer=writer, clock=time.time)
            while not await _worked(self._platform.install(), self._platform.reconcile()):
                await asyncio.sleep(_ROUND_SECONDS)
            self._ready.set()
            while not self._over.is_set():
                await _worked(self._platform.reconcile(fault=self._fault if self._say else None))
                await asyncio.sleep(_ROUND_SECONDS)

    def _fault(self, run: str, error: Exception) -> None:
        """Reports each line once. Errors that may not occur in the next round are ignored."""
        if isinstance(error, WriterError):
            if error.status in _LATER:
                return
            reason = str(error)
        else:
            reason = f"its spec has no {error}" if isinstance(error, KeyError) else f"its spec is malformed: {error}"
        line = f"the controller cannot handle CodeRun {run}: {reason}"
        if self._say and line not in self._said:
            self._said.add(line)
            self._say(line)


async def _worked(*work: Awaitable[None]) -> bool:
    """Whether all of it was done; the next round retries the rest."""
    worked = True
    for each in work:
        try:
            await each
        except WriterError as error:
            if error.status not in _LATER:
                raise
            worked = False
        except (aiohttp.ClientError, TimeoutError):  # the API server is away
            worked = False
    return worked
