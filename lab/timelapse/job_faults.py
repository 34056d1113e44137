"""What can go wrong with the Jobs of agents."""

import functools
import random

from lab.timelapse.fault import MINUTE, Fault, Kind
from lab.timelapse.normal import DAY, Life, cancel, quietly

__all__ = ["JOB_FAULTS"]


def not_exited(life: Life, at: float, _: random.Random) -> Fault:
    """Incident 2: the work is done, and the process stays. The status of the run and of the Job does not change."""
    order, end = life.order(agent="Tess", work=420, exits=("never",)), at + 80 * MINUTE
    life.create(at, order)
    life.at(end, lambda world: world.nodes.finish(order.name))
    return Fault(
        what="an agent does not exit",
        begin=at,
        end=end,
        alert="AgentJobHanging",
        labels={"job_name": f"play-coderun-task-{order.task}-*"},
        within=66 * MINUTE,
    )


def no_pod(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(agent="Tess", exits=("no-pod",)), at + 40 * MINUTE
    life.create(at, order)
    life.at(end, functools.partial(cancel, name=order.name))
    return Fault(
        what="a quota allows no pod: status.active is absent",
        begin=at,
        end=end,
        alert="AgentJobWithoutPod",
        labels={"job_name": f"play-coderun-task-{order.task}-*"},
        within=16 * MINUTE,  # and the round in which the Job is made
    )


def pod_pending(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(agent="Cleo", exits=("pending",)), at + 30 * MINUTE
    life.create(at, order)
    life.at(end, functools.partial(cancel, name=order.name))
    return Fault(
        what="a pod stays Pending: a ConfigMap that it mounts is missing",
        begin=at,
        end=end,
        alert="AgentPodNotStarting",
        labels={"job_name": f"play-coderun-task-{order.task}-*"},
        within=6.5 * MINUTE,
    )


def suspended(life: Life, at: float, _: random.Random) -> Fault:
    """It begins 24 hours after the Job was suspended, and not before the second day."""
    order, begin = life.order(agent="Cleo", work=1200), max(at, life.begin + DAY + 20 * MINUTE)
    end = begin + 30 * MINUTE
    life.create(begin - DAY - 10 * MINUTE, order)
    life.at(begin - DAY, lambda world: world.nodes.suspend(order.name, suspended=True))
    life.at(end, functools.partial(cancel, name=order.name))
    return Fault(
        what="a Job has been suspended for 24 hours",
        begin=begin,
        end=end,
        alert="AgentJobSuspended",
        labels={"job_name": f"play-coderun-task-{order.task}-*"},
        within=5 * MINUTE,
    )


def token_gone(life: Life, at: float, chance: random.Random) -> Fault:
    """Every attempt fails after a minute and is retried, until the run is deleted."""
    agent, end = chance.choice(("Cleo", "Cipher")), at + 60 * MINUTE
    for index in range(4):
        order = life.order(agent=agent, work=60, start=5, exits=("1",))
        life.create(at + index * 2 * MINUTE, order)
        life.at(at + 20 * MINUTE, functools.partial(cancel, name=order.name))
    return Fault(
        what="an agent's token has expired: all its Jobs fail",
        begin=at,
        end=end,
        alert="AgentJobsFailing",
        labels={"agent": agent.lower()},
        within=30 * MINUTE,
        beside=("CodeRunRetryLoop", "AgentNeverSucceeds"),
    )


def no_deadline(life: Life, at: float, _: random.Random) -> Fault:
    order, end = life.order(agent="Tess", work=2400), at + 45 * MINUTE
    life.at(at, lambda world: quietly(setattr, world.writer, "policy", False))
    life.create(at, order)
    life.at(end, lambda world: quietly(setattr, world.writer, "policy", True))
    return Fault(
        what="Jobs are made without a deadline",
        begin=at,
        end=end,
        alert="AgentJobsWithoutDeadline",
        labels={"namespace": "agent-platform"},
        within=16 * MINUTE,
    )


JOB_FAULTS: tuple[Kind, ...] = (not_exited, no_pod, pod_pending, suspended, token_gone, no_deadline)
