"""Waiting for what another process will do: until it is so, and not for a time."""

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
    """The first truthy answer; an AssertionError with the last one where there is none within so many seconds.

    A connection that is refused or breaks off is no answer yet. `otherwise` tells more for the error's text.
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
    """Gives the running event loop its turns until it holds. Raises TimeoutError after a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {_PATIENCE_SECONDS:g} s")
        await asyncio.sleep(0)
