"""The faults between the exporter and the API server, and their order."""

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable, Iterator

from lab.faults.proxy import Fault, FaultProxy
from tools.soak.servers import Server

__all__ = ["KINDS", "FaultTargets", "Kind", "drawn"]

_EXPIRED = b'{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}'
_TYPE = "Content-Type"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FaultTargets:
    """What a fault breaks: the proxy or the API server. `seconds` is the duration of the fault."""

    proxy: FaultProxy
    server: Server
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fault. `strike` causes the fault, and returns when it is over."""

    name: str
    strike: Callable[[FaultTargets], Awaitable[None]]


async def _silence(targets: FaultTargets) -> None:
    """Connections stay open, but no bytes arrive."""
    targets.proxy.silence()
    await asyncio.sleep(targets.seconds)
    targets.proxy.silence(silent=False)


async def _reset_connections(targets: FaultTargets) -> None:
    targets.proxy.cut()


async def _cut_lists_short(targets: FaultTargets) -> None:
    """First each request is answered with 410, so that all resources are listed again; then each list is cut off."""
    await _apply_for(targets, Fault(answer=(410, {_TYPE: "application/json"}, _EXPIRED)), seconds=targets.seconds / 2)
    await _apply_for(targets, Fault(kind="list", after=100_000, then="end"), seconds=targets.seconds / 2)


async def _restart(targets: FaultTargets) -> None:
    await targets.server.restart(targets.seconds / 2)


async def _compact(targets: FaultTargets) -> None:
    await targets.server.forget()
    targets.proxy.cut()


async def _apply_for(targets: FaultTargets, fault: Fault, *, seconds: float) -> None:
    """Applies the fault to all requests. Connections are reset before and after, so that watches are affected too."""
    targets.proxy.strike(fault)
    targets.proxy.cut()
    await asyncio.sleep(seconds)
    targets.proxy.strike(Fault())
    targets.proxy.cut()


def _fault_of_all_requests(fault: Fault) -> Callable[[FaultTargets], Awaitable[None]]:
    async def strike(targets: FaultTargets) -> None:
        await _apply_for(targets, fault, seconds=targets.seconds)

    return strike


def _response(status: int, kind: str, body: bytes) -> Fault:
    return Fault(answer=(status, {_TYPE: kind}, body))


_TOO_MANY = Fault(answer=(429, {_TYPE: "text/plain", "Retry-After": "1"}, b"Too many requests.\n"))
_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"

KINDS = (
    Kind(name="half-open connections: silence", strike=_silence),
    Kind(name="connections reset", strike=_reset_connections),
    Kind(name="connections reset in mid-object", strike=_fault_of_all_requests(Fault(after=700, then="reset"))),
    Kind(name="429 with Retry-After", strike=_fault_of_all_requests(_TOO_MANY)),
    Kind(name="500", strike=_fault_of_all_requests(_response(500, "text/plain", b"Internal Server Error\n"))),
    Kind(name="502 with HTML", strike=_fault_of_all_requests(_response(502, "text/html", _PAGE))),
    Kind(name="200 without a body", strike=_fault_of_all_requests(_response(200, "application/json", b""))),
    Kind(name="410 for every version, then lists cut short", strike=_cut_lists_short),
    Kind(name="watches that end at once", strike=_fault_of_all_requests(Fault(kind="watch", lasts=0.05))),
    Kind(name="answers at 100 kB/s", strike=_fault_of_all_requests(Fault(rate=100_000))),
    Kind(name="API server killed and started again", strike=_restart),
    Kind(name="compaction: 410 for older versions", strike=_compact),
)


def drawn(*, seed: int) -> Iterator[Kind]:
    """An endless random sequence that `seed` determines. Each kind occurs once before any is repeated."""
    rng = random.Random(seed)  # noqa: S311 - not a secret
    while True:
        yield from rng.sample(KINDS, k=len(KINDS))
