"""Whether the agents that have thresholds of their own exist."""

from collections.abc import Iterable, Sequence

from exporter.checks.finding import NOTE, Finding, Part
from exporter.kind_names import nearest

__all__ = ["check_agents"]

_SIMILAR = 0.6


def check_agents(named: Iterable[str], runs: Sequence[Part]) -> list[Finding]:
    """Agents that have thresholds and no run or Job. Without any this is unknown."""
    known = {agent for found in runs for agent in found.agents}
    if not known:
        return []
    of = "no run has" if all(found.all for found in runs) else "none of the runs that could be read has"
    notes = []
    for agent in named:
        if agent.lower() not in known:
            near = nearest(agent.lower(), known, similar=_SIMILAR)
            hint = f"; did you mean {near!r}?" if near else ""
            notes.append(Finding(status=NOTE, subject=f"thresholds.agents.{agent}", text=f"{of} this agent{hint}"))
    return notes
