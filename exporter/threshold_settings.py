"""The thresholds of the settings, in seconds and dollars."""

from collections.abc import Mapping

from exporter.cache import NEVER, Thresholds
from exporter.config import DEFAULT_JOB_MAX_RUNTIME, AgentThresholds, Settings
from exporter.durations import parse_duration

__all__ = ["build_thresholds"]


def build_thresholds(settings: Settings) -> Thresholds:
    """The thresholds, in seconds and dollars."""
    limits, agents = settings.thresholds, settings.thresholds.agents
    return Thresholds(
        job_creation_deadline=parse_duration(str(limits.job_creation_deadline)),
        job_creation_deadlines=_of_agents(agents, "job_creation_deadline"),
        job_max_runtime=parse_duration(str(limits.job_max_runtime or DEFAULT_JOB_MAX_RUNTIME)),
        job_max_runtime_is_set=limits.job_max_runtime is not None,
        job_max_runtimes=_of_agents(agents, "job_max_runtime"),
        agent_result_limit=_seconds(limits.agent_result_limit),
        agent_result_limits=_of_agents(agents, "agent_result_limit"),
        agent_silence_limit=parse_duration(str(limits.agent_silence_limit)),
        agent_silence_limits=_of_agents(agents, "agent_silence_limit"),
        run_cost_limit=_dollars(limits.run_cost_limit),
        run_cost_limits=_costs_of_agents(agents, "run_cost_limit"),
        hourly_cost_limit=_dollars(limits.hourly_cost_limit),
        hourly_cost_limits=_costs_of_agents(agents, "hourly_cost_limit"),
        retention=parse_duration(str(settings.retention)),
    )


def _of_agents(agents: Mapping[str, AgentThresholds], name: str) -> dict[str, float]:
    limits = {agent.lower(): _seconds(getattr(override, name)) for agent, override in agents.items()}
    return {agent: limit for agent, limit in limits.items() if limit is not None}


def _costs_of_agents(agents: Mapping[str, AgentThresholds], name: str) -> dict[str, float]:
    limits = {agent.lower(): _dollars(getattr(override, name)) for agent, override in agents.items()}
    return {agent: limit for agent, limit in limits.items() if limit is not None}


def _dollars(limit: str | float | None) -> float | None:
    return NEVER if limit == "none" else None if limit is None else float(limit)


def _seconds(duration: str | float | None) -> float | None:
    return None if duration is None else parse_duration(str(duration))
