"""Verifies unknown credentials a few at a time, the clients by turns."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable

__all__ = ["BusyError", "Gate"]


class BusyError(Exception):
    """No turn within the time."""


class Gate:
    """`at_once` are verified at a time. Of each client, which is an address, one waits in line for that."""

    def __init__(self, *, at_once: int, wait_seconds: float) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._wait_seconds = wait_seconds
        self._clients: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def run(self, client: str, work: Callable[[], Awaitable[bool]]) -> bool:
        """The result of the work, which keeps its slot to the end though the client goes away. Raises BusyError."""
        turn = self._clients.setdefault(client, asyncio.Lock())
        try:
            async with asyncio.timeout(self._wait_seconds), turn:
                await self._slots.acquire()
        except TimeoutError:
            raise BusyError from None
        return await asyncio.shield(asyncio.create_task(self._work(work)))

    async def _work(self, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await work()
        finally:
            self._slots.release()
