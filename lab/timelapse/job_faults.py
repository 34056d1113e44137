"""Faults of the Jobs of agents. The decorator `kind` makes a kind of fault, not of Kubernetes objects."""

import random

from lab.platform.manifests import RunSpec
from lab.timelapse.deeds import quietly
from lab.timelapse.fault import MINUTE, Fault, Kind, kind
from lab.timelapse.normal import DAY, Schedule

__all__ = ["JOB_FAULTS"]


@kind(
    "an agent does not exit after its last word",
    alert="AgentFinishedNotExited",
    lasts=30 * MINUTE,
    within=6.5 * MINUTE,
)
def not_exited(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """Incident 2 of the README: the work is completed, but the process does not exit. No status changes."""
    run = schedule.new_run(agent="Tess", cli="claude", work_seconds=420, start_seconds=5, exits=("never",))
    schedule.create(at - 420, run)
    schedule.at(end, lambda world: world.nodes.finish(run.name))
    return _job_of(run)


@kind(
    "an agent does not exit, and its CLI prints only text",
    alert="AgentJobHanging",
    lasts=80 * MINUTE,
    within=66 * MINUTE,
)
def not_exited_text(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """The log has no last word, and may be silent by design."""
    run = schedule.new_run(agent="Tess", cli="factory", work_seconds=420, exits=("never",))
    schedule.create(at, run)
    schedule.at(end, lambda world: world.nodes.finish(run.name))
    return _job_of(run)


@kind("the model does not answer an agent", alert="AgentSilent", lasts=50 * MINUTE, within=33 * MINUTE)
def silent(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """Its log has the start of a session, and no line after it."""
    run = schedule.new_run(agent="Cleo", cli="claude", start_seconds=5, exits=("silent",))
    schedule.create(at, run)
    schedule.delete(end, run)
    return _job_of(run)


@kind("an agent waits for input", alert="AgentBlocked", lasts=20 * MINUTE, within=5.5 * MINUTE)
def blocked(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    """Its standard input is open, and no process writes to it."""
    run = schedule.new_run(agent="Cipher", cli="codex", start_seconds=5, exits=("blocked",))
    schedule.create(at, run)
    schedule.delete(end, run)
    return _job_of(run)


@kind(
    "a quota allows no pod: status.active is absent",
    alert="AgentJobWithoutPod",
    lasts=40 * MINUTE,
    within=16 * MINUTE,  # includes the time until the controller creates the Job
)
def no_pod(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run(agent="Tess", exits=("no-pod",))
    schedule.create(at, run)
    schedule.delete(end, run)
    return _job_of(run)


@kind(
    "a pod stays Pending: a ConfigMap that it mounts is missing",
    alert="AgentPodNotStarting",
    lasts=30 * MINUTE,
    within=6.5 * MINUTE,
)
def pod_pending(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run(agent="Cleo", exits=("pending",))
    schedule.create(at, run)
    schedule.delete(end, run)
    return _job_of(run)


def suspended(schedule: Schedule, at: float, _: random.Random) -> Fault:
    """A suspended Job. The fault begins 24 hours after the suspension, so not before the second day."""
    run, begin = schedule.new_run(agent="Cleo", work_seconds=1200), max(at, schedule.begin + DAY + 20 * MINUTE)
    end = begin + 30 * MINUTE
    schedule.create(begin - DAY - 10 * MINUTE, run)
    schedule.at(begin - DAY, lambda world: world.nodes.suspend(run.name, suspended=True))
    schedule.delete(end, run)
    return Fault(
        what="a Job has been suspended for 24 hours",
        begin=begin,
        end=end,
        alert="AgentJobSuspended",
        labels=_job_of(run),
        within=5 * MINUTE,
    )


@kind(
    "an agent's token has expired: all its Jobs fail",
    alert="AgentJobsFailing",
    lasts=60 * MINUTE,
    within=30 * MINUTE,
    may_also_fire=("CodeRunRetryLoop", "AgentNeverSucceeds"),
)
def token_gone(schedule: Schedule, at: float, _end: float, rng: random.Random) -> dict[str, str]:
    """Every attempt fails after a minute and is retried, until the run is deleted."""
    agent = rng.choice(("Cleo", "Cipher"))
    for index in range(4):
        run = schedule.new_run(agent=agent, work_seconds=60, start_seconds=5, exits=("1",))
        schedule.create(at + index * 2 * MINUTE, run)
        schedule.delete(at + 20 * MINUTE, run)
    return {"agent": agent.lower()}


@kind("Jobs are made without a deadline", alert="AgentJobsWithoutDeadline", lasts=45 * MINUTE, within=16 * MINUTE)
def no_deadline(schedule: Schedule, at: float, end: float, _rng: random.Random) -> dict[str, str]:
    run = schedule.new_run(agent="Tess", work_seconds=2400)
    # `policy`: whether the admission policy that sets the deadline of Jobs is in effect.
    schedule.at(at, lambda world: quietly(setattr, world.writer, "policy", False))
    schedule.create(at, run)
    schedule.at(end, lambda world: quietly(setattr, world.writer, "policy", True))
    return {"namespace": "agent-platform"}


JOB_FAULTS: tuple[Kind, ...] = (
    not_exited,
    not_exited_text,
    silent,
    blocked,
    no_pod,
    pod_pending,
    suspended,
    token_gone,
    no_deadline,
)


def _job_of(run: RunSpec) -> dict[str, str]:
    return {"job_name": f"play-coderun-task-{run.task}-*"}
