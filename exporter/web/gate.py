"""Limits concurrent verifications of credentials, with fair queuing between clients."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["BusyError", "Gate"]


class BusyError(Exception):
    """The request waited in the queue for too long."""


class _Queue:
    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []
        self._newest = False

    def pop(self) -> asyncio.Future[None]:
        self._newest = not self._newest
        return self.waiting.pop(-1 if self._newest else 0)


class Gate:
    """Runs at most `concurrency` verifications at once. Others wait in queues, which are served round-robin.

    Each queue serves its newest and its oldest request in turn. So a first scrape does not wait for all credentials
    that were guessed before it, and credentials that are guessed later do not delay it.
    """

    def __init__(self, *, concurrency: int, wait_seconds: float) -> None:
        self._free = concurrency
        self._wait_seconds = wait_seconds
        self._queues: dict[str, _Queue] = {}

    async def run(self, queue: str, work: Callable[[], Awaitable[bool]]) -> bool:
        """Runs the work and returns its result. It continues if the client disconnects. Raises BusyError."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(queue)
        task = asyncio.create_task(self._work(work))
        task.add_done_callback(lambda task: task.cancelled() or task.exception())  # else asyncio logs the exception
        return await asyncio.shield(task)

    async def _wait(self, key: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, _Queue()).waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._next()  # gives its slot to the next request
            if isinstance(error, TimeoutError):
                raise BusyError from None
            raise
        finally:
            if (queue := self._queues.get(key)) and turn in queue.waiting:
                queue.waiting.remove(turn)
                if not queue.waiting:
                    del self._queues[key]

    async def _work(self, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await work()
        finally:
            self._next()

    def _next(self) -> None:
        while self._queues:
            name = next(iter(self._queues))
            queue = self._queues.pop(name)
            turn = queue.pop()
            if queue.waiting:
                self._queues[name] = queue  # after all others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
