"""Basic authentication: bcrypt is slow on purpose, so it runs beside the event loop, once for each user."""

import asyncio
import contextlib
import hmac
import secrets
import threading
from collections.abc import Mapping

import bcrypt

from exporter.web.gate import Gate

__all__ = ["Passwords"]

_LONGEST = 72  # bytes; bcrypt never looked at more


class Passwords:
    """Remembers the last right password of each user, as a keyed digest, for as long as the user's hash is the same.

    Wrong ones are not remembered: whoever guesses could push the right ones out.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: dict[str, tuple[str, bytes]] = {}
        self._gate = Gate()

    async def accept(self, user: str, password: bytes, *, users: Mapping[str, str], client: str) -> bool:
        """Whether this is a user's password. An unknown user takes as long as a wrong password. Raises BusyError."""
        digest = hmac.digest(self._key, password, "sha256")
        if self._is_known(user, digest, users):
            return True
        async with self._gate.turn(client):
            return self._is_known(user, digest, users) or await self._look(user, password, digest, users)

    def _is_known(self, user: str, digest: bytes, users: Mapping[str, str]) -> bool:
        hashed, right = self._right.get(user, ("", b""))
        return hmac.compare_digest(right, digest) and users.get(user) == hashed

    async def _look(self, user: str, password: bytes, digest: bytes, users: Mapping[str, str]) -> bool:
        fits = await _fits(password[:_LONGEST], users.get(user) or _nobodys(users))
        if not fits or user not in users:
            return False
        self._right[user] = users[user], digest
        self._right = {name: right for name, right in self._right.items() if name in users}
        return True


def _nobodys(users: Mapping[str, str]) -> str:
    """A hash as dear as the users' own."""
    return f"$2b${max(hashed[4:6] for hashed in users.values())}${'.' * 53}"


async def _fits(password: bytes, hashed: str) -> bool:
    """In a thread that nobody waits for at the end: asyncio's own would hold up a SIGTERM."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bool] = loop.create_future()

    def settle(*, fits: bool) -> None:
        if not result.done():
            result.set_result(fits)

    def work() -> None:
        fits = False
        with contextlib.suppress(ValueError):  # a hash that bcrypt does not take fits nothing
            fits = bcrypt.checkpw(password, hashed.encode())
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: settle(fits=fits))

    threading.Thread(target=work, name="bcrypt", daemon=True).start()
    return await result
