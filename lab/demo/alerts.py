"""The state of each alert between evaluations, as in Prometheus.

Source: "Alerting rules" in Prometheus' documentation, and its `rules/alerting.go` for the order of the steps.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping

from lab import promql
from lab.demo.rules import AlertRule, RecordingRule, expand
from lab.promql import NAME, History, PromqlError, Sample, Scrape, key

__all__ = ["Alert", "Alerts", "State", "Transition"]


class State(enum.StrEnum):
    """The state of an alert: pending, firing or resolved."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alert:
    """An element of a rule's result. Its labels identify it: those of the result and the rule, and `alertname`."""

    rule: AlertRule
    labels: Mapping[str, str]
    active_at: float
    """Time at which its condition was first true, in seconds since the epoch."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.name

    @property
    def severity(self) -> str:
        """The label `severity`; "" if the rule sets none."""
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
    """All alerts of a set of rules.

    `errors` maps the name of a rule to the reason for which its last evaluation failed. Several rules may have the
    same name. Recording rules are evaluated first, over the same scrape.
    """

    def __init__(self, rules: Iterable[AlertRule], *, recording: Iterable[RecordingRule] = ()) -> None:
        self._active: tuple[tuple[AlertRule, dict[promql.Key, _Active]], ...] = tuple((rule, {}) for rule in rules)
        self._recording = tuple(recording)
        self._history = History()
        self.errors: dict[str, str] = {}

    def count(self, state: State) -> int:
        """The number of alerts that are in this state."""
        return sum(one.state == state for _, active in self._active for one in active.values())

    def evaluate(self, scrape: Scrape, *, at: float) -> list[Transition]:
        """Evaluates all rules over this and earlier scrapes. Returns the transitions in the order of the rules.

        If a rule cannot be evaluated, its alerts do not change, as in Prometheus, and it is in `errors`.
        """
        self._history.add(scrape, at=at)
        self.errors.clear()
        for recording in self._recording:
            self._record(recording, scrape, at=at)
        changed: list[Transition] = []
        for rule, active in self._active:
            try:
                found = _result(rule, scrape=scrape, history=self._history, at=at)
            except PromqlError as error:
                self.errors[rule.name] = str(error)
                continue
            changed += self._update(rule, active, found, at=at)
        return changed

    def _record(self, rule: RecordingRule, scrape: Scrape, *, at: float) -> None:
        try:
            value = promql.evaluate(rule.tree, scrape=scrape, time=at, history=self._history)
        except PromqlError as error:
            self.errors[rule.name] = str(error)
            return
        for sample in value if isinstance(value, list) else [Sample({}, value)]:
            labels = {name: text for name, text in sample.labels.items() if name != NAME}
            scrape.add(name=rule.name, labels={**labels, **rule.labels}, value=sample.value)
        self._history.extend(scrape, [rule.name])

    def _update(
        self, rule: AlertRule, active: dict[promql.Key, _Active], found: Mapping[promql.Key, Alert], *, at: float
    ) -> list[Transition]:
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


def _result(rule: AlertRule, *, scrape: Scrape, history: History, at: float) -> dict[promql.Key, Alert]:
    value = promql.evaluate(rule.tree, scrape=scrape, time=at, history=history)
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
    """Whether the alert keeps firing by `keep_firing_for` although its condition is false."""
    if one.state is not State.FIRING or not one.alert.rule.keep_firing:
        return False
    if one.gone_since is None:
        one.gone_since = at
    return at - one.gone_since < one.alert.rule.keep_firing
