"""A connection that begins with a TLS handshake, under the same limits and deadlines as all others."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from exporter.web.connections import Connection, Connections
from exporter.web.protection import Protection
from exporter.web.tls import is_allowed

__all__ = ["SecureConnection"]

# Asyncio keeps eight times as much for TLS: who is slow to read would show too late.
_UNSENT_BYTES = 64 * 1024
_LOOK_SECONDS = 0.02


class SecureConnection(Connection):
    """Shows the certificate that is in force when it begins.

    Not the listener's own TLS: that keeps one context for ever, and a connection is unknown until its handshake is
    done, so that any number of them could wait.
    """

    def __init__(self, server: web.Server, *, connections: Connections, protection: Callable[[], Protection]) -> None:
        super().__init__(server, connections=connections)
        self._protection = protection
        self._opened = False
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came, and has said nothing yet."""
        self._wire = self._raw = cast("asyncio.Transport", transport)
        if not self._connections.admit(self, greeting=True):
            self._wire.abort()
            return
        self._greeting = asyncio.get_running_loop().create_task(self._greet(self._wire))

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over; aiohttp knows of it only once HTTP has begun."""
        if self._opened:
            super().connection_lost(exc)
        else:
            self._connections.lost(self)

    def data_received(self, data: bytes) -> None:
        """A request may come with the last bytes of the handshake, before we are told that it is done."""
        if self._opened:
            super().data_received(data)
        else:
            self._early += data

    async def sent(self) -> None:
        """Until the client has taken nearly all: of what lies below TLS, asyncio tells nobody that it is too much."""
        while self._raw.get_write_buffer_size() > _UNSENT_BYTES:
            if self._stalled_since is None:
                self._stalled_since = asyncio.get_running_loop().time()
            await asyncio.sleep(_LOOK_SECONDS)
        self._stalled_since = None

    async def _greet(self, wire: asyncio.Transport) -> None:
        protection = self._protection()
        secure: asyncio.Transport | None = None
        try:
            secure = await asyncio.get_running_loop().start_tls(
                wire,
                self,
                cast("ssl.SSLContext", protection.context),
                server_side=True,
                ssl_shutdown_timeout=self._connections.limits.linger_seconds,
            )
        except ssl.SSLError as error:
            self._refuse(_reason(error))
        except OSError:
            pass  # it went away, or was dropped
        if secure is None or secure.is_closing():
            self._connections.lost(self)
        else:
            self._begin(secure, protection)

    def _begin(self, secure: asyncio.Transport, protection: Protection) -> None:
        self._wire = secure
        tls = protection.config.tls_server_config
        certificate: dict[str, Any] = secure.get_extra_info("peercert") or {}
        if tls and not is_allowed(certificate, tls.client_allowed_sans):
            self._refuse("the client's certificate has none of the client_allowed_sans")
            self._connections.drop(self, reason=None)
            return
        secure.set_write_buffer_limits(high=_UNSENT_BYTES)
        self._connections.greeted(self)
        self._opened = True
        self._open(secure)
        if self._early:
            super().data_received(self._early)

    def _refuse(self, why: str) -> None:
        self._connections.refusals.count("bad_handshake", detail=why)


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
