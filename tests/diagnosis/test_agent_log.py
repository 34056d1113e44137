"""Causes from the log of an agent: report in, findings and labels out."""

import pytest

from exporter.cache import ContainerLog, Thresholds
from exporter.diagnosis.finding import is_fault
from exporter.diagnosis.findings import findings
from exporter.log_formats import LogReport
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run, stamp

RUN = a_run(status={"phase": "Running", "lastUpdate": stamp(CREATED)}, spec={"githubApp": "5DLabs-Rex"})
SAID = CREATED + 600
WORD = {"first_line": CREATED + 20, "last_line": SAID, "last_word": SAID, "outcome": "success", "format": "claude"}


def a_harness(*, now=CREATED + 700, ended=False, job=None, thresholds=None, **report):
    """A run whose Job has a container with this report."""
    harness = StoreHarness(RUN, job or a_job(), now=now, has_logs=True, thresholds=thresholds)
    harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport(**report), ended=ended))
    return harness


def causes(harness):
    """The causes with their evidence in `explain`, and whether each is a fault by now."""
    cache = harness.cache
    (run,) = cache.runs
    return [(one.cause, one.evidence, is_fault(one, cache.now)) for one in findings(run, cache)]


def labels(harness):
    """The causes in `job_hang_cause`."""
    return [
        line.split('cause="')[1].split('"')[0] for line in harness.text().splitlines() if "job_hang_cause{" in line
    ]


def test_a_process_that_is_alive_after_the_last_word_is_a_fault_after_its_limit():
    """The evidence has the time of the last word, which later lines do not change."""
    text = "the agent wrote its last word (success) at 2025-10-09T09:03:20Z"
    for now, last, fault in ((SAID + 299, SAID, False), (SAID + 300, SAID, True), (SAID + 300, SAID + 1, False)):
        harness = a_harness(now=now, **WORD | {"last_line": last})
        assert causes(harness) == [("agent_finished", text, fault)]
        assert labels(harness) == []  # the alert for finished_not_exited knows no limit of a CLI


@pytest.mark.parametrize(("cli", "seconds"), [("codex", 1200), ("", 300)])
def test_the_limit_is_that_of_the_cli(cli, seconds):
    """The scripts around some CLIs work silently after the last word."""
    for now, fault in ((SAID + seconds - 1, False), (SAID + seconds, True)):
        ((_, _, found),) = causes(a_harness(now=now, **WORD | {"format": cli}))
        assert found is fault


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("usage_limit", "usage_limit"),
        ("auth", "auth"),
        ("rate_limit", "overloaded"),
        ("overloaded", "overloaded"),
        ("max_turns", "max_turns"),
        ("budget", "max_turns"),
        ("loop", "loop_stop"),
    ],
)
def test_a_last_word_that_is_an_error_has_its_cause_first(error, cause):
    """And the process is alive after it."""
    harness = a_harness(**WORD | {"outcome": "error", "error": error})
    found = {one for one, _, _ in causes(harness)}
    assert found == {cause, "agent_finished"}
    assert labels(harness) == [cause]
    assert labels(a_harness(**WORD | {"outcome": "error", "error": "other"})) == []


def test_an_agent_waits_for_input_or_permission():
    """After two minutes."""
    for kind in ("input", "permission"):
        report = {"last_line": SAID, "waiting_for": kind}
        for now, fault in ((SAID + 119, False), (SAID + 120, True)):
            assert causes(a_harness(now=now, **report)) == [
                ("waiting_for_input", f"the agent waits for {kind}", fault)
            ]


def test_an_agent_whose_api_is_overloaded():
    """Other retries are no cause."""
    assert labels(a_harness(last_line=SAID, retrying="rate_limit")) == ["overloaded"]
    assert labels(a_harness(last_line=SAID, retrying="overloaded")) == ["overloaded"]
    assert labels(a_harness(last_line=SAID, retrying="auth")) == []


def test_an_agent_that_never_spoke_is_a_fault_after_half_an_hour():
    """Unless its format is written at the end."""
    for now, fault in ((CREATED + 1800, False), (CREATED + 1900, True)):
        harness = a_harness(now=now)
        assert causes(harness) == [("never_spoke", "the agent has written no line", fault)]
    assert causes(a_harness(is_silent_by_design=True)) == []


def test_silence_depends_on_the_time_and_is_no_label():
    """Longer than the limit, which is that of the agent."""
    for now, found in ((SAID + 1800, []), (SAID + 1801, ["silent"])):
        harness = a_harness(now=now, last_line=SAID)
        assert [cause for cause, _, _ in causes(harness)] == found
        assert labels(harness) == []
    patient = Thresholds(agent_silence_limits={"rex": 7200.0})
    assert causes(a_harness(now=SAID + 1801, last_line=SAID, thresholds=patient)) == []
    assert [one for one, _, _ in causes(a_harness(now=SAID + 1801, **WORD))] == ["agent_finished"]


def test_a_container_or_job_that_has_ended_or_is_suspended_has_no_such_cause():
    """Its last word is as it should be."""
    assert causes(a_harness(ended=True, **WORD)) == []
    assert labels(a_harness(job=a_job(ended="Complete"), **WORD)) == []
    assert labels(a_harness(job=a_job(spec={"suspend": True}), **WORD)) == []
