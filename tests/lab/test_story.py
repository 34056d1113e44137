"""What the demo prints about alerts: the incident, the cause in the metrics, and the table."""

import datetime as dt
import io

import pytest

from lab.clock import of_day
from lab.demo.alerts import Alert, State, Transition
from lab.demo.findings import Findings, causes_of, object_of, said
from lab.demo.incidents import INCIDENTS
from lab.demo.rules import AlertRule
from lab.demo.story import Story
from lab.demo.view import View
from lab.promql import Scrape

DAY = dt.date(2026, 3, 4)
NOVEMBER, NEWEST, HANG = INCIDENTS
STALLED, HANGING = sorted(NOVEMBER.needs), sorted(HANG.needs)
SCRAPE = Scrape(
    [
        ("job_info", {"namespace": "n", "job_name": "j3", "coderun": HANGING[0]}, 1),
        ("job_info", {"namespace": "n", "job_name": "j4", "coderun": HANGING[1]}, 1),
        ("job_info", {"namespace": "n", "job_name": "j7", "coderun": HANGING[2]}, 1),
        ("job_info", {"namespace": "other", "job_name": "j3", "coderun": "wrong"}, 1),
        ("job_info", {"namespace": "n", "job_name": "orphan"}, 1),
        ("job_hang_cause", {"namespace": "n", "job_name": "j3", "cause": "silent", "detail": "since 9"}, 1),
        ("job_hang_cause", {"namespace": "n", "job_name": "j4", "cause": "silent", "detail": "since 8"}, 1),
        ("job_hang_cause", {"namespace": "other", "job_name": "j3", "cause": "wrong"}, 1),
        ("configmap_problem", {"namespace": "n", "configmap": "c", "problem": "empty"}, 1),
        ("coderun_state", {"namespace": "n", "coderun": "a", "state": "succeeded"}, 1),
        ("coderun_state", {"namespace": "n", "coderun": "b", "state": "open"}, 1),
        ("coderun_created_timestamp", {"namespace": "cto", "coderun": "old"}, 10),
        ("coderun_created_timestamp", {"namespace": "cto", "coderun": "new"}, 20),
        (
            "coderun_failure_cause",
            {"namespace": "cto", "coderun": "new", "cause": "template_failed", "detail": "y"},
            1,
        ),
        (
            "coderun_failure_cause",
            {"namespace": "cto", "coderun": "old", "cause": "template_failed", "detail": "x"},
            1,
        ),
    ]
)


def change(name, at, *, state=State.FIRING, severity="critical", **labels):
    """A transition of an alert at a time of the day."""
    labels = {"namespace": "n", "alertname": name, "severity": severity, **labels}
    alert = Alert(rule=AlertRule(name=name, tree=None), labels=labels, active_at=0)
    return Transition(alert=alert, state=state, at=of_day(DAY, at))


@pytest.fixture
def out():
    """The output."""
    return io.StringIO()


@pytest.fixture
def story(out):
    """A story that prints 100 columns."""
    return Story(view=View(out, width=100, environment={}), day=DAY)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"namespace": "n", "coderun": "r", "job_name": "j3"}, "r"),
        ({"namespace": "n", "job_name": "j3"}, HANGING[0]),
        ({"namespace": "n", "job_name": "orphan"}, "orphan"),
        ({"namespace": "n", "job_name": "unknown"}, "unknown"),
        ({"namespace": "n", "configmap": "c"}, "c"),
        ({"namespace": "n", "alertname": "A", "resource": "jobs", "scope": "*"}, "n resource=jobs scope=*"),
        ({"alertname": "A", "resource": "jobs", "scope": "*"}, "resource=jobs scope=*"),
        ({"namespace": "n", "alertname": "A", "severity": "info"}, "n"),
        ({"alertname": "A"}, ""),
    ],
)
def test_an_alert_is_about_its_run_or_its_labels(labels, name):
    """A Job is shown as its run, which must be in its namespace. Other objects are shown by their labels."""
    assert object_of(labels, SCRAPE) == name


def test_causes_are_those_of_the_object():
    """A Job with this name in another namespace does not count."""
    assert causes_of({"namespace": "n", "job_name": "j3"}, SCRAPE) == {("silent", "since 9")}
    assert causes_of({"namespace": "n", "configmap": "c"}, SCRAPE) == {("empty", "")}
    assert causes_of({"namespace": "n", "coderun": HANGING[0]}, SCRAPE) == set()


def test_the_cause_of_failing_runs_is_that_of_the_newest():
    """An alert about all runs of a namespace has one cause, which is not from another namespace."""
    assert causes_of({"namespace": "cto", "run_type": "implementation"}, SCRAPE) == {("template_failed", "y")}
    assert causes_of({"namespace": "n"}, SCRAPE) == set()


def test_a_cause_has_its_detail_if_all_objects_share_it():
    """Otherwise only the cause is shown."""
    assert said([("a", "x"), ("a", "y"), ("b", "z"), ("b", "z"), ("c", "")]) == ["a", "b (z)", "c"]


def test_alerts_of_one_name_and_severity_are_shown_together(story, out):
    """The alert, its objects, and each cause have a line. Pending alerts are not shown."""
    findings = Findings(INCIDENTS)
    changes = [change("AgentJobHanging", "13:43", job_name=name) for name in ("j4", "j3")]
    changes += [change("AgentJobHanging", "13:43", severity="warning", job_name="j7")]
    changes += [change("Other", "13:43", state=State.PENDING, job_name="j7")]
    story.alerts(changes, SCRAPE, findings)
    story.alerts([change("AgentJobHanging", "13:50", state=State.RESOLVED, job_name="j3")], Scrape(), findings)
    assert out.getvalue() == (
        "  13:43:00  FIRING    AgentJobHanging (critical)\n"
        f"                      {HANGING[0]}, {HANGING[1]}\n"
        "                      cause: silent\n"
        "  13:43:00  FIRING    AgentJobHanging (warning)\n"
        f"                      {HANGING[2]}\n"
        "  13:50:00  RESOLVED  AgentJobHanging (critical)\n"
        f"                      {HANGING[0]}\n"
    )


def detect(findings):
    """Adds the alerts that detect all incidents."""
    for run in STALLED:
        findings.note(change("CodeRunJobCreationStalled", "12:47", coderun=run), SCRAPE)
    findings.note(change("CodeRunsFailing", "13:06", namespace="cto", run_type="implementation"), SCRAPE)
    for job in ("j3", "j4", "j7"):
        findings.note(change("AgentFinishedNotExited", "13:08", job_name=job), SCRAPE)


def test_an_incident_is_detected_when_its_alert_has_fired_for_every_run():
    """Another alert is not enough, and neither is the alert for some of the runs."""
    findings = Findings(INCIDENTS)
    findings.note(
        change("RequiredConfigMapUnhealthy", "12:31", configmap="controller-agent-templates-claude"), SCRAPE
    )
    findings.note(change("CodeRunJobCreationStalled", "12:47", coderun=STALLED[0]), SCRAPE)
    assert not findings.detected("1")
    findings.note(change("CodeRunJobCreationStalled", "12:48", coderun=STALLED[1]), SCRAPE)
    assert findings.detected("1")
    assert not findings.complete
    detect(findings)
    assert findings.complete


def test_an_alert_about_a_namespace_is_about_the_incident_in_it():
    """It has no run in its labels. An alert about another namespace does not count."""
    findings = Findings([NEWEST])
    findings.note(change("CodeRunsFailing", "13:06", run_type="implementation"), SCRAPE)
    assert not findings.complete
    findings.note(change("CodeRunsFailing", "13:06", namespace="cto", run_type="implementation"), SCRAPE)
    assert findings.complete
    assert [one.alert.labels["namespace"] for one in findings.elsewhere] == ["n"]
    assert findings.of[0].causes == {("template_failed", "y")}


def test_an_incident_is_over_when_all_alerts_are_resolved():
    """An alert counts for its incident even if its object was deleted."""
    findings = Findings([HANG])
    for job in ("j3", "j4", "j7"):
        findings.note(change("AgentFinishedNotExited", "13:08", job_name=job), SCRAPE)
    assert (findings.complete, findings.over) == (True, False)
    for job in ("j3", "j4", "j7"):
        findings.note(change("AgentFinishedNotExited", "13:15", state=State.RESOLVED, job_name=job), Scrape())
    assert findings.over


def test_other_alerts_are_listed_separately(story, out):
    """An alert about another run or about the exporter is unexpected."""
    findings = Findings(INCIDENTS)
    findings.note(change("AgentJobHanging", "13:00", coderun="an-ordinary-run"), SCRAPE)
    findings.note(change("AgentJobHanging", "13:05", state=State.RESOLVED, coderun="an-ordinary-run"), SCRAPE)
    findings.note(change("Stale", "13:00", resource="jobs"), SCRAPE)
    story.result(findings, runs=6, errors={"Bad": "no reason"})
    text = out.getvalue()
    assert "alerts about the other 6 runs, or anything else  AgentJobHanging, Stale\n" in text
    assert "  Bad could not be evaluated: no reason\n" in text
    assert text.count("NOT DETECTED") == 3
    assert f"AgentFinishedNotExited did not fire for {', '.join(HANGING)}" in " ".join(text.split())


def test_advice_is_listed_separately_from_unexpected_alerts(story, out):
    """Advice has the severity info and no object, and is listed once. Other alerts are unexpected."""
    findings = Findings(INCIDENTS)
    for at in ("13:00", "13:30"):
        findings.note(change("WithoutDeadline", at, severity="info"), SCRAPE)
    story.result(findings, runs=6, errors={})
    text = out.getvalue()
    assert (
        "alerts about the other 6 runs, or anything else  none\n  standing advice (info)  WithoutDeadline n\n" in text
    )
    findings.note(change("OfARun", "13:00", severity="info", coderun="an-ordinary-run"), SCRAPE)
    findings.note(change("Worse", "13:00", severity="warning"), SCRAPE)
    story.result(findings, runs=6, errors={})
    assert "anything else  OfARun, Worse\n  standing advice (info)  WithoutDeadline n\n" in out.getvalue()


def test_without_advice_there_is_no_line_for_it(story, out):
    """The table has no empty line."""
    story.result(Findings(INCIDENTS), runs=6, errors={})
    assert "advice" not in out.getvalue()


def test_the_table_compares_the_incident_with_the_replay(story, out):
    """Each figure has the signal that it is based on, and the times of the incident."""
    findings = Findings([NOVEMBER])
    first = change("RequiredConfigMapUnhealthy", "12:33:30", configmap="controller-agent-templates-claude")
    findings.note(first, SCRAPE)
    for run in STALLED:
        findings.note(change("CodeRunJobCreationStalled", "12:47:30", coderun=run), SCRAPE)
    story.result(findings, runs=6, errors={})
    text = " ".join(out.getvalue().split())
    assert "1 CodeRuns of tasks 1 and 6 got no Job without 7 h 26 min until the fix was synced (19:58)" in text
    assert "7 h 39 min until the Job was created (20:11)" in text
    assert "with coderun-exporter 1 min 30 s after the ConfigMap lost its templates based on the keys of" in text
    assert "first alert RequiredConfigMapUnhealthy (critical), at 12:33:30" in text
    assert "alert for the symptom CodeRunJobCreationStalled, 15 min 30 s after the CodeRuns were created" in text
    assert "cause named none" in text


def test_the_table_explains_the_figure_of_the_second_incident(story, out):
    """It is based on the logs. Without access to them, only the age of the Jobs shows the hang."""
    story.result(Findings([HANG]), runs=6, errors={})
    text = " ".join(out.getvalue().split())
    assert "based on the agents' last word in their logs, and no line for 300 s after it" in text
    assert "the first alert is based on the age of the Jobs, 65 min after their start" in text


def test_the_end_of_a_run_is_printed_once(story, out):
    """Later scrapes show the same state."""
    for _ in range(2):
        story.ends(SCRAPE, at=of_day(DAY, "12:33"))
    assert out.getvalue() == "  12:33:00  done      a: succeeded.\n"


@pytest.mark.parametrize(
    ("speed", "text"),
    [(60, "It takes 90 seconds, or longer"), (3600, "It takes 2 seconds"), (9000, "It takes 1 second,")],
)
def test_the_announced_time_is_the_shortest(out, speed, text):
    """On a slow machine the clock waits for the exporter and the rules."""
    story = Story(view=View(out, width=100, environment={}), day=DAY)
    story.opening(speed=speed, minutes=90, addresses=[("status page", "x")], note="")
    assert text in " ".join(out.getvalue().split())
