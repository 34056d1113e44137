"""Runs the demo's agent platform on a real cluster. Its controller is simulated, but the Jobs and pods are real."""

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
_RETRIED = {
    http.HTTPStatus.NOT_FOUND,  # the object was deleted, or its CRD is not served yet
    http.HTTPStatus.CONFLICT,
    http.HTTPStatus.TOO_MANY_REQUESTS,  # kube-apiserver rejects writes to a new custom resource for some seconds
    http.HTTPStatus.SERVICE_UNAVAILABLE,
}


class LivePlatform:
    """Installs the platform in its namespace and reconciles every half second. A context manager."""

    def __init__(self, plane: ControlPlane, *, say: Callable[[str], None] | None = None) -> None:
        """`say` is called with a line for each run that the controller cannot handle. Without it, the run raises."""
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
        """Runs an action of a user or a workflow on the platform. Raises the exceptions of the action."""

        async def done() -> None:
            await deed(self._platform)

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=30)

    async def _live(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        trust = ssl.create_default_context(cafile=self._plane.ca)
        credentials = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with Writer(base_url=self._plane.url, ssl=trust, headers=credentials) as writer:
            self._platform = Platform(writer=writer, clock=time.time)
            while not await _succeeded(self._platform.install(), self._platform.reconcile()):
                await asyncio.sleep(_ROUND_SECONDS)
            self._ready.set()
            while not self._over.is_set():
                await _succeeded(self._platform.reconcile(fault=self._fault if self._say else None))
                await asyncio.sleep(_ROUND_SECONDS)

    def _fault(self, run: str, error: Exception) -> None:
        """Reports an error, without repetition. Ignores errors that the next reconciliation may not have."""
        if isinstance(error, WriterError):
            if error.status in _RETRIED:
                return
            reason = str(error)
        else:
            reason = f"its spec has no {error}" if isinstance(error, KeyError) else f"its spec is malformed: {error}"
        line = f"the controller cannot handle CodeRun {run}: {reason}"
        if self._say and line not in self._said:
            self._said.add(line)
            self._say(line)


async def _succeeded(*work: Awaitable[None]) -> bool:
    """Whether all work succeeded. The next reconciliation retries the rest."""
    worked = True
    for each in work:
        try:
            await each
        except WriterError as error:
            if error.status not in _RETRIED:
                raise
            worked = False
        except (aiohttp.ClientError, TimeoutError):  # the API server is not available
            worked = False
    return worked
