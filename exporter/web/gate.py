"""Verifies unknown credentials a few at a time, by turns between clients."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["BusyError", "Gate"]


class BusyError(Exception):
    """No turn within the time."""


class _Line:
    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []
        self._newest = False

    def pop(self) -> asyncio.Future[None]:
        self._newest = not self._newest
        return self.waiting.pop(-1 if self._newest else 0)


class Gate:
    """`at_once` are verified at a time. The rest waits in lines, which take turns.

    Of a line, the newest and the oldest alternate: the newest, because a first scrape would wait for every guess that
    came before it; the oldest, because a burst of guesses would bury it.
    """

    def __init__(self, *, at_once: int, wait_seconds: float) -> None:
        self._free = at_once
        self._wait_seconds = wait_seconds
        self._lines: dict[str, _Line] = {}

    async def run(self, line: str, work: Callable[[], Awaitable[bool]]) -> bool:
        """The result of the work, which keeps its slot to the end though the client goes away. Raises BusyError."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(line)
        task = asyncio.create_task(self._work(work))
        task.add_done_callback(lambda task: task.cancelled() or task.exception())  # or asyncio logs that none read it
        return await asyncio.shield(task)

    async def _wait(self, line: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(line, _Line()).waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._next()  # its turn had come
            if isinstance(error, TimeoutError):
                raise BusyError from None
            raise
        finally:
            if (own := self._lines.get(line)) and turn in own.waiting:
                own.waiting.remove(turn)
                if not own.waiting:
                    del self._lines[line]

    async def _work(self, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await work()
        finally:
            self._next()

    def _next(self) -> None:
        while self._lines:
            name = next(iter(self._lines))
            line = self._lines.pop(name)
            turn = line.pop()
            if line.waiting:
                self._lines[name] = line  # after all others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
