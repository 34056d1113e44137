"""Counters of what agents report in their logs: cost, turns and tokens. They outlive containers, Jobs and runs.

A CLI that reports nothing has no series, so that unknown costs are not 0. Lines that were written before the exporter
started are not counted, so that nothing is counted twice after a restart.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge

from exporter.cache import ContainerLog, Job, ObjectCache
from exporter.log_formats import LogReport
from exporter.resources.bounded import OTHER, Bounded

__all__ = ["UsageMetrics", "uncached_input"]

_HELD_SECONDS: Final = 120.0  # four scrapes of 30 s
_MAX_HELD: Final = 10_000


class _Amount(NamedTuple):
    """A counter, and the labels after namespace, agent and model."""

    counter: str
    more: tuple[str, ...] = ()


class _Held(NamedTuple):
    """An amount that is added later. `due` is in seconds since the epoch."""

    due: float
    amount: _Amount
    labels: tuple[str, ...]
    number: float


class UsageMetrics:
    """`on_change` is called before a series changes.

    A new series has the value 0 for two minutes, and the first amounts are added after that, because `increase()`
    ignores the first value of a counter.
    """

    def __init__(self, *, cache: ObjectCache, registry: CollectorRegistry, on_change: Callable[[], None]) -> None:
        self._cache = cache
        self._on_change = on_change
        self._held: list[_Held] = []
        self._due: dict[tuple[_Amount, tuple[str, ...]], float] = {}
        """When the series were created, plus two minutes."""
        self._bounded = Bounded(
            initialize=self._init_limit,
            fallbacks=lambda namespace, agent, _: [(namespace, agent, OTHER), (OTHER, agent, OTHER)],
        )
        labels = ("namespace", "agent", "model")
        self._counters = {
            "dollars": Counter(
                "agent_usage_dollars", "Cost that agents reported, in US dollars.", labels, registry=registry
            ),
            "turns": Counter("agent_usage_turns", "Number of turns that agents reported.", labels, registry=registry),
            "tokens": Counter(
                "agent_usage_tokens",
                "Number of tokens that agents reported: input, cached_input (read from the cache), output.",
                [*labels, "type"],
                registry=registry,
            ),
        }
        self._limit = Gauge(
            "agent_hourly_cost_limit_dollars",
            "Limit of the cost of an agent within an hour, in US dollars, if one is set; +Inf if it has no limit.",
            ["namespace", "agent"],
            registry=registry,
        )

    def observe(self, job: Job, old: ContainerLog | None, new: ContainerLog) -> None:
        """Counts what the log of a container of this Job says, in addition to the previous report about it."""
        before = {} if old is None else _amounts(old)
        for amount, number in _amounts(new).items():
            if (more := number - before.get(amount, 0.0)) >= 0 and (more or amount not in before):
                self._count(job, amount, more)

    def advance(self, now: float) -> None:
        """Adds the amounts whose series have been exposed with 0 for two minutes, or if the clock was set back."""
        held, self._held = self._held, []
        for one in held:
            if self._is_due(one.due, now):
                self._add(one.amount, one.labels, one.number)
            else:
                self._held.append(one)

    def _count(self, job: Job, amount: _Amount, number: float) -> None:
        run = self._cache.run_of(job)
        labels = self._bounded(job.namespace, self._cache.agent_of(job), run.model if run is not None else "")
        if labels is None:
            return
        now = self._cache.now
        if (amount, labels) not in self._due:
            self._due[amount, labels] = now + _HELD_SECONDS
            self._add(amount, labels, 0.0)
        due = self._due[amount, labels]
        if self._is_due(due, now) or len(self._held) >= _MAX_HELD:
            self._add(amount, labels, number)
        else:
            self._held.append(_Held(due, amount, labels, number))

    @staticmethod
    def _is_due(due: float, now: float) -> bool:
        return not now < due <= now + _HELD_SECONDS

    def _add(self, amount: _Amount, labels: tuple[str, ...], number: float) -> None:
        self._on_change()
        self._counters[amount.counter].labels(*labels, *amount.more).inc(number)

    def _init_limit(self, namespace: str, agent: str, _: str) -> None:
        if (limit := self._cache.thresholds.hourly_cost_limit_of(agent)) is not None:
            self._on_change()
            self._limit.labels(namespace, agent).set(limit)


def _amounts(log: ContainerLog) -> dict[_Amount, float]:
    """The amounts of a log since the exporter started. Input tokens of the cache are not in those of the input."""
    known = ((amount, read(log.report), read(log.earlier)) for amount, read in _READ.items())
    return {amount: number - (before or 0) for amount, number, before in known if number is not None}


def uncached_input(report: LogReport) -> int | None:
    """The input tokens that were not read from the cache; all of them if the CLI does not distinguish them."""
    return None if report.tokens_input is None else max(0, report.tokens_input - (report.tokens_cached or 0))


_READ: Final[dict[_Amount, Callable[[LogReport], float | None]]] = {
    _Amount("dollars"): lambda one: one.cost_dollars,
    _Amount("turns"): lambda one: one.turns_sum,
    _Amount("tokens", ("input",)): uncached_input,
    _Amount("tokens", ("cached_input",)): lambda one: one.tokens_cached,
    _Amount("tokens", ("output",)): lambda one: one.tokens_output,
}
