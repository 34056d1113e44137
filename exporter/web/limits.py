"""What a client of the web server may cost, and how a client that was refused is told of."""

import dataclasses
import logging
import resource
from collections.abc import Callable

from prometheus_client import Counter

__all__ = ["Limits", "Refusals"]

_log = logging.getLogger(__name__)

_QUIET_SECONDS = 60.0
_CONNECTIONS = 512


def _connections() -> int:
    """At most half of the descriptors that this process may have: the rest is for the API server."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS if most == resource.RLIM_INFINITY else min(_CONNECTIONS, most // 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Numbers, bytes and seconds. What they are for is in docs/operations.md."""

    max_requests: int = 40
    """Scrapes at once, as in node_exporter; 0: any number."""
    stall_seconds: float = 1.0
    """At that limit, who has taken nothing for so long makes room for who comes."""
    answer_seconds: float = 30.0
    """From a request's head to the last byte of its answer."""
    head_seconds: float = 10.0
    """From a connection's begin, or a request's first byte, to the end of the request's head. A TLS handshake, before
    that, may take as long."""
    idle_seconds: float = 310.0
    """Between two requests. Prometheus gives an idle connection up after 300, so it is never the one that is hit."""
    linger_seconds: float = 1.0
    """For what a client still sends that was answered already."""
    request_bytes: int = 16 * 1024
    """Bytes from one connection that are read between two answers. Aiohttp allows 8,190 for one header."""
    connections: int = dataclasses.field(default_factory=_connections)
    """Connections in all."""
    unsent_bytes: int = 256 * 1024
    """What the kernel may hold of an answer (SO_SNDBUF; Linux takes it twice)."""
    sweep_seconds: float = 0.5
    """How exact all that is."""


class Refusals:
    """Counts the refused and dropped by reason. One log line when it begins, one when there was none for a minute."""

    def __init__(self, *, counter: Counter, clock: Callable[[], float]) -> None:
        """`clock` is monotonic."""
        self._counter = counter
        self._clock = clock
        self._last: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def count(self, reason: str, *, detail: str = "") -> None:
        """One more; `detail` goes with the line, if there is one."""
        self._counter.labels(reason).inc()
        if reason not in self._last:
            self._counts[reason] = 0
            _log.warning("clients are refused", extra={"reason": reason} | ({"detail": detail} if detail else {}))
        self._counts[reason] += 1
        self._last[reason] = self._clock()

    def settle(self) -> None:
        """To be called now and then."""
        for reason in [reason for reason, last in self._last.items() if self._clock() - last >= _QUIET_SECONDS]:
            del self._last[reason]
            _log.info("clients are refused no more", extra={"reason": reason, "refused": self._counts.pop(reason)})
