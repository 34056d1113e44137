"""Checks whether the agents with configured thresholds exist."""

from collections.abc import Iterable, Sequence

from exporter.checks.finding import NOTE, CheckResult, Finding
from exporter.kind_names import nearest

__all__ = ["check_agents"]

_MIN_SIMILARITY = 0.6


def check_agents(named: Iterable[str], runs: Sequence[CheckResult]) -> list[Finding]:
    """A note for each agent that has thresholds and no run or Job. None if no agent is known."""
    known = {agent for result in runs for agent in result.agents}
    if not known:
        return []
    subject = "no run has" if all(result.complete for result in runs) else "none of the runs that could be read has"
    notes = []
    for agent in named:
        if agent.lower() not in known:
            near = nearest(agent.lower(), known, similar=_MIN_SIMILARITY)
            hint = f"; did you mean {near!r}?" if near else ""
            notes.append(
                Finding(status=NOTE, subject=f"thresholds.agents.{agent}", text=f"{subject} this agent{hint}")
            )
    return notes
