"""Faults of runs and of the controller that creates their Jobs."""

import functools
import random

from lab.platform.controller import CONFIGMAPS, JOBS, RUNS
from lab.platform.generations import NEWEST
from lab.platform.manifests import CLIS, configmap_name, templates
from lab.timelapse.fault import MINUTE, Kind, kind
from lab.timelapse.normal import Schedule
from lab.timelapse.world import World

__all__ = ["RUN_FAULTS"]

_ROUND = 30.0
"""Seconds between two reconciliations in the simulation."""
_AWAY = ("CodeRunNotReconciled", "CodeRunJobCreationStalled", "CodeRunNotUpdated", "CodeRunStuckDeleting")


@kind(
    "a template ConfigMap is emptied",
    alert="RequiredConfigMapUnhealthy",
    lasts=40 * MINUTE,
    within=2 * MINUTE,
    may_also_fire=("CodeRunNotReconciled", "CodeRunJobCreationStalled"),
)
def configmap_emptied(schedule: Schedule, at: float, end: float, rng: random.Random) -> dict[str, str]:
    cli = rng.choice(CLIS)
    schedule.at(at, lambda world: world.controller.lose_templates(cli))
    schedule.at(end, lambda world: world.controller.restore_templates(cli))
    return {"configmap": configmap_name(cli)}


@kind(
    "a template ConfigMap is deleted",
    alert="RequiredConfigMapUnhealthy",
    lasts=40 * MINUTE,
    within=2 * MINUTE,
    may_also_fire=("CodeRunNotReconciled", "CodeRunJobCreationStalled"),
)
def configmap_deleted(schedule: Schedule, at: float, end: float, rng: random.Random) -> dict[str, str]:
    cli = rng.choice(CLIS)
    schedule.at(at, lambda world: world.writer.delete(f"{CONFIGMAPS}/{configmap_name(cli)}"))
    schedule.at(end, lambda world: world.writer.ensure(CONFIGMAPS, templates(cli)))
    return {"configmap": configmap_name(cli)}


@kind(
    "newest version: a template does not render, three runs in a row are Failed",
    alert="CodeRunsFailing",
    lasts=40 * MINUTE,
    within=5 * MINUTE,
    before=240,
)
def template_fails(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """A broken template in the newest generation. The fault begins with the third failed run.

    A run of normal operation may fail for the same reason. Then the alert fires before the last of these three runs.
    """
    runs = [schedule.new_run(agent="Rex", generation=NEWEST) for _ in range(3)]
    schedule.at(at - 250, lambda world: world.newest.roll_out(missing_partial="frontend-toolkits"))
    for index, run in enumerate(runs):
        schedule.create(at - (2 - index) * 120, run)
    schedule.at(end, lambda world: world.newest.roll_out())
    schedule.at(end, lambda world: world.order(schedule.new_run(agent="Rex", generation=NEWEST)))
    return {"namespace": NEWEST.namespace}


@kind(
    "one run cannot be decoded, so that the controller reconciles none",
    alert="CodeRunControllerBlocked",
    lasts=25 * MINUTE,
    within=4 * MINUTE,
    may_also_fire=_AWAY,
)
def poison_run(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """A run with an empty CLI, which makes the controller's list of all runs undecodable."""
    poison = schedule.new_run(agent="", cli="")
    behind = [schedule.new_run() for _ in range(2)]
    for run in (poison, *behind):
        schedule.create(at, run)
    schedule.delete(end, poison)
    return {"namespace": "agent-platform"}


@kind(
    "a run is retried without end: its Jobs complete, and no pull request comes",
    alert="CodeRunRetryLoop",
    lasts=25 * MINUTE,
    within=5 * MINUTE,
)
def retry_loop(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """Every attempt completes without a pull request after four rounds. The fault begins before the sixth attempt."""
    run = schedule.new_run(agent="Rex", work_seconds=60, start_seconds=5, empty_attempts=1000)
    schedule.create(at - (5 * 4 - 3) * _ROUND, run)
    schedule.delete(end, run)
    return {"coderun": run.name}


@kind(
    "the controller is down",
    alert="CodeRunNotReconciled",
    lasts=25 * MINUTE,
    within=4 * MINUTE,
    may_also_fire=(*_AWAY, "CodeRunControllerBlocked"),
)
def controller_away(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run()
    schedule.stop_controller(at, end)
    schedule.create(at, run)
    return {"coderun": run.name}


@kind(
    "one run is never reconciled",
    alert="CodeRunJobCreationStalled",
    lasts=25 * MINUTE,
    within=15.5 * MINUTE,
    may_also_fire=("CodeRunNotReconciled",),
)
def run_forgotten(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run()
    schedule.ignore(at, end, run)
    schedule.create(at, run)
    return {"coderun": run.name}


@kind(
    "a retry deletes the Job and makes no other",
    alert="CodeRunJobCreationStalled",
    lasts=40 * MINUTE,
    within=15.5 * MINUTE,
)
def retry_without_job(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """The run keeps the phase Running and the name of the deleted Job, but has no Job."""
    run = schedule.new_run(work_seconds=3000)
    schedule.create(at - 5 * MINUTE, run)
    schedule.ignore(at, end, run)
    schedule.at(at, functools.partial(_retry, name=run.name))
    schedule.delete(end, run)
    return {"coderun": run.name}


@kind(
    "a Job ends, and its run's status is not updated",
    alert="CodeRunNotUpdated",
    lasts=30 * MINUTE,
    within=11.5 * MINUTE,
)
def not_updated(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run(work_seconds=240, start_seconds=5)
    schedule.create(at - 270, run)
    schedule.ignore(at - 60, end, run)
    return {"coderun": run.name}


@kind("a finalizer is never removed", alert="CodeRunStuckDeleting", lasts=30 * MINUTE, within=11.5 * MINUTE)
def deletion_hangs(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run(work_seconds=3000)
    schedule.create(at - 5 * MINUTE, run)
    schedule.ignore(at, end, run)
    schedule.delete(at, run)
    return {"coderun": run.name}


RUN_FAULTS: tuple[Kind, ...] = (
    configmap_emptied,
    template_fails,
    poison_run,
    retry_loop,
    configmap_deleted,
    controller_away,
    run_forgotten,
    retry_without_job,
    not_updated,
    deletion_hangs,
)


async def _retry(world: World, *, name: str) -> None:
    """The first part of a retry: deletes the Job and increases contextVersion, but creates no Job."""
    run = await world.writer.read(f"{RUNS}/{name}")
    if run:
        await world.writer.delete(f"{JOBS}/{run['status']['jobName']}")
        await world.writer.patch(f"{RUNS}/{name}", {"spec": {"contextVersion": 2}})
