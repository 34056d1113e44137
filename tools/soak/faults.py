"""What goes wrong between the exporter and the API server, and in which order."""

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable, Iterator

from lab.faults.proxy import Fault, FaultProxy
from tools.soak.servers import Server

__all__ = ["KINDS", "Kind", "Scene", "drawn"]

_GONE = b'{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}'
_TYPE = "Content-Type"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
    """Where a fault strikes, and for how many seconds."""

    proxy: FaultProxy
    server: Server
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A fault; `strike` ends when it is mended."""

    name: str
    strike: Callable[[Scene], Awaitable[None]]


async def _silence(scene: Scene) -> None:
    """Nothing arrives, and nothing ends."""
    scene.proxy.silence()
    await asyncio.sleep(scene.seconds)
    scene.proxy.silence(silent=False)


async def _cut(scene: Scene) -> None:
    scene.proxy.cut()


async def _lists_cut_short(scene: Scene) -> None:
    """First every version is refused, so that everything has to be listed; then each list ends in the middle."""
    await _suffer(scene, Fault(answer=(410, {_TYPE: "application/json"}, _GONE)), seconds=scene.seconds / 2)
    await _suffer(scene, Fault(kind="list", after=100_000, then="end"), seconds=scene.seconds / 2)


async def _restart(scene: Scene) -> None:
    await scene.server.restart(scene.seconds / 2)


async def _forget(scene: Scene) -> None:
    await scene.server.forget()
    scene.proxy.cut()


async def _suffer(scene: Scene, fault: Fault, *, seconds: float) -> None:
    """Every request meets it, also those that would have gone on for long."""
    scene.proxy.strike(fault)
    scene.proxy.cut()
    await asyncio.sleep(seconds)
    scene.proxy.strike(Fault())
    scene.proxy.cut()


def _answered(fault: Fault) -> Callable[[Scene], Awaitable[None]]:
    async def strike(scene: Scene) -> None:
        await _suffer(scene, fault, seconds=scene.seconds)

    return strike


def _with(status: int, kind: str, body: bytes) -> Fault:
    return Fault(answer=(status, {_TYPE: kind}, body))


_TOO_MANY = Fault(answer=(429, {_TYPE: "text/plain", "Retry-After": "1"}, b"Too many requests.\n"))
_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"

KINDS = (
    Kind(name="half-open connections: silence", strike=_silence),
    Kind(name="connections reset", strike=_cut),
    Kind(name="connections reset in mid-object", strike=_answered(Fault(after=700, then="reset"))),
    Kind(name="429 with Retry-After", strike=_answered(_TOO_MANY)),
    Kind(name="500", strike=_answered(_with(500, "text/plain", b"Internal Server Error\n"))),
    Kind(name="502 with HTML", strike=_answered(_with(502, "text/html", _PAGE))),
    Kind(name="200 without a body", strike=_answered(_with(200, "application/json", b""))),
    Kind(name="410 for every version, then lists cut short", strike=_lists_cut_short),
    Kind(name="watches that end at once", strike=_answered(Fault(kind="watch", lasts=0.05))),
    Kind(name="answers at 100 kB/s", strike=_answered(Fault(rate=100_000))),
    Kind(name="API server killed and started again", strike=_restart),
    Kind(name="compaction: 410 for older versions", strike=_forget),
)


def drawn(*, seed: int) -> Iterator[Kind]:
    """For ever, in an order that the seed gives: each kind once before any comes again."""
    chance = random.Random(seed)  # noqa: S311 - a game, not a secret
    while True:
        yield from chance.sample(KINDS, k=len(KINDS))
