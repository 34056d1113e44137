"""The thresholds of an object: from its annotation, its agent, its CLI, or the default."""

import dataclasses
from collections.abc import Mapping

from exporter.cache.records import Job, Run

__all__ = ["NEVER", "Thresholds"]

NEVER = float("inf")
"""No limit."""
_RESULT_SECONDS = 300.0
_RESULT_SECONDS_BY_CLI = dict.fromkeys(("codex", "factory", "droid", "opencode"), 1200.0)
"""The scripts around these CLIs build and test after the last word, and print nothing meanwhile."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Durations are in seconds, costs in US dollars. The mappings are keyed by agent."""

    job_creation_deadline: float = 600.0
    job_creation_deadlines: Mapping[str, float] = dataclasses.field(default_factory=dict)
    job_max_runtime: float = 3600.0
    job_max_runtime_is_set: bool = False
    """Whether the settings contain this limit. If not, it causes only a warning: healthy Jobs may exceed it."""
    job_max_runtimes: Mapping[str, float] = dataclasses.field(default_factory=dict)
    agent_result_limit: float | None = None
    """How long an agent may run after its last word; None: by its CLI."""
    agent_result_limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    agent_silence_limit: float = 1800.0
    agent_silence_limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    run_cost_limit: float | None = None
    """How many dollars a run may cost; None: no limit is set."""
    run_cost_limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    hourly_cost_limit: float | None = None
    """How many dollars an agent may cost within an hour, in one namespace; None: no limit is set."""
    hourly_cost_limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    retention: float = 21600.0
    """How long a finished object keeps its series after its end; 0: until it is deleted."""

    def deadline_of(self, run: Run) -> float:
        """How long this run may have no Job."""
        if run.deadline is not None:
            return run.deadline
        return self.job_creation_deadlines.get(run.agent, self.job_creation_deadline)

    def max_runtime_of(self, job: Job, agent: str, *, long_lived: bool = False) -> float:
        """How long this Job may run. The default limit does not apply to Jobs of long-lived runs."""
        if job.max_runtime is not None:
            return job.max_runtime
        return self.job_max_runtimes.get(agent, NEVER if long_lived else self.job_max_runtime)

    def run_limit_of(self, run: Run) -> float:
        """How long the Job of this run may run, before it exists."""
        return self.job_max_runtimes.get(run.agent, NEVER if run.long_lived else self.job_max_runtime)

    def max_runtime_is_set(self, job: Job, agent: str, *, long_lived: bool = False) -> bool:
        """Whether this limit is configured for the Job, its agent, or all Jobs."""
        for_all = self.job_max_runtime_is_set and not long_lived
        return job.max_runtime is not None or agent in self.job_max_runtimes or for_all

    def result_limit_of(self, agent: str, cli: str, *, long_lived: bool = False) -> float:
        """How long an agent may run after its last word. An agent of a long-lived run waits for its next task."""
        default = (
            _RESULT_SECONDS_BY_CLI.get(cli, _RESULT_SECONDS)
            if self.agent_result_limit is None
            else self.agent_result_limit
        )
        return self.agent_result_limits.get(agent, NEVER if long_lived else default)

    def silence_limit_of(self, agent: str, *, long_lived: bool = False) -> float:
        """How long an agent may write no line."""
        return self.agent_silence_limits.get(agent, NEVER if long_lived else self.agent_silence_limit)

    def run_cost_limit_of(self, agent: str) -> float | None:
        """How many dollars a run of this agent may cost; None if no limit is set."""
        return self.run_cost_limits.get(agent, self.run_cost_limit)

    def hourly_cost_limit_of(self, agent: str) -> float | None:
        """How many dollars this agent may cost within an hour; None if no limit is set."""
        return self.hourly_cost_limits.get(agent, self.hourly_cost_limit)

    def run_time_of(self, job: Job, run: Run | None) -> tuple[float, bool]:
        """The limit of a Job of this run, and whether it is configured."""
        agent = (run.agent if run else "") or job.agent
        long_lived = run is not None and run.long_lived
        return (
            self.max_runtime_of(job, agent, long_lived=long_lived),
            self.max_runtime_is_set(job, agent, long_lived=long_lived),
        )
