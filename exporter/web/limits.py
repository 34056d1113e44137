"""Limits for clients of the web server, and the metric and log of rejected clients."""

import dataclasses
import logging
import math
import resource
from collections.abc import Callable

from prometheus_client import Counter

__all__ = ["MIN_DESCRIPTORS", "Limits", "Refusals", "descriptors"]

_log = logging.getLogger(__name__)

MIN_DESCRIPTORS = 64
_LOG_SECONDS = 60.0
_CONNECTIONS = 256


def descriptors() -> float:
    """The maximum number of open file descriptors of this process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if limit == resource.RLIM_INFINITY else limit


def _connections() -> int:
    """The maximum number of connections: at most half of the file descriptors, because the API client needs some."""
    return int(min(_CONNECTIONS, descriptors() // 2))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits. docs/operations.md explains them."""

    max_requests: int = 40
    """Maximum number of concurrent scrapes, as in node_exporter; 0: no limit."""
    min_bytes_per_second: float = 1024 * 1024
    """At the maximum number of concurrent scrapes, a client that reads more slowly is disconnected for a new one."""
    response_seconds: float = 30.0
    """Maximum duration of a scrape, from its request to its last byte."""
    handshake_seconds: float = 10.0
    idle_seconds: float = 75.0
    """Maximum time from the start of a connection, or its last response, to the end of the next request's headers."""
    linger_seconds: float = 1.0
    """Time to discard a request's body."""
    request_bytes: int = 64 * 1024
    """Maximum bytes of a request; the rest is discarded."""
    headers: int = 32
    """Maximum number of headers of a request; aiohttp limits each to 8,190 bytes."""
    connections: int = dataclasses.field(default_factory=_connections)
    unsent_bytes: int = 256 * 1024
    """Socket send buffer (SO_SNDBUF; Linux doubles it)."""


class Refusals:
    """Counts rejected clients by reason, and logs each reason at most once a minute."""

    def __init__(self, *, counter: Counter, clock: Callable[[], float]) -> None:
        """`clock` is monotonic."""
        self._counter = counter
        self._clock = clock
        self._logged: dict[str, float] = {}
        self._unlogged: dict[str, int] = {}

    def count(self, reason: str, *, detail: str = "") -> None:
        """Counts a rejected client. `detail` is logged."""
        self._counter.labels(reason).inc()
        self._unlogged[reason] = self._unlogged.get(reason, 0) + 1
        now = self._clock()
        if now - self._logged.get(reason, -_LOG_SECONDS) >= _LOG_SECONDS:
            self._logged[reason] = now
            fields = {"reason": reason, "clients": self._unlogged.pop(reason)}
            _log.warning("Rejecting clients", extra=fields | ({"detail": detail} if detail else {}))
