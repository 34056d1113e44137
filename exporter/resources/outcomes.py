"""Counts the runs that finished by what they have delivered."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter

from exporter.cache import ObjectCache, Run
from exporter.diagnosis import OUTCOMES, outcome_of
from exporter.resources.bounded import OTHER, Bounded

__all__ = ["OutcomeMetrics"]


class OutcomeMetrics:
    """Each run is counted once, when its outcome is known. `on_change` is called before a series changes."""

    def __init__(self, *, cache: ObjectCache, registry: CollectorRegistry, on_change: Callable[[], None]) -> None:
        self._cache = cache
        self._on_change = on_change
        self._counted: set[str] = set()
        self._bounded = Bounded(initialize=self._init, fallbacks=lambda _, agent: [(OTHER, agent)])
        self._runs = Counter(
            "coderun_outcomes",
            "Number of runs that finished, by outcome: " + ", ".join(OUTCOMES) + ".",
            ["namespace", "agent", "outcome"],
            registry=registry,
        )

    def skip(self, run: Run) -> None:
        """Excludes a run that had finished before the initial list."""
        if run.terminal:
            self._counted.add(run.uid)

    def init_series(self, run: Run) -> None:
        """Initializes the series of its agent with 0."""
        self._bounded(run.namespace, self._agent(run))

    def update(self, run: Run) -> None:
        """Counts a run whose outcome is known now."""
        if run.terminal and run.uid not in self._counted and (outcome := outcome_of(run, self._cache)):
            self._count(run, outcome)

    def deleted(self, run: Run) -> None:
        """Counts a finished run that is deleted before the end of its agent's log was read."""
        if run.terminal and run.uid not in self._counted:
            self._count(run, outcome_of(run, self._cache) or "unknown")
        self._counted.discard(run.uid)

    def _count(self, run: Run, outcome: str) -> None:
        self._counted.add(run.uid)
        if (labels := self._bounded(run.namespace, self._agent(run))) is not None:
            self._on_change()
            self._runs.labels(*labels, outcome).inc()

    def _agent(self, run: Run) -> str:
        job = None if run.agent else self._cache.newest_job(run)
        return run.agent or (job.agent if job is not None else "")

    def _init(self, *labels: str) -> None:
        self._on_change()
        for outcome in OUTCOMES:
            self._runs.labels(*labels, outcome)
