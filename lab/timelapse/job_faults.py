"""Faults of the Jobs of agents."""

import random

from lab.platform.manifests import Order
from lab.timelapse.fault import MINUTE, Fault, Kind, kind
from lab.timelapse.normal import DAY, Life, quietly

__all__ = ["JOB_FAULTS"]


@kind("an agent does not exit", alert="AgentJobHanging", lasts=80 * MINUTE, within=66 * MINUTE)
def not_exited(life: Life, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """Incident 2: the work is completed, but the process does not exit. No status changes."""
    order = life.order(agent="Tess", work=420, exits=("never",))
    life.create(at, order)
    life.at(end, lambda world: world.nodes.finish(order.name))
    return _job_of(order)


@kind(
    "a quota allows no pod: status.active is absent",
    alert="AgentJobWithoutPod",
    lasts=40 * MINUTE,
    within=16 * MINUTE,  # includes the round that creates the Job
)
def no_pod(life: Life, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    order = life.order(agent="Tess", exits=("no-pod",))
    life.create(at, order)
    life.delete(end, order)
    return _job_of(order)


@kind(
    "a pod stays Pending: a ConfigMap that it mounts is missing",
    alert="AgentPodNotStarting",
    lasts=30 * MINUTE,
    within=6.5 * MINUTE,
)
def pod_pending(life: Life, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    order = life.order(agent="Cleo", exits=("pending",))
    life.create(at, order)
    life.delete(end, order)
    return _job_of(order)


def suspended(life: Life, at: float, _: random.Random) -> Fault:
    """A suspended Job. The fault begins 24 hours after the suspension, so not before the second day."""
    order, begin = life.order(agent="Cleo", work=1200), max(at, life.begin + DAY + 20 * MINUTE)
    end = begin + 30 * MINUTE
    life.create(begin - DAY - 10 * MINUTE, order)
    life.at(begin - DAY, lambda world: world.nodes.suspend(order.name, suspended=True))
    life.delete(end, order)
    return Fault(
        what="a Job has been suspended for 24 hours",
        begin=begin,
        end=end,
        alert="AgentJobSuspended",
        labels=_job_of(order),
        within=5 * MINUTE,
    )


@kind(
    "an agent's token has expired: all its Jobs fail",
    alert="AgentJobsFailing",
    lasts=60 * MINUTE,
    within=30 * MINUTE,
    beside=("CodeRunRetryLoop", "AgentNeverSucceeds"),
)
def token_gone(life: Life, at: float, _end: float, rng: random.Random) -> dict[str, str]:
    """Every attempt fails after a minute and is retried, until the run is deleted."""
    agent = rng.choice(("Cleo", "Cipher"))
    for index in range(4):
        order = life.order(agent=agent, work=60, start=5, exits=("1",))
        life.create(at + index * 2 * MINUTE, order)
        life.delete(at + 20 * MINUTE, order)
    return {"agent": agent.lower()}


@kind("Jobs are made without a deadline", alert="AgentJobsWithoutDeadline", lasts=45 * MINUTE, within=16 * MINUTE)
def no_deadline(life: Life, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    order = life.order(agent="Tess", work=2400)
    life.at(at, lambda world: quietly(setattr, world.writer, "policy", False))
    life.create(at, order)
    life.at(end, lambda world: quietly(setattr, world.writer, "policy", True))
    return {"namespace": "agent-platform"}


JOB_FAULTS: tuple[Kind, ...] = (not_exited, no_pod, pod_pending, suspended, token_gone, no_deadline)


def _job_of(order: Order) -> dict[str, str]:
    return {"job_name": f"play-coderun-task-{order.task}-*"}
