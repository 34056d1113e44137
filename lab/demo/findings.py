"""The results of the replay: the incident of each alert, the first alert, and the named causes.

They are derived from the labels of an alert and from series of the same object.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from lab.demo.alerts import Alert, State, Transition
from lab.demo.incidents import Incident
from lab.promql import Key, Sample, Scrape, key

__all__ = ["Finding", "Findings", "causes_of", "object_of", "said"]

_OBJECTS = ("coderun", "job_name", "configmap")
_CAUSES = {
    "coderun": ("coderun_stall_cause", "cause", "detail"),
    "job_name": ("job_hang_cause", "cause", "detail"),
    "configmap": ("configmap_problem", "problem", "key"),
}
_NOT_AN_OBJECT = frozenset({"alertname", "severity", "component", "namespace"})


@dataclasses.dataclass(kw_only=True)
class Finding:
    """The results for one incident. Times are seconds since the epoch."""

    incident: Incident
    first: Transition | None = None
    named: dict[str, float] = dataclasses.field(default_factory=dict)
    """Time at which the alert of the incident fired, by object."""
    causes: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    """The causes that were exposed when that alert began to fire."""
    open: int = 0
    """Number of firing alerts about the incident."""

    @property
    def detected(self) -> bool:
        """Whether the alert has fired for every object that it must report."""
        return self.incident.needs <= self.named.keys()


class Findings:
    """Collects all transitions, and returns the results of the replay."""

    def __init__(self, incidents: Iterable[Incident]) -> None:
        self.of = tuple(Finding(incident=incident) for incident in incidents)
        self.elsewhere: list[Transition] = []
        """Unexpected alerts, which are about objects of no incident."""
        self.advice: list[Transition] = []
        """Alerts of severity `info` that are not about one object: they report the configuration, not a fault."""
        self._names: dict[Key, str] = {}

    def detected(self, number: str) -> bool:
        """Whether all incidents with this number were detected."""
        return all(finding.detected for finding in self.of if finding.incident.number == number)

    @property
    def complete(self) -> bool:
        """Whether every incident was detected."""
        return all(finding.detected for finding in self.of)

    @property
    def over(self) -> bool:
        """Whether every incident was detected, and every alert about it is resolved."""
        return self.complete and not any(finding.open for finding in self.of)

    def name(self, alert: Alert, scrape: Scrape) -> str:
        """The name of the alert's object when the alert was first seen. Later, the object may no longer exist."""
        return self._names.setdefault(key(alert.labels), object_of(alert.labels, scrape))

    def note(self, transition: Transition, scrape: Scrape) -> None:
        """Records a transition."""
        name = self.name(transition.alert, scrape)
        if transition.alert.labels.keys().isdisjoint(_OBJECTS):
            name = transition.alert.labels.get("namespace", "")
        finding = next((one for one in self.of if name in one.incident.needs | one.incident.objects), None)
        if transition.state is State.RESOLVED:
            if finding is not None:
                finding.open -= 1
        elif transition.state is State.FIRING:
            if finding is None:
                (self.advice if _is_advice(transition.alert) else self.elsewhere).append(transition)
            else:
                _record(finding, transition, name, scrape)


def object_of(labels: Mapping[str, str], scrape: Scrape) -> str:
    """The object of an alert: its run (for a Job, the run that owns it), or its ConfigMap.

    If the run of a Job is unknown, the name is that of the Job. For an alert about another object, it consists of the
    namespace and the other labels.
    """
    if "job_name" in labels and "coderun" not in labels:
        known = [sample for sample in scrape.family("job_info") if _same(sample, labels, "job_name")]
        return next((sample.get("coderun") for sample in known if sample.get("coderun")), labels["job_name"])
    for kind in _OBJECTS:
        if kind in labels:
            return labels[kind]
    others = [f"{name}={text}" for name, text in sorted(labels.items()) if name not in _NOT_AN_OBJECT]
    return " ".join(([labels["namespace"]] if labels.get("namespace") else []) + others)


def causes_of(labels: Mapping[str, str], scrape: Scrape) -> set[tuple[str, str]]:
    """The exposed causes for the object of an alert, each with its detail.

    For an alert about all runs of a namespace: the cause of the newest failure.
    """
    if labels.keys().isdisjoint(_OBJECTS):
        return _newest_failure(labels.get("namespace", ""), scrape)
    found = set()
    for kind, (family, cause, detail) in _CAUSES.items():
        if kind in labels:
            for sample in scrape.family(family):
                if _same(sample, labels, kind):
                    found.add((sample.get(cause), sample.get(detail)))
    return found


def said(causes: Iterable[tuple[str, str]]) -> list[str]:
    """The causes as texts without duplicates, with the detail if all objects have the same."""
    details: dict[str, set[str]] = {}
    for cause, detail in causes:
        details.setdefault(cause, set()).add(detail)
    return [
        f"{cause} ({detail})" if len(of) == 1 and (detail := next(iter(of))) else cause
        for cause, of in sorted(details.items())
    ]


def _record(finding: Finding, transition: Transition, name: str, scrape: Scrape) -> None:
    finding.open += 1
    finding.first = finding.first or transition
    if transition.alert.name == finding.incident.alert:
        finding.named[name] = transition.at
        finding.causes |= causes_of(transition.alert.labels, scrape)


def _newest_failure(namespace: str, scrape: Scrape) -> set[tuple[str, str]]:
    created = {
        one.get("coderun"): one.value
        for one in scrape.family("coderun_created_timestamp")
        if one.get("namespace") == namespace
    }
    failures = [one for one in scrape.family("coderun_failure_cause") if one.get("namespace") == namespace]
    newest = sorted(failures, key=lambda one: created.get(one.get("coderun"), 0.0))[-1:]
    return {(one.get("cause"), one.get("detail")) for one in newest}


def _is_advice(alert: Alert) -> bool:
    return alert.severity == "info" and alert.labels.keys().isdisjoint(_OBJECTS)


def _same(sample: Sample, labels: Mapping[str, str], kind: str) -> bool:
    """Whether a series is about the object that the labels name."""
    return all(sample.get(name) == labels.get(name, "") for name in ("namespace", kind))
