"""Prints the texts of the demo for its steps, alerts and results."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from exporter.plurals import plural
from lab.clock import duration, of_day
from lab.demo.alerts import State, Transition
from lab.demo.findings import Finding, Findings, causes_of, object_of, said
from lab.demo.incidents import Step
from lab.demo.view import View, clock_time
from lab.promql import Scrape

__all__ = ["Story"]

_TERMINAL = ("succeeded", "failed", "cancelled")


class Story:
    """Prints the replay of a day to a view."""

    def __init__(self, *, view: View, day: dt.date) -> None:
        self._view = view
        self._day = day
        self._ended: set[str] = set()

    def opening(self, *, speed: float, minutes: float, addresses: Sequence[tuple[str, str]], note: str) -> None:
        """Prints an introduction and the addresses to open in a browser."""
        seconds = plural(max(1, round(minutes * 60 / speed)), "second")
        self._view.title(f"coderun-exporter demo: two incidents of one day, {speed:g} times faster")
        self._view.text(
            "The demo runs a stand-in API server, a simulated agent platform and the real exporter. The alert rules "
            f"are the shipped ones, with their thresholds; only the clock is fast. It takes {seconds}, or longer if "
            "the machine is too slow for this speed, because the clock then waits."
        )
        self._view.text("")
        self._view.facts(addresses)
        if note:
            self._view.text(note)
        self._view.text("")

    def step(self, step: Step, *, at: float) -> None:
        """Prints a step of the script."""
        self._view.moment(at, step.kind, step.text)

    def alerts(self, transitions: Iterable[Transition], scrape: Scrape, findings: Findings) -> None:
        """Prints the alerts that began to fire or resolved at one evaluation, one line for each alert name."""
        groups: dict[tuple[State, str, str], list[Transition]] = {}
        for one in transitions:
            if one.state is not State.PENDING:
                groups.setdefault((one.state, one.alert.name, one.alert.severity), []).append(one)
        for (state, name, severity), group in groups.items():
            objects = sorted({findings.name(one.alert, scrape) for one in group})
            more = [", ".join(text for text in objects if text)]
            if state is State.FIRING:
                causes = {cause for one in group for cause in causes_of(one.alert.labels, scrape)}
                more += [f"cause: {cause}" for cause in said(causes)]
            named = f"{name} ({severity})" if severity else name
            self._view.moment(group[0].at, state.upper(), named, more=[text for text in more if text])

    def ends(self, scrape: Scrape, *, at: float) -> None:
        """Prints the runs that have ended since the last scrape."""
        for state in _TERMINAL:
            runs = {one.get("coderun") for one in scrape.family("coderun_state") if one.get("state") == state}
            if new := sorted(runs - self._ended):
                self._ended.update(new)
                self._view.moment(at, "done", f"{', '.join(new)}: {state}.")

    def status(self, scrape: Scrape, *, at: float, pending: int, firing: int) -> None:
        """Updates the status line."""
        opened = sum(one.get("state") == "open" for one in scrape.family("coderun_state"))
        self._view.status(at, f"open runs: {opened}   pending alerts: {pending}   firing: {firing}")

    def leave(self) -> None:
        """Removes the status line."""
        self._view.clear_status()

    def result(self, findings: Findings, *, runs: int, errors: Mapping[str, str]) -> None:
        """Prints the results. `errors` maps the rules that could not be evaluated to the reasons."""
        self._view.title("Time to alert")
        for finding in findings.of:
            self._incident(finding)
        others = ", ".join(sorted({one.alert.name for one in findings.elsewhere})) or "none"
        self._view.facts([(f"alerts about the other {runs} runs, or anything else", others)])
        if advice := sorted({f"{one.alert.name} {object_of(one.alert.labels, Scrape())}" for one in findings.advice}):
            self._view.facts([("standing advice (info)", ", ".join(advice))])
        for name, error in sorted(errors.items()):
            self._view.text(f"{name} could not be evaluated: {error}")
        self._view.text("")

    def staying(self, url: str) -> None:
        """Prints that the exporter keeps running."""
        self._view.text(f"The exporter keeps running, now in real time: {url}/ Press Ctrl-C to stop it.")

    def _incident(self, finding: Finding) -> None:
        incident = finding.incident
        first = "none: NOT DETECTED"
        took = "never"
        if finding.first is not None:
            waited = duration(finding.first.at - of_day(self._day, incident.began))
            took = f"{waited} after {incident.began_what}"
            first = f"{finding.first.alert.name} ({finding.first.alert.severity}), at {clock_time(finding.first.at)}"
        own = f"{incident.alert} did not fire for {', '.join(sorted(incident.needs - finding.named.keys()))}"
        if finding.detected:
            waited = duration(max(finding.named.values()) - of_day(self._day, incident.alert_since))
            own = f"{incident.alert}, {waited} after {incident.since_what}"
        self._view.text(f"{incident.number}  {incident.title}", style="title")
        facts = [
            ("without", incident.without),
            ("with coderun-exporter", took),
            ("based on", incident.signal),
            ("first alert", first),
            ("alert for the symptom", own),
            ("cause named", "; ".join(said(finding.causes)) or "none"),
        ]
        self._view.facts(facts, indent=5)
        self._view.text("")
