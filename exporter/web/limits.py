"""What a client of the web server may cost, and how rejected clients are counted and logged."""

import dataclasses
import logging
import math
import resource
from collections.abc import Callable

from prometheus_client import Counter

__all__ = ["LEAST_DESCRIPTORS", "Limits", "Refusals", "descriptors"]

_log = logging.getLogger(__name__)

LEAST_DESCRIPTORS = 64
_LOG_SECONDS = 60.0
_CONNECTIONS = 256


def descriptors() -> float:
    """How many this process may have open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if most == resource.RLIM_INFINITY else most


def _connections() -> int:
    """At most half of the descriptors: the rest is for the API server."""
    return int(min(_CONNECTIONS, descriptors() // 2))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Numbers, bytes and seconds. What they are for is in docs/operations.md."""

    max_requests: int = 40
    """Concurrent scrapes, as in node_exporter; 0: any number."""
    least_pace: float = 1024 * 1024
    """Bytes a second: at that limit, a client that takes its response slower than this gives way to a new one."""
    answer_seconds: float = 30.0
    """A scrape, from its request to its last byte."""
    handshake_seconds: float = 10.0
    idle_seconds: float = 75.0
    """From a connection's begin, or its last response, to the end of the next request's head."""
    linger_seconds: float = 1.0
    """For a request's body, which is not wanted."""
    request_bytes: int = 64 * 1024
    """What is read of a request; the rest is discarded."""
    headers: int = 32
    """Of a request; aiohttp allows 8,190 bytes for one."""
    connections: int = dataclasses.field(default_factory=_connections)
    unsent_bytes: int = 256 * 1024
    """What the kernel may hold of a response (SO_SNDBUF; Linux takes it twice)."""


class Refusals:
    """Counts rejected clients by reason, with at most one log line a minute for each."""

    def __init__(self, *, counter: Counter, clock: Callable[[], float]) -> None:
        """`clock` is monotonic."""
        self._counter = counter
        self._clock = clock
        self._logged: dict[str, float] = {}
        self._unlogged: dict[str, int] = {}

    def count(self, reason: str, *, detail: str = "") -> None:
        """One more; `detail` goes to the log."""
        self._counter.labels(reason).inc()
        self._unlogged[reason] = self._unlogged.get(reason, 0) + 1
        now = self._clock()
        if now - self._logged.get(reason, -_LOG_SECONDS) >= _LOG_SECONDS:
            self._logged[reason] = now
            fields = {"reason": reason, "clients": self._unlogged.pop(reason)}
            _log.warning("Rejecting clients", extra=fields | ({"detail": detail} if detail else {}))
