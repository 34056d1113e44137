"""What can go wrong on an agent platform: with its ConfigMaps, its controller, its agents."""

import functools
import random

from exporter.demo.manifests import CLIS, configmap_name, templates
from exporter.demo.platform import CONFIGMAPS, JOBS, RUNS
from tools.timelapse.fault import MINUTE, Fault, Kind
from tools.timelapse.normal import Life, cancel, quietly
from tools.timelapse.world import World

__all__ = ["PLATFORM"]


def configmap_emptied(life: Life, at: float, chance: random.Random) -> Fault:
    cli, end = chance.choice(CLIS), at + 40 * MINUTE
    life.at(at, lambda world: world.controller.lose_templates(cli))
    life.at(end, lambda world: world.controller.restore_templates(cli))
    return _broken_configmap("a template ConfigMap is emptied", cli, begin=at, end=end)


def configmap_deleted(life: Life, at: float, chance: random.Random) -> Fault:
    cli, end = chance.choice(CLIS), at + 40 * MINUTE
    life.at(at, lambda world: world.writer.delete(f"{CONFIGMAPS}/{configmap_name(cli)}"))
    life.at(end, lambda world: world.writer.ensure(CONFIGMAPS, templates(cli)))
    return _broken_configmap("a template ConfigMap is deleted", cli, begin=at, end=end)


def controller_away(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(), at + 25 * MINUTE
    life.at(at, lambda world: quietly(setattr, world.controller, "away", True))
    life.at(at, lambda world: world.controller.order([order]))
    life.at(end, lambda world: quietly(setattr, world.controller, "away", False))
    return Fault(
        what="the controller is down",
        begin=at,
        end=end,
        alert="CodeRunNotReconciled",
        labels={"coderun": order.name},
        within=4 * MINUTE,
        beside=("CodeRunJobCreationStalled", "CodeRunNotUpdated", "CodeRunStuckDeleting"),
    )


def run_forgotten(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(), at + 25 * MINUTE
    life.at(at, functools.partial(_forget, name=order.name))
    life.at(at, lambda world: world.controller.order([order]))
    life.at(end, functools.partial(_remember, name=order.name))
    return Fault(
        what="one run is not reconciled, for ever",
        begin=at,
        end=end,
        alert="CodeRunJobCreationStalled",
        labels={"coderun": order.name},
        within=15.5 * MINUTE,
        beside=("CodeRunNotReconciled",),
    )


def retry_without_job(life: Life, at: float, _: random.Random) -> Fault:
    """Phase Running, a stale jobName, and no Job: the platform's third trap."""
    order, end = life.order(work=3000), at + 40 * MINUTE
    life.at(at - 5 * MINUTE, lambda world: world.controller.order([order]))
    life.at(at, functools.partial(_forget, name=order.name))
    life.at(at, functools.partial(_retry, name=order.name))
    life.at(end, functools.partial(cancel, name=order.name))
    life.at(end, functools.partial(_remember, name=order.name))
    return Fault(
        what="a retry deletes the Job and makes no other",
        begin=at,
        end=end,
        alert="CodeRunJobCreationStalled",
        labels={"coderun": order.name},
        within=15.5 * MINUTE,
    )


def not_exited(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(work=240, exits=("never",)), at + 30 * MINUTE
    life.at(at - 240, lambda world: world.controller.order([order]))
    life.at(end, lambda world: world.nodes.finish(order.name))
    return Fault(
        what="an agent reports success and does not exit",
        begin=at,
        end=end,
        alert="AgentFinishedNotExited",
        labels={"job_name": f"task-{order.task}-*"},
        within=6 * MINUTE + 30,  # and the platform's round in which the Job started
    )


def hangs_in_silence(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(work=36000), at + 80 * MINUTE
    life.at(at, lambda world: world.controller.order([order]))
    life.at(end, functools.partial(cancel, name=order.name))
    return Fault(
        what="an agent hangs and says nothing",
        begin=at,
        end=end,
        alert="AgentJobHanging",
        labels={"job_name": f"task-{order.task}-*"},
        within=66 * MINUTE,
    )


def run_over_job_not(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(work=36000), at + 30 * MINUTE
    life.at(at - 5 * MINUTE, lambda world: world.controller.order([order]))
    life.at(at, lambda world: world.nodes.say(order.name, phase="Succeeded"))
    life.at(end, lambda world: world.nodes.finish(order.name))
    return Fault(
        what="a run is over, its Job goes on",
        begin=at,
        end=end,
        alert="AgentFinishedNotExited",
        labels={"job_name": f"task-{order.task}-*"},
        within=6 * MINUTE,
    )


def not_updated(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(work=240), at + 30 * MINUTE
    life.at(at - 270, lambda world: world.controller.order([order]))
    life.at(at - 60, functools.partial(_forget, name=order.name))
    life.at(end, functools.partial(_remember, name=order.name))
    return Fault(
        what="a Job ends, its run is not told",
        begin=at,
        end=end,
        alert="CodeRunNotUpdated",
        labels={"coderun": order.name},
        within=11.5 * MINUTE,
    )


def deletion_hangs(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(work=3000), at + 30 * MINUTE
    life.at(at - 5 * MINUTE, lambda world: world.controller.order([order]))
    life.at(at, functools.partial(_forget, name=order.name))
    life.at(at, functools.partial(cancel, name=order.name))
    life.at(end, functools.partial(_remember, name=order.name))
    return Fault(
        what="a finalizer is never taken away",
        begin=at,
        end=end,
        alert="CodeRunStuckDeleting",
        labels={"coderun": order.name},
        within=11.5 * MINUTE,
    )


def token_gone(life: Life, at: float, chance: random.Random) -> Fault:
    agent, end = chance.choice(("Cleo", "Cipher")), at + 60 * MINUTE
    for index in range(6):
        order = life.order(agent=agent, work=60, exits=("1",))
        life.at(at + index * 2 * MINUTE, lambda world, order=order: world.controller.order([order]))
    return Fault(
        what="an agent's token has expired: all its Jobs fail",
        begin=at,
        end=end,
        alert="AgentJobsFailing",
        labels={"agent": agent.lower()},
        within=30 * MINUTE,
    )


def no_deadline(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(work=2400), at + 45 * MINUTE
    life.at(at, lambda world: quietly(setattr, world.writer, "policy", False))
    life.at(at, lambda world: world.controller.order([order]))
    life.at(end, lambda world: quietly(setattr, world.writer, "policy", True))
    return Fault(
        what="Jobs are made without a deadline",
        begin=at,
        end=end,
        alert="AgentJobsWithoutDeadline",
        labels={"namespace": "agent-platform"},
        within=16 * MINUTE,
    )


PLATFORM: tuple[Kind, ...] = (
    configmap_emptied,
    configmap_deleted,
    controller_away,
    run_forgotten,
    retry_without_job,
    not_exited,
    hangs_in_silence,
    run_over_job_not,
    not_updated,
    deletion_hangs,
    token_gone,
    no_deadline,
)


def _broken_configmap(what: str, cli: str, *, begin: float, end: float) -> Fault:
    return Fault(
        what=what,
        begin=begin,
        end=end,
        alert="RequiredConfigMapUnhealthy",
        labels={"configmap": configmap_name(cli)},
        within=2 * MINUTE,
        beside=("CodeRunNotReconciled", "CodeRunJobCreationStalled"),
    )


async def _forget(world: World, *, name: str) -> None:
    world.controller.forgotten.add(name)


async def _remember(world: World, *, name: str) -> None:
    world.controller.forgotten.discard(name)


async def _retry(world: World, *, name: str) -> None:
    """The first half of what the controller does for a failed attempt."""
    run = await world.writer.read(f"{RUNS}/{name}")
    if run:
        await world.writer.delete(f"{JOBS}/{run['status']['jobName']}")
        await world.writer.patch(f"{RUNS}/{name}", {"spec": {"contextVersion": 2}})
