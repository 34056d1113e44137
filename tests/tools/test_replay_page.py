"""The page about the replayed incidents: the time to each alert, and unexpected results."""

import dataclasses
import pathlib
import re

from lab.clock import of_day
from lab.demo.incidents import INCIDENTS
from lab.timelapse.evaluation import Firing
from tools.replay.incidents import DAY, REPLAYS, STALLED
from tools.replay.page import Played, render_page

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAID = {
    "CodeRunJobCreationStalled": "It is stuck: configmap_empty",
    "CodeRunsFailing": "It is stuck: template_failed",
    "AgentFinishedNotExited": "It is stuck: finished_not_exited",
    "AgentJobHanging": "It is stuck: cause unknown",
}
TESS = "play-coderun-task-3-tess-x"


def firing(alert, label, name, *, severity="critical", at="14:00"):
    """An alert of the replay."""
    moment = of_day(DAY, at)
    labels = {"namespace": "n", label: name, "severity": severity}
    return Firing(alert=alert, labels=labels, first=moment, last=moment + 60)


FIRST_DAY = (
    firing("CodeRunJobCreationStalled", "coderun", STALLED[0].name, at="12:47"),
    firing("CodeRunsFailing", "namespace", "cto", severity="warning", at="16:06"),
)
WITH_LOGS = (firing("AgentFinishedNotExited", "job_name", TESS, at="13:57"),)
WITHOUT_LOGS = (firing("AgentJobHanging", "job_name", TESS, severity="warning", at="14:50"),)


def page(*fired):
    """The page about three days, on each of which these alerts fired."""
    days = zip(REPLAYS, fired or (FIRST_DAY, WITH_LOGS, WITHOUT_LOGS), strict=True)
    return render_page(
        [Played(one, scrapes=1, fired=fired, annotations=[said(alert) for alert in fired]) for one, fired in days]
    )


def said(alert):
    """The annotations of an alert."""
    return {"summary": SAID.get(alert.alert, ""), "description": "Next:\nkubectl get x"}


def test_every_incident_must_be_detected_by_its_alert():
    """The replay fails if one is not detected."""
    assert page()[1] == []
    text, wrong = page(FIRST_DAY, WITHOUT_LOGS, WITHOUT_LOGS)
    title = "2. Tess's Jobs of tasks 3, 4 and 7 never ended; with access to logs"
    assert wrong == [f"AgentFinishedNotExited did not fire for incident {title}"]
    assert text.count("**not detected**") == 1


def test_an_alert_that_is_too_late_fails_the_replay():
    """With the log, it must fire within six minutes of the last word."""
    late = (dataclasses.replace(WITH_LOGS[0], first=of_day(DAY, "13:58") + 1),)
    (wrong,) = page(FIRST_DAY, late, WITHOUT_LOGS)[1]
    assert wrong.startswith("AgentFinishedNotExited took 6 min 1 s for incident 2.")
    assert page(FIRST_DAY, (dataclasses.replace(late[0], first=of_day(DAY, "13:58")),), WITHOUT_LOGS)[1] == []


def test_two_rows_for_an_alert_whose_labels_changed_are_explained():
    """Without the label `explained_by`, there is no such sentence."""
    one = FIRST_DAY[0]
    explained = dataclasses.replace(one, labels={**one.labels, "explained_by": "RequiredConfigMapUnhealthy"})
    assert "changed its label `explained_by`" in page((explained, *FIRST_DAY), WITH_LOGS, WITHOUT_LOGS)[0]
    assert "explained_by" not in page()[0]


def test_each_figure_has_the_signal_that_it_is_based_on():
    """The table has the times of the incident, the signal, and the first alert: with and without logs."""
    text, _ = page()
    words = "the agents' last word in their logs, and no line for 300 s after it"
    assert f"5 min after the agents' last word** | {words} | `AgentFinishedNotExited` (critical) at 13:57:00" in text
    age = "the age of the Jobs: the default maximum run time of 3600 s, and 300 s"
    assert f"1 h 5 min after the Jobs started** | {age} | `AgentJobHanging` (warning) at 14:50:00" in text
    assert "until the fix was synced (19:58), 7 h 39 min until the Job was created (20:11)" in text


def test_other_alerts_fail_the_replay_except_the_advice():
    """The advice is right: on that day no Job had a deadline. It is listed once."""
    advice = firing("AgentJobsWithoutDeadline", "x", "", severity="info")
    text, wrong = page((*FIRST_DAY, advice), (*WITH_LOGS, advice), WITHOUT_LOGS)
    assert (text.count("- `AgentJobsWithoutDeadline`"), wrong) == (1, [])
    other = firing("AgentJobHanging", "job_name", "play-coderun-task-30-tess-x")
    assert page(FIRST_DAY, WITH_LOGS, (*WITHOUT_LOGS, other))[1] == [
        "AgentJobHanging fired about n/play-coderun-task-30-tess-x"
    ]


def test_the_text_of_each_alert_is_printed_once():
    """It is a code block."""
    again = firing("AgentFinishedNotExited", "job_name", "play-coderun-task-4-tess-x", at="13:57")
    text, _ = page(FIRST_DAY, (*WITH_LOGS, again), WITHOUT_LOGS)
    assert text.count("    It is stuck: finished_not_exited\n    Next:\n    kubectl get x") == 1
    assert text.count("    Next:\n    kubectl get x") == 4


def test_an_alert_that_does_not_name_the_cause_fails_the_replay(monkeypatch):
    """The age of the Jobs names none."""
    monkeypatch.setitem(SAID, "AgentFinishedNotExited", "It is stuck: cause unknown")
    (wrong,) = page()[1]
    assert wrong.startswith("AgentFinishedNotExited does not name the expected cause for incident 2.")
    assert page()[0].count("| none |") == 1


def rows_of(text, begin):
    """The cells of the rows of a table that begin with this text."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(f"| {begin}")]
    return [[cell.strip("*") for cell in row] for row in rows]


def test_the_readme_has_the_figures_of_the_page():
    """The two rows about incident 2: each with its time, its signal, its first alert and its cause."""
    measured = rows_of((ROOT / "docs" / "time-to-detection.md").read_text("utf-8"), "2. ")
    shown = rows_of((ROOT / "README.md").read_text("utf-8"), "with")
    assert [(row[2], row[3], row[4].partition(" at ")[0], row[6]) for row in measured] == [
        tuple(row[1:]) for row in shown
    ]


def test_the_image_in_the_readme_is_the_end_of_the_demo():
    """The titles, figures of the report and signals. `make demo | .venv/bin/python tools/picture.py` draws it."""
    drawn = re.sub(r"<[^>]+>", "", (ROOT / "docs" / "demo.svg").read_text("utf-8").partition("Time to alert")[2])
    text = " ".join(drawn.replace("&apos;", "'").split())
    for incident in INCIDENTS:
        for part in (incident.title, incident.without, incident.began_what, incident.signal, incident.alert):
            assert part in text
    assert text.count("with coderun-exporter 5 min 30 s after the agents' last word") == 1
