"""Who is not known yet is looked at one by one, and only so many wait."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator

__all__ = ["BusyError", "Gate"]

_WAITING = 32
_WAITING_OF_ONE = 4  # so that one who guesses does not keep the others out


class BusyError(Exception):
    """Too many wait to be looked at."""


class Gate:
    """One at a time; `client` is an address."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: collections.Counter[str] = collections.Counter()

    def __len__(self) -> int:
        return self._waiting.total()

    @contextlib.asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Waits for it. Raises BusyError at once where too many do."""
        if len(self) >= _WAITING or self._waiting[client] >= _WAITING_OF_ONE:
            raise BusyError
        self._waiting[client] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting[client] -= 1
            self._waiting += collections.Counter()  # forgets who does not wait
