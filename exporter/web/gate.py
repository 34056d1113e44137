"""Verifies unknown credentials a few at a time, by turns between clients."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["BusyError", "Gate"]


class BusyError(Exception):
    """No turn within the time."""


class Gate:
    """`at_once` are verified at a time. The rest waits in lines, which take turns; the newest of a line is first.

    In the order of arrival, a first scrape would wait for every guess that came before it.
    """

    def __init__(self, *, at_once: int, wait_seconds: float) -> None:
        self._free = at_once
        self._wait_seconds = wait_seconds
        self._lines: dict[str, list[asyncio.Future[None]]] = {}

    async def run(self, line: str, work: Callable[[], Awaitable[bool]]) -> bool:
        """The result of the work, which keeps its slot to the end though the client goes away. Raises BusyError."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(line)
        return await asyncio.shield(asyncio.create_task(self._work(work)))

    async def _wait(self, line: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(line, []).append(turn)
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
            if turn in (waiting := self._lines.get(line, [])):
                waiting.remove(turn)
                if not waiting:
                    del self._lines[line]

    async def _work(self, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await work()
        finally:
            self._next()

    def _next(self) -> None:
        while self._lines:
            line = next(iter(self._lines))
            waiting = self._lines.pop(line)
            turn = waiting.pop()
            if waiting:
                self._lines[line] = waiting  # at the end of the lines
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
