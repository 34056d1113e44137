"""Who is let in to which path: users with their passwords, everywhere but at the health checks."""

import base64
import binascii
from collections.abc import Callable, Collection

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.web.limits import Refusals
from exporter.web.passwords import BusyError, Passwords
from exporter.web.protection import Protection

__all__ = ["Access"]


class Access:
    """Asks for a password where there are users. `open_paths` are for the kubelet, which has none."""

    def __init__(
        self, *, protection: Callable[[], Protection], refusals: Refusals, open_paths: Collection[str]
    ) -> None:
        self._protection = protection
        self._refusals = refusals
        self._open_paths = open_paths
        self._passwords = Passwords()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers with 401 who gives no right password, and with 503 where too many are waiting to be looked at."""
        users = self._protection().config.basic_auth_users
        if not users or request.path in self._open_paths:
            return await handler(request)
        user, password = _credentials(request.headers.get("Authorization", ""))
        try:
            known = user is not None and await self._passwords.accept(
                user, password, users=users, client=request.remote or ""
            )
        except BusyError:
            self._refusals.count("login_queue")
            return web.Response(status=503, text="Too many wait for their password to be looked at.\n")
        if known:
            return await handler(request)
        self._refusals.count("unauthorized")
        challenge = {"WWW-Authenticate": 'Basic realm="coderun-exporter", charset="UTF-8"'}
        return web.Response(status=401, text="Unauthorized\n", headers=challenge)

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
