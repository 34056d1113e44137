"""Who is let in: users with their passwords, accounts with their tokens; to all paths but the health checks."""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.web.gate import BusyError
from exporter.web.limits import Refusals
from exporter.web.passwords import Passwords
from exporter.web.protection import Protection
from exporter.web.reviews import Reviews, UnknownError

__all__ = ["Access"]


class Access:
    """Asks for a password where there are users, for a token where there are `reviews`; of both, one is enough.

    `open_paths` are for the kubelet, which has neither.
    """

    def __init__(
        self,
        *,
        protection: Callable[[], Protection],
        reviews: Reviews | None,
        refusals: Refusals,
        open_paths: Collection[str],
    ) -> None:
        self._protection = protection
        self._reviews = reviews
        self._refusals = refusals
        self._open_paths = open_paths
        self._passwords = Passwords()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers with 401 who is not let in, and with 503 where that cannot be said now."""
        users = self._protection().config.basic_auth_users
        if not (users or self._reviews) or request.path in self._open_paths:
            return await handler(request)
        try:
            known = await self._is_known(request, users)
        except BusyError:
            self._refusals.count("login_queue")
            return web.Response(status=503, text="Too many wait to be looked at.\n")
        except UnknownError:
            return web.Response(status=503, text="The API server does not say whose token this is.\n")
        if known:
            return await handler(request)
        self._refusals.count("unauthorized")
        challenge = 'Basic realm="coderun-exporter", charset="UTF-8"' if users else "Bearer"
        return web.Response(status=401, text="Unauthorized\n", headers={"WWW-Authenticate": challenge})

    async def _is_known(self, request: web.Request, users: Mapping[str, str]) -> bool:
        header, client = request.headers.get("Authorization", ""), request.remote or ""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer" and self._reviews:
            return bool(rest) and await self._reviews.accept(rest.strip(), request.path, client=client)
        user, password = _credentials(header)
        if user is None or not users:
            return False
        return await self._passwords.accept(user, password, users=users, client=client)

    async def prepare(self, _: web.Request, answer: web.StreamResponse) -> None:
        """The headers that every answer is to have; an empty one is none."""
        headers = self._protection().config.http_server_config.headers
        answer.headers.update({name: value for name, value in headers.items() if value})


def _credentials(header: str) -> tuple[str | None, bytes]:
    """User and password (RFC 7617); None for what is neither."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else (None, b"")
    except (binascii.Error, ValueError):
        return None, b""
