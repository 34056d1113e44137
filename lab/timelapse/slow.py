"""Days of healthy agents that are slow: they write no log line while they build or test for long."""

from exporter.config import AgentThresholds, Thresholds
from lab.timelapse.normal import DAY, Schedule

__all__ = ["HOURS_PER_DAY", "SLOW_LIMITS", "SlowAgents"]

HOURS_PER_DAY = 250
"""Hours of agents' work in a simulated day."""
_RUNS_PER_DAY = 50  # of each agent
_HOUR = 3600
SLOW_LIMITS = Thresholds(
    agents={
        "rex": AgentThresholds(job_max_runtime="4h", agent_silence_limit="2h"),
        "tess": AgentThresholds(job_max_runtime="3h", agent_silence_limit="75m"),
    }
)
"""Limits of the two agents: the time that they need, and a margin."""


class SlowAgents(Schedule):
    """Rex works for 3 h, with a build of 90 minutes, and Tess for 2 h, with tests of 50 minutes: 15 % more or less.

    The exporter and the API server restart as in normal operation, and scrapes fail.
    """

    def day(self, begin: float) -> None:
        """Adds a day that starts at `begin` (seconds since the epoch). All runs end on this day."""
        for _ in range(_RUNS_PER_DAY):
            self._slow(begin, agent="Rex", hours=3, silent_minutes=90)
            self._slow(begin, agent="Tess", hours=2, silent_minutes=50)
        for _ in range(4):
            self._lost_scrape(begin)
        self._controller_rollout(begin)
        self._outage(begin)
        self._exporter_crash(begin)

    def _slow(self, begin: float, *, agent: str, hours: float, silent_minutes: float) -> None:
        silent = silent_minutes * 60 * self._rng.uniform(0.85, 1.15)
        cli = self._rng.choice(("claude", "codex", "cursor"))
        gate = 720.0 if cli == "codex" else 0.0
        work = hours * _HOUR
        run = self.new_run(agent=agent, cli=cli, work_seconds=work, silent_seconds=round(silent), gate_seconds=gate)
        at = self._moment(begin, last=DAY - work - _HOUR)
        self.create(at, run)
        self.delete(at + work + _HOUR / 2, run)
