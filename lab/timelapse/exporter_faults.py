"""What can go wrong with the exporter, and with what it reads."""

import functools
import random

from lab.timelapse.fault import MINUTE, Fault, Kind
from lab.timelapse.normal import Life
from lab.timelapse.world import World

__all__ = ["EXPORTER"]


def exporter_down(life: Life, at: float, _: random.Random) -> Fault:
    end = at + 10 * MINUTE
    life.at(at, lambda world: _each_target(world, stop=True, known=True))
    life.at(end, lambda world: _each_target(world, stop=False))
    return Fault(
        what="no replica of the exporter answers",
        begin=at,
        end=end,
        alert="CodeRunExporterDown",
        labels={"job": "coderun-exporter"},
        within=3 * MINUTE,
    )


def exporter_gone(life: Life, at: float, _: random.Random) -> Fault:
    end = at + 10 * MINUTE
    life.at(at, lambda world: _each_target(world, stop=True, known=False))
    for replica in "ab":
        life.at(end, functools.partial(World.start, instance=f"exporter-{round(at)}{replica}"))
    return Fault(
        what="the exporter's targets are gone",
        begin=at,
        end=end,
        alert="CodeRunExporterAbsent",
        labels={"job": "coderun-exporter"},
        within=3 * MINUTE,
    )


def crash_loop(life: Life, at: float, _: random.Random) -> Fault:
    for index in range(8):
        life.at(at + index * 3 * MINUTE, _restart_all)
    return Fault(
        what="the exporter restarts every three minutes",
        begin=at,
        end=at + 30 * MINUTE,
        alert="CodeRunExporterRestarting",
        labels={"job": "coderun-exporter"},
        within=10 * MINUTE,
    )


def jobs_forbidden(life: Life, at: float, _: random.Random) -> Fault:
    end = at + 15 * MINUTE
    life.at(at, lambda world: world.refuse("jobs", status=403))
    life.at(end, lambda world: world.allow())
    return Fault(
        what="the exporter may no longer read Jobs",
        begin=at,
        end=end,
        alert="CodeRunExporterResourceUnavailable",
        labels={"resource": "jobs"},
        within=6 * MINUTE,
        beside=("CodeRunExporterStale",),
    )


def api_server_away(life: Life, at: float, _: random.Random) -> Fault:
    end = at + 15 * MINUTE
    life.at(at, lambda world: world.refuse("", status=503))
    life.at(end, lambda world: world.allow())
    return Fault(
        what="the API server does not answer the exporter",
        begin=at,
        end=end,
        alert="CodeRunExporterStale",
        labels={"resource": "coderuns"},
        within=6 * MINUTE,
    )


EXPORTER: tuple[Kind, ...] = (exporter_down, exporter_gone, crash_loop, jobs_forbidden, api_server_away)


async def _each_target(world: World, *, stop: bool, known: bool = True) -> None:
    for instance in list(world.targets):
        if stop and world.running(instance):
            await world.stop(instance, known=known)
        elif not stop and not world.running(instance):
            await world.start(instance)


async def _restart_all(world: World) -> None:
    for instance in list(world.targets):
        if world.running(instance):
            await world.restart(instance)
