"""Authentication with passwords, bearer tokens and client certificates, for all paths except health checks."""

import base64
import binascii
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.web.gate import BusyError
from exporter.web.limits import Refusals
from exporter.web.passwords import Passwords
from exporter.web.reviews import Reviews, ReviewUnavailableError
from exporter.web_config import Protection, is_allowed
from exporter.web_config.format import TlsServer

__all__ = ["API", "Access", "client_id"]

API = "/api/v1/runs"

_CLIENT = web.RequestKey("client", str)


def client_id(request: web.Request) -> str:
    """The key for limits per client: the user or token, else the address."""
    return request.get(_CLIENT) or request.remote or ""


class Access:
    """Requires a password if users are configured, or a token if there are `reviews`. If both, either is accepted.

    `open_paths` need no authentication: the kubelet has no credentials.
    """

    def __init__(
        self,
        *,
        protection: Callable[[], Protection],
        reviews: Reviews | None,
        refusals: Refusals,
        open_paths: Collection[str],
        telemetry_path: str,
    ) -> None:
        self._protection = protection
        self._reviews = reviews
        self._refusals = refusals
        self._open_paths = open_paths
        self._telemetry_path = telemetry_path
        self._passwords = Passwords()
        self._last: weakref.WeakKeyDictionary[web.RequestHandler, str] = weakref.WeakKeyDictionary()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Responds with 401 or 403 to unauthorized requests, and with 503 if credentials cannot be verified now."""
        config = self._protection().config
        if problem := _problem(config.tls_server_config, request.get_extra_info("peercert")):
            self._refusals.count("unauthorized", detail=problem)
            return web.Response(status=403, text="Forbidden\n")
        users = config.basic_auth_users
        if not (users or self._reviews) or request.path in self._open_paths:
            return await handler(request)
        try:
            accepted = await self._is_accepted(request, users)
        except BusyError:
            self._refusals.count("login_queue")
            return web.Response(status=503, text="Too many credentials to verify, try again later.\n")
        except ReviewUnavailableError:
            return web.Response(status=503, text="The API server cannot review the token, try again later.\n")
        self._last[request.protocol] = "accepted" if accepted else "rejected"
        if accepted:
            return await handler(request)
        self._refusals.count("unauthorized")
        challenge = 'Basic realm="coderun-exporter", charset="UTF-8"' if users else "Bearer"
        return web.Response(status=401, text="Unauthorized\n", headers={"WWW-Authenticate": challenge})

    async def _is_accepted(self, request: web.Request, users: Mapping[str, str]) -> bool:
        headers, queue = request.headers.getall("Authorization", []), self._queue_of(request)
        header = (
            headers[0] if len(headers) == 1 else ""
        )  # if there are several, a proxy may have verified another one
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer" and self._reviews:
            if request.match_info.http_exception is not None:
                return False  # no review for paths that do not exist
            request[_CLIENT] = rest.strip()
            return await self._reviews.accept(rest.strip(), self._reviewed(request.path), queue=queue)
        user, password = _credentials(header)
        if user is None or not users:
            return False
        request[_CLIENT] = user
        return await self._passwords.accept(user, password, users=users, queue=queue)

    def _reviewed(self, path: str) -> str:
        """The path to authorize. The API has the path of the metrics, because each run would need its own review."""
        return self._telemetry_path if path == API or path.startswith(f"{API}/") else path

    def _queue_of(self, request: web.Request) -> str:
        """The queue of the request: by address, and by the last decision on the connection.

        So a client that guesses credentials on one connection does not delay renewed tokens (on accepted connections)
        and first scrapes (on new connections).
        """
        return f"{request.remote or ''} {self._last.get(request.protocol, 'new')}"

    async def prepare(self, _: web.Request, answer: web.StreamResponse) -> None:
        """Adds the configured headers to each response. An empty value means that the header is not set."""
        headers = self._protection().config.http_server_config.headers
        answer.headers.update({name: value for name, value in headers.items() if value})


def _problem(tls: TlsServer | None, certificate: Mapping[str, Any] | None) -> str:
    """The problem of the client's certificate, which the connection may have sent before a reload; empty if none."""
    if tls is None or tls.client_auth_type != "RequireAndVerifyClientCert":
        return ""
    if not certificate:
        return "no client certificate"
    allowed = is_allowed(certificate, tls.client_allowed_sans)
    return "" if allowed else "the client's certificate has none of the client_allowed_sans"


def _credentials(header: str) -> tuple[str | None, bytes]:
    """User and password (RFC 7617); None if the header has none."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else (None, b"")
    except (binascii.Error, ValueError):
        return None, b""
