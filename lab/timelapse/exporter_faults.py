"""Faults of the exporter, and of the resources that it reads."""

import functools
import random

from lab.timelapse.fault import MINUTE, Kind, kind
from lab.timelapse.normal import Schedule
from lab.timelapse.world import World

__all__ = ["EXPORTER"]


@kind("no replica of the exporter answers", alert="CodeRunExporterDown", lasts=10 * MINUTE, within=3 * MINUTE)
def exporter_down(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    schedule.at(at, lambda world: _each_target(world, stop=True, known=True))
    schedule.at(end, lambda world: _each_target(world, stop=False))
    return {"job": "coderun-exporter"}


@kind("the exporter's targets are gone", alert="CodeRunExporterAbsent", lasts=10 * MINUTE, within=3 * MINUTE)
def exporter_gone(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    schedule.at(at, lambda world: _each_target(world, stop=True, known=False))
    for replica in "ab":
        schedule.at(end, functools.partial(World.start, instance=f"exporter-{round(at)}{replica}"))
    return {"job": "coderun-exporter"}


@kind(
    "the exporter restarts every three minutes",
    alert="CodeRunExporterRestarting",
    lasts=30 * MINUTE,
    within=10 * MINUTE,
)
def crash_loop(schedule: Schedule, at: float, _end: float, _rng: random.Random) -> dict[str, str]:
    for index in range(8):
        schedule.at(at + index * 3 * MINUTE, _restart_all)
    return {"job": "coderun-exporter"}


@kind(
    "the exporter may no longer read Jobs",
    alert="CodeRunExporterResourceUnavailable",
    lasts=15 * MINUTE,
    within=6 * MINUTE,
    may_also_fire=("CodeRunExporterStale",),
)
def jobs_forbidden(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    schedule.at(at, lambda world: world.refuse("jobs", status=403))
    schedule.at(end, lambda world: world.allow())
    return {"resource": "jobs"}


@kind(
    "the API server does not answer the exporter", alert="CodeRunExporterStale", lasts=15 * MINUTE, within=6 * MINUTE
)
def api_server_away(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    schedule.at(at, lambda world: world.refuse("", status=503))
    schedule.at(end, lambda world: world.allow())
    return {"resource": "coderuns"}


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
