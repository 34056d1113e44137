"""Renders docs/time-to-detection.md, and finds unexpected results."""

import dataclasses
import datetime as dt
import pathlib
from collections.abc import Iterable, Sequence

from lab.clock import duration, of_day
from lab.timelapse.evaluation import Firing
from tools.markdown import fill_page
from tools.replay.incidents import BEGIN, DAY, END, Incident, Replay

__all__ = ["PAGE", "Played", "render_page"]

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "time-to-detection.md"
_ADVICE = "AgentJobsWithoutDeadline"
_EXPLAINED = (
    "An alert that is listed twice about one object changed its label `explained_by`, which names the alert about the"
    " cause until the cause changes. The series with the old label ends 5 minutes later (`keep_firing_for`)."
)

Detection = tuple[Firing, dict[str, str]]
"""An alert that fired, and its annotations."""


@dataclasses.dataclass(frozen=True)
class Played:
    """A replay, the number of its scrapes, and the alerts that fired in it, with the annotations of each."""

    replay: Replay
    scrapes: int
    fired: Sequence[Firing]
    annotations: Sequence[dict[str, str]]

    def about(self, incident: Incident) -> list[Detection]:
        """The alerts about an incident."""
        return [
            (one, said) for one, said in zip(self.fired, self.annotations, strict=True) if _concerns(one, incident)
        ]

    @property
    def others(self) -> list[Firing]:
        """The alerts about none of its incidents."""
        incidents = self.replay.incidents
        return [one for one in self.fired if not any(_concerns(one, incident) for incident in incidents)]


def render_page(played: Sequence[Played]) -> tuple[str, list[str]]:
    """The text of the page, and a line for each unexpected result."""
    detections = [(incident, one.about(incident)) for one in played for incident in one.replay.incidents]
    others = [other for one in played for other in one.others]
    faults = [fault for incident, found in detections if (fault := _fault(incident, found))]
    faults += [f"{one.alert} fired about {_object(one)}" for one in others if one.alert != _ADVICE]
    text = fill_page(
        "time-to-detection",
        scrapes=f"{sum(one.scrapes for one in played):,}",
        begin=BEGIN,
        end=END,
        summary=_summary(detections),
        incidents="\n".join(_section(incident, found) for incident, found in detections),
        others=_others(others),
    )
    return text, faults


def _fault(incident: Incident, found: Sequence[Detection]) -> str:
    """What is wrong with the alerts about an incident; empty if nothing."""
    detection = next((one for one in found if one[0].alert == incident.alert), None)
    if detection is None:
        return f"{incident.alert} did not fire for incident {incident.title}"
    if (took := _took(detection[0], incident)) > incident.within:
        return f"{incident.alert} took {duration(took)} for incident {incident.title}"
    if (incident.cause or "cause unknown") not in detection[1]["summary"]:
        return f"{incident.alert} does not name the expected cause for incident {incident.title}"
    return ""


def _summary(detections: Iterable[tuple[Incident, Sequence[Detection]]]) -> str:
    rows = [
        "| incident | without | with coderun-exporter | based on | first alert | alert for the symptom | cause |",
        "|---|---|---|---|---|---|---|",
    ]
    for incident, found in detections:
        own = [one for one, _ in found if one.alert == incident.alert]
        if not own:
            rows.append(f"| {incident.title} | {incident.without} | **not detected** | | | | |")
            continue
        first = found[0][0]
        after = f"{_after(_took(first, incident))} {incident.since_what}"
        symptom = f"`{incident.alert}` at {_clock(own[0].first)}"
        alert = f"`{first.alert}` ({first.labels['severity']}) at {_clock(first.first)}"
        cause = f"`{incident.cause}`" if incident.cause else "none"
        cells = incident.title, incident.without, f"**{after}**", incident.signal, alert, symptom, cause
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _section(incident: Incident, found: Iterable[Detection]) -> str:
    rows = [f"## {incident.title}\n", incident.story + "\n"]
    rows += [f"| fires | after {incident.since_what} | alert | about | until |", "|---|---|---|---|---|"]
    shown: dict[tuple[str, str], Detection] = {}
    for one, said in found:
        shown.setdefault((one.alert, one.labels["severity"]), (one, said))
        alert = f"`{one.alert}` ({one.labels['severity']})"
        cells = _clock(one.first), _delay(_took(one, incident)), alert, f"`{_object(one)}`", _clock(one.last)
        rows.append(f"| {' | '.join(cells)} |")
    if any("explained_by" in one.labels for one, _ in shown.values()):
        rows.append(f"\n{_EXPLAINED}")
    rows.append("\nThe first notification of each:\n")
    for one, said in shown.values():
        rows += [f"    {one.alert} ({one.labels['severity']})", ""]
        rows += [f"    {line}" for line in (said["summary"] + "\n" + said["description"]).split("\n")]
        rows.append("")
    return "\n".join(rows)


def _others(others: Sequence[Firing]) -> str:
    lines = (
        f"- `{one.alert}` ({one.labels['severity']}) from {_clock(one.first)} to {_clock(one.last)}, about"
        f" `{_object(one)}`"
        for one in others
    )
    rows = ["## Other alerts\n", "Each line is an alert of one or more of the replays.\n", *dict.fromkeys(lines)]
    if not others:
        rows.append("Nothing.")
    elif all(one.alert == _ADVICE for one in others):
        rows.append(
            "\nThis alert is correct: on that day, no Job in `agent-platform` had a deadline. A deadline of one hour"
            " would have ended the Jobs that hung for six hours, but it would also end healthy Jobs of this platform,"
            " which can take three hours."
        )
    return "\n".join(rows) + "\n"


def _concerns(one: Firing, incident: Incident) -> bool:
    name = _name(one) or one.labels.get("namespace", "")
    return any(name == about or (about[-1] == "-" and name.startswith(about)) for about in incident.objects)


def _name(one: Firing) -> str:
    return next((one.labels[kind] for kind in ("coderun", "job_name", "configmap") if kind in one.labels), "")


def _object(one: Firing) -> str:
    return f"{one.labels.get('namespace', '')}/{_name(one)}".rstrip("/")


def _took(one: Firing, incident: Incident) -> float:
    """Seconds from the begin of the incident to the alert."""
    return one.first - of_day(DAY, incident.since)


def _after(seconds: float) -> str:
    return f"{duration(seconds)} after" if seconds >= 0 else f"{duration(-seconds)} before"


def _delay(seconds: float) -> str:
    return duration(seconds) if seconds >= 0 else _after(seconds)


def _clock(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, tz=dt.UTC).strftime("%H:%M:%S")
