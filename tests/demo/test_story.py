"""What is told of alerts: which incident they are about, which cause the page names, what stands in the table."""

import datetime as dt
import io

import pytest

from exporter.demo.alerts import Alert, State, Transition
from exporter.demo.clock import of_day
from exporter.demo.findings import Findings, causes_of, object_of, said
from exporter.demo.incidents import INCIDENTS
from exporter.demo.promql import Page
from exporter.demo.rules import AlertRule
from exporter.demo.story import Story, duration
from exporter.demo.view import View

DAY = dt.date(2026, 3, 4)
PAGE = Page(
    [
        ("job_info", {"namespace": "n", "job_name": "j3", "coderun": "task-3-tess"}, 1),
        ("job_info", {"namespace": "n", "job_name": "j4", "coderun": "task-4-tess"}, 1),
        ("job_info", {"namespace": "n", "job_name": "j7", "coderun": "task-7-tess"}, 1),
        ("job_info", {"namespace": "other", "job_name": "j3", "coderun": "wrong"}, 1),
        ("job_info", {"namespace": "n", "job_name": "orphan"}, 1),
        ("job_hang_cause", {"namespace": "n", "job_name": "j3", "cause": "silent", "detail": "since 9"}, 1),
        ("job_hang_cause", {"namespace": "n", "job_name": "j4", "cause": "silent", "detail": "since 8"}, 1),
        ("job_hang_cause", {"namespace": "other", "job_name": "j3", "cause": "wrong"}, 1),
        ("configmap_problem", {"namespace": "n", "configmap": "c", "problem": "empty"}, 1),
        ("coderun_phase", {"namespace": "n", "coderun": "a", "phase": "Succeeded"}, 1),
        ("coderun_phase", {"namespace": "n", "coderun": "b", "phase": "Running"}, 1),
    ]
)


def change(name, at, *, state=State.FIRING, severity="critical", **labels):
    """A transition at a time of day."""
    labels = {"namespace": "n", "alertname": name, "severity": severity, **labels}
    alert = Alert(rule=AlertRule(name=name, tree=None), labels=labels, active_at=0)
    return Transition(alert=alert, state=state, at=of_day(DAY, at))


@pytest.fixture
def out():
    """What was printed."""
    return io.StringIO()


@pytest.fixture
def story(out):
    """A story told in 100 columns."""
    return Story(view=View(out, width=100, environment={}), day=DAY)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"namespace": "n", "coderun": "r", "job_name": "j3"}, "r"),
        ({"namespace": "n", "job_name": "j3"}, "task-3-tess"),
        ({"namespace": "n", "job_name": "orphan"}, "orphan"),
        ({"namespace": "n", "job_name": "unknown"}, "unknown"),
        ({"namespace": "n", "configmap": "c"}, "c"),
        ({"namespace": "n", "alertname": "A", "resource": "jobs", "scope": "*"}, "resource=jobs scope=*"),
        ({"namespace": "n", "alertname": "A", "severity": "info"}, "n"),
        ({"alertname": "A"}, ""),
    ],
)
def test_an_alert_is_about_its_run_or_else_its_own_labels(labels, name):
    """A Job is called by the run that it was made for, in its own namespace."""
    assert object_of(labels, PAGE) == name


def test_causes_are_those_of_the_very_object():
    """A Job of the same name in another namespace lends no cause."""
    assert causes_of({"namespace": "n", "job_name": "j3"}, PAGE) == {("silent", "since 9")}
    assert causes_of({"namespace": "n", "configmap": "c"}, PAGE) == {("empty", "")}
    assert causes_of({"namespace": "n", "coderun": "task-3-tess"}, PAGE) == set()


def test_a_cause_has_its_detail_if_all_share_it():
    """Three objects with one cause and three details are one cause in words."""
    assert said([("a", "x"), ("a", "y"), ("b", "z"), ("b", "z"), ("c", "")]) == ["a", "b (z)", "c"]


def test_alerts_of_one_name_are_told_together(story, out):
    """One line for the alert, one for its objects, one for each cause; pending ones are not told."""
    findings = Findings(INCIDENTS)
    changes = [change("AgentJobHanging", "13:43", job_name=name) for name in ("j4", "j3")]
    changes += [change("Other", "13:43", state=State.PENDING, job_name="j7")]
    story.alerts(changes, PAGE, findings)
    story.alerts([change("AgentJobHanging", "13:50", state=State.RESOLVED, job_name="j3")], Page(), findings)
    assert out.getvalue() == (
        "  13:43:00  FIRING    AgentJobHanging (critical)\n"
        "                      task-3-tess, task-4-tess\n"
        "                      cause: silent\n"
        "  13:50:00  RESOLVED  AgentJobHanging (critical)\n"
        "                      task-3-tess\n"
    )


def test_an_incident_is_detected_when_its_alert_has_fired_for_every_run():
    """Another alert about it is not enough, and neither is the alert for some of the runs."""
    findings = Findings(INCIDENTS)
    findings.note(change("RequiredConfigMapUnhealthy", "12:31", configmap="controller-agent-templates-claude"), PAGE)
    findings.note(change("CodeRunJobCreationStalled", "12:47", coderun="task-1-rex"), PAGE)
    assert not findings.detected(1)
    findings.note(change("CodeRunJobCreationStalled", "12:48", coderun="task-6-rex"), PAGE)
    assert findings.detected(1)
    assert not findings.complete
    for job in ("j3", "j4", "j7"):
        findings.note(change("AgentJobHanging", "13:43", job_name=job), PAGE)
    assert findings.complete


def test_all_is_over_when_every_alert_is_resolved():
    """An alert whose object is gone from the page still counts for the incident that it was told of."""
    findings = Findings(INCIDENTS[1:])
    for job in ("j3", "j4", "j7"):
        findings.note(change("AgentJobHanging", "13:43", job_name=job), PAGE)
    assert (findings.complete, findings.over) == (True, False)
    for job in ("j3", "j4", "j7"):
        findings.note(change("AgentJobHanging", "13:50", state=State.RESOLVED, job_name=job), Page())
    assert findings.over


def test_an_alert_about_anything_else_is_kept_apart(story, out):
    """An alert about a run that is fine, or about the exporter, is named at the end as what should not be."""
    findings = Findings(INCIDENTS)
    findings.note(change("AgentJobHanging", "13:00", coderun="task-2-rex"), PAGE)
    findings.note(change("AgentJobHanging", "13:05", state=State.RESOLVED, coderun="task-2-rex"), PAGE)
    findings.note(change("Stale", "13:00", resource="jobs"), PAGE)
    story.result(findings, runs=6, errors={"Bad": "no reason"})
    text = out.getvalue()
    assert "alerts about the other 6 runs, or anything else  AgentJobHanging, Stale\n" in text
    assert "  Bad could not be evaluated: no reason\n" in text
    assert text.count("NOT DETECTED") == 2
    assert "AgentJobHanging did not fire for task-3-tess, task-4-tess, task-7-tess" in text


def test_advice_is_told_apart_from_what_should_not_be(story, out):
    """At severity info, and of no object; each once. The same of a run, or at another severity, is an alert."""
    findings = Findings(INCIDENTS)
    for at in ("13:00", "13:30"):
        findings.note(change("WithoutDeadline", at, severity="info"), PAGE)
    story.result(findings, runs=6, errors={})
    text = out.getvalue()
    assert (
        "alerts about the other 6 runs, or anything else  none\n  standing advice (info)  WithoutDeadline n\n" in text
    )
    findings.note(change("OfARun", "13:00", severity="info", coderun="task-2-rex"), PAGE)
    findings.note(change("Worse", "13:00", severity="warning"), PAGE)
    story.result(findings, runs=6, errors={})
    assert "anything else  OfARun, Worse\n  standing advice (info)  WithoutDeadline n\n" in out.getvalue()


def test_without_advice_nothing_is_said_of_it(story, out):
    """An empty line of advice would be noise."""
    story.result(Findings(INCIDENTS), runs=6, errors={})
    assert "advice" not in out.getvalue()


def test_the_table_compares_the_day_with_the_replay(story, out):
    """The first alert counts from the fault, and says so; the one that was asked for from the run's creation."""
    findings = Findings(INCIDENTS[:1])
    first = change("RequiredConfigMapUnhealthy", "12:31:30", configmap="controller-agent-templates-claude")
    findings.note(first, PAGE)
    for run in ("task-1-rex", "task-6-rex"):
        findings.note(change("CodeRunJobCreationStalled", "12:47:30", coderun=run), PAGE)
    story.result(findings, runs=6, errors={})
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert lines[3:9] == [
        "1 CodeRuns of tasks 1 and 6 got no Job",
        "that day 7 h 39 min",
        "here 1 min 30 s after the ConfigMap lost its templates",
        "first alert RequiredConfigMapUnhealthy, at 12:31:30",
        "own alert CodeRunJobCreationStalled, 15 min 30 s after the CodeRuns were created",
        "cause named none",
    ]


def test_a_run_that_ends_is_told_once(story, out):
    """The end of a run is one quiet line, whatever the number of pages that show it."""
    for _ in range(2):
        story.ends(PAGE, at=of_day(DAY, "12:33"))
    assert out.getvalue() == "  12:33:00  done      a: succeeded.\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40, "40 s"), (90.3, "1 min 30 s"), (930, "15 min 30 s"), (27540, "7 h 39 min"), (3600, "1 h")],
)
def test_durations_read_as_in_the_report(seconds, words):
    """Only the units that count are named."""
    assert duration(seconds) == words
