"""Waits for conditions of other processes."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["until", "until_true"]

T = TypeVar("T")

_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0


def until(
    asked: Callable[[], T], *, what: str, seconds: float = 30.0, otherwise: Callable[[], object] = lambda: ""
) -> T:
    """Calls `asked` until its result is truthy, and returns the result. Raises AssertionError after `seconds`.

    An OSError, such as a refused connection, counts as a falsy result. `otherwise` adds text to the error.
    """
    end = time.monotonic() + seconds
    while True:
        last: object
        try:
            if last := asked():
                return last
        except OSError as error:
            last = error
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s; last seen: {last!r} {otherwise()}"
        time.sleep(_PAUSE_SECONDS)


async def until_true(holds: Callable[[], bool], *, what: str) -> None:
    """Yields to the event loop until the condition is true. Raises TimeoutError after a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {_PATIENCE_SECONDS:g} s")
        await asyncio.sleep(0)
