"""Basic authentication. bcrypt is slow by design, so it runs in a thread, one at a time."""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Mapping

import bcrypt

from exporter.web.decisions import Decisions
from exporter.web.gate import Gate

__all__ = ["Passwords"]

_MAX_BYTES = 72  # bytes; bcrypt ignores the rest
_WAIT_SECONDS = 5.0  # the default scrape timeout of Prometheus is 10 s


class Passwords:
    """Verifies passwords. Decisions are cached until the user's hash changes, so known passwords do not wait."""

    def __init__(self) -> None:
        self._decisions = Decisions(
            clock=time.monotonic, fresh_seconds=math.inf, stale_seconds=math.inf, rejected_seconds=math.inf
        )
        self._gate = Gate(concurrency=1, wait_seconds=_WAIT_SECONDS)

    async def accept(self, user: str, password: bytes, *, users: Mapping[str, str], queue: str) -> bool:
        """Whether it is the user's password. An unknown user takes as long as a wrong password. Raises BusyError.

        `queue` is the name of the queue of `Gate` in which the request waits, such as the address of the client.
        """
        hashed = users.get(user) or _dummy_hash(users)
        key = self._decisions.key(user.encode(), hashed.encode(), password)

        async def decide() -> bool:
            if (known := self._decisions.fresh(key)) is not None:
                return known
            if fits := await _fits(password[:_MAX_BYTES], hashed) and user in users:
                self._decisions.accept(key)
            else:
                self._decisions.reject(key)
            return fits

        known = self._decisions.fresh(key)
        return await self._gate.run(queue, decide) if known is None else known


def _dummy_hash(users: Mapping[str, str]) -> str:
    """A hash with the highest cost of the users' hashes."""
    return f"$2b${max(hashed[4:6] for hashed in users.values())}${'.' * 53}"


async def _fits(password: bytes, hashed: str) -> bool:
    """Runs bcrypt in a daemon thread: a thread of a pool would delay the exit after SIGTERM."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bool] = loop.create_future()

    def settle(*, fits: bool) -> None:
        if not result.done():
            result.set_result(fits)

    def work() -> None:
        fits = False
        with contextlib.suppress(ValueError):  # bcrypt does not accept the hash
            fits = bcrypt.checkpw(password, hashed.encode())
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            loop.call_soon_threadsafe(lambda: settle(fits=fits))

    threading.Thread(target=work, name="bcrypt", daemon=True).start()
    return await result
