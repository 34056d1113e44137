"""What can go wrong on an agent platform, how it is brought about, and which alert has to tell it."""

import dataclasses
import functools
import random
from collections.abc import Callable, Mapping

from exporter.demo.manifests import CLIS, configmap_name, templates
from exporter.demo.platform import CONFIGMAPS, JOBS, RUNS
from tools.timelapse.judge import Firing
from tools.timelapse.normal import Life, cancel, quietly
from tools.timelapse.world import World

__all__ = ["KINDS", "Fault", "concerns"]

MINUTE = 60.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: from when (seconds since the epoch) to when it was there, and what is to be told of it."""

    what: str
    begin: float
    end: float
    alert: str
    labels: Mapping[str, str]
    """What the alert's labels must hold; a value that ends in `*` is the beginning of one."""
    within: float
    """Seconds from `begin` to the alert: what alerts/README.md promises, and 30 s for where the scrape falls."""
    beside: tuple[str, ...] = ()
    """What else may fire because of it."""

    def told_by(self, one: Firing) -> bool:
        """Whether that alert tells this fault."""
        return one.alert == self.alert and self.begin <= one.first <= self.end and concerns(one, self.labels)

    def explains(self, one: Firing) -> bool:
        """Whether that alert, or its going on, is a consequence."""
        return one.alert in (self.alert, *self.beside) and self.begin <= one.first <= self.end + 20 * MINUTE


def concerns(one: Firing, labels: Mapping[str, str]) -> bool:
    """Whether the alert has these labels."""
    return all(
        one.labels.get(name, "").startswith(value[:-1]) if value.endswith("*") else one.labels.get(name) == value
        for name, value in labels.items()
    )


_RUN_ALERTS = ("CodeRunNotReconciled", "CodeRunJobCreationStalled")


def configmap_emptied(life: Life, at: float, chance: random.Random) -> Fault:
    cli, end = chance.choice(CLIS), at + 40 * MINUTE
    life.at(at, lambda world: world.controller.lose_templates(cli))
    life.at(end, lambda world: world.controller.restore_templates(cli))
    return Fault(
        what="a template ConfigMap is emptied",
        begin=at,
        end=end,
        alert="RequiredConfigMapUnhealthy",
        labels={"configmap": configmap_name(cli)},
        within=2 * MINUTE,
        beside=_RUN_ALERTS,
    )


def configmap_deleted(life: Life, at: float, chance: random.Random) -> Fault:
    cli, end = chance.choice(CLIS), at + 40 * MINUTE
    life.at(at, lambda world: world.writer.delete(f"{CONFIGMAPS}/{configmap_name(cli)}"))
    life.at(end, lambda world: world.writer.ensure(CONFIGMAPS, templates(cli)))
    return Fault(
        what="a template ConfigMap is deleted",
        begin=at,
        end=end,
        alert="RequiredConfigMapUnhealthy",
        labels={"configmap": configmap_name(cli)},
        within=2 * MINUTE,
        beside=_RUN_ALERTS,
    )


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


def exporter_down(life: Life, at: float, _: random.Random) -> Fault:
    end = at + 10 * MINUTE
    life.at(at, lambda world: _each_target(world, stop=True, known=True))
    life.at(end, lambda world: _each_target(world, stop=False))
    return Fault(
        what="the exporter does not answer",
        begin=at,
        end=end,
        alert="CodeRunExporterDown",
        labels={"job": "coderun-exporter"},
        within=3 * MINUTE,
    )


def exporter_gone(life: Life, at: float, _: random.Random) -> Fault:
    end = at + 10 * MINUTE
    life.at(at, lambda world: _each_target(world, stop=True, known=False))
    life.at(end, lambda world: world.start(f"exporter-{round(at)}"))
    return Fault(
        what="the exporter's target is gone",
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
        what="the exporter dies every three minutes",
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


KINDS: tuple[Callable[[Life, float, random.Random], Fault], ...] = (
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
    exporter_down,
    exporter_gone,
    crash_loop,
    jobs_forbidden,
    api_server_away,
    no_deadline,
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
