"""The state of each alert, as Prometheus keeps it from one evaluation to the next.

Source: "Alerting rules" in Prometheus' documentation, and its `rules/alerting.go` for the order of the steps.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping

from exporter.demo import promql
from exporter.demo.promql import NAME, Page, PromqlError, Sample, key
from exporter.demo.rules import AlertRule, expand

__all__ = ["Alert", "Alerts", "State", "Transition"]


class State(enum.StrEnum):
    """Where an alert is: its condition holds, it has held for long enough, it has ceased to."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alert:
    """One element of a rule's result. `labels` identify it: the result's, the rule's own, and `alertname`."""

    rule: AlertRule
    labels: Mapping[str, str]
    active_at: float
    """When its condition was first seen to hold, in seconds since the epoch."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.name

    @property
    def severity(self) -> str:
        """The label `severity`, or "" where the rule sets none."""
        return self.labels.get("severity", "")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transition:
    """An alert entered a state at the evaluation `at` (seconds since the epoch)."""

    alert: Alert
    state: State
    at: float


@dataclasses.dataclass(kw_only=True)
class _Active:
    alert: Alert
    state: State = State.PENDING
    gone_since: float | None = None


class Alerts:
    """All alerts of some rules. `errors` holds, by rule name, why its last evaluation failed."""

    def __init__(self, rules: Iterable[AlertRule]) -> None:
        self._rules = tuple(rules)
        self._active: dict[str, dict[promql.Key, _Active]] = {rule.name: {} for rule in self._rules}
        self.errors: dict[str, str] = {}

    def count(self, state: State) -> int:
        """How many alerts are in that state now."""
        return sum(one.state == state for active in self._active.values() for one in active.values())

    def evaluate(self, page: Page, *, at: float) -> list[Transition]:
        """Evaluates every rule over the page at that time; what changed, in the order of the rules.

        A rule that cannot be evaluated keeps its alerts as they are, as in Prometheus, and is in `errors`.
        """
        changed: list[Transition] = []
        for rule in self._rules:
            try:
                found = _result(rule, page=page, at=at)
            except PromqlError as error:
                self.errors[rule.name] = str(error)
                continue
            self.errors.pop(rule.name, None)
            changed += self._update(rule, found, at=at)
        return changed

    def _update(self, rule: AlertRule, found: Mapping[promql.Key, Alert], *, at: float) -> list[Transition]:
        active = self._active[rule.name]
        changed: list[Transition] = []
        for identity, alert in found.items():
            if identity not in active:
                active[identity] = _Active(alert=alert)
                changed.append(Transition(alert=alert, state=State.PENDING, at=at))
        for identity, one in list(active.items()):
            if identity in found:
                one.gone_since = None
            elif not _keeps_firing(one, at=at):
                del active[identity]
                if one.state is State.FIRING:
                    changed.append(Transition(alert=one.alert, state=State.RESOLVED, at=at))
                continue
            if one.state is State.PENDING and at - one.alert.active_at >= rule.hold:
                one.state = State.FIRING
                changed.append(Transition(alert=one.alert, state=State.FIRING, at=at))
        return changed


def _result(rule: AlertRule, *, page: Page, at: float) -> dict[promql.Key, Alert]:
    value = promql.evaluate(rule.tree, page=page, time=at)
    found: dict[promql.Key, Alert] = {}
    for sample in value if isinstance(value, list) else [Sample({}, value)]:
        labels = {name: text for name, text in sample.labels.items() if name != NAME}
        own = {name: expand(template, labels) for name, template in rule.labels.items()}
        labels = {**labels, **own, "alertname": rule.name}
        if key(labels) in found:
            raise PromqlError("vector contains metrics with the same labelset after applying alert labels")
        found[key(labels)] = Alert(rule=rule, labels=labels, active_at=at)
    return found


def _keeps_firing(one: _Active, *, at: float) -> bool:
    """Whether `keep_firing_for` still bridges the gap in an alert whose condition does not hold."""
    if one.state is not State.FIRING or not one.alert.rule.keep_firing:
        return False
    if one.gone_since is None:
        one.gone_since = at
    return at - one.gone_since < one.alert.rule.keep_firing
