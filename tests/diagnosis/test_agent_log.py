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


def a_harness(*, now=CREATED + 700, log=None, run=None, job=None, thresholds=None, **report):
    """A run whose Job has a container with this report. `log` has the other fields of the container's log."""
    harness = StoreHarness(run or RUN, job or a_job(), now=now, has_logs=True, thresholds=thresholds)
    harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport(**report), **log or {}))
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
    """Each line begins the limit again."""
    text = "the agent wrote its last word (success)"
    for now, last, fault in ((SAID + 299, SAID, False), (SAID + 300, SAID, True), (SAID + 300, SAID + 1, False)):
        harness = a_harness(now=now, **WORD | {"last_line": last})
        assert causes(harness) == [("finished_not_exited", text, fault)]
        assert labels(harness) == ["finished_not_exited"]


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
    assert found == {cause, "finished_not_exited"}
    assert labels(harness) == [cause, "finished_not_exited"]
    assert labels(a_harness(**WORD | {"outcome": "error", "error": "other"})) == ["finished_not_exited"]


@pytest.mark.parametrize(
    ("is_billing", "said", "fix"), [(True, "billing", "Pay"), (False, "usage_limit", "Wait until")]
)
def test_an_account_without_credit_is_not_to_be_waited_for(is_billing, said, fix):
    """Both are the cause `usage_limit`."""
    harness = a_harness(**WORD | {"outcome": "error", "error": "usage_limit", "is_billing": is_billing})
    (job,) = harness.cache.jobs
    first = next(one for one in findings(job, harness.cache) if one.cause == "usage_limit")
    assert first.evidence == f"the last word of the agent is an error: {said}"
    assert first.fix.startswith(fix)


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


@pytest.mark.parametrize("limit", [1800.0, 60.0])
def test_an_agent_that_never_spoke_is_a_fault_after_its_limit_of_silence(limit):
    """From the start of its container. Never, if its format is written at the end."""
    start = CREATED + 500
    for now, fault in ((start + limit - 1, False), (start + limit, True)):
        harness = a_harness(now=now, log={"started": start}, thresholds=Thresholds(agent_silence_limit=limit))
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
    assert [one for one, _, _ in causes(a_harness(now=SAID + 1801, **WORD))] == ["finished_not_exited"]


def test_a_container_or_job_that_has_ended_or_is_suspended_has_no_such_cause():
    """Its last word is as it should be."""
    assert causes(a_harness(log={"ended": True}, **WORD)) == []
    assert labels(a_harness(job=a_job(ended="Complete"), **WORD)) == []
    assert labels(a_harness(job=a_job(spec={"suspend": True}), **WORD)) == []


@pytest.mark.parametrize(
    "report", [WORD | {"error": "auth"}, {}, {"last_line": SAID}, {"last_line": SAID, "waiting_for": "input"}]
)
def test_a_log_that_cannot_be_read_any_more_is_no_cause(report):
    """The agent may have written since."""
    assert causes(a_harness(now=SAID + 1900, **report)) != []
    harness = a_harness(now=SAID + 1900, log={"stale": True}, **report)
    assert (causes(harness), labels(harness)) == ([], [])


def test_the_last_word_of_the_log_replaces_the_status_of_the_run():
    """A run may report completed work while the script around its agent works."""
    run = RUN | {"status": RUN["status"] | {"workCompleted": True}}
    assert [text for _, text, _ in causes(a_harness(run=run, last_line=SAID))] == ["CodeRun r reports completed work"]
    ((cause, text, _),) = causes(a_harness(run=run, **WORD))
    assert (cause, text[:29]) == ("finished_not_exited", "the agent wrote its last word")


def test_one_container_that_works_is_enough():
    """Pods of one Job may work in parallel: the cause appears with the last word of the last one."""
    harness = a_harness(**WORD)
    harness.store.put_log("job-j", ContainerLog(id="d", report=LogReport(last_line=SAID)))
    assert labels(harness) == []
    harness.store.put_log("job-j", ContainerLog(id="d", report=LogReport(**WORD | {"last_word": SAID + 9})))
    assert [cause for cause, _, _ in causes(harness)] == ["finished_not_exited"]


def test_another_last_word_changes_no_label():
    """The evidence is one: each change would begin another time series."""
    one, two = (
        [line for line in a_harness(**WORD | report).text().splitlines() if "job_hang_cause{" in line]
        for report in ({"error": "auth"}, {"error": "auth", "last_word": SAID + 9, "last_line": SAID + 9})
    )
    assert one == two != []


def test_a_job_with_an_unread_container_has_no_last_word():
    """It may be working."""
    harness = a_harness(now=SAID + 400, **WORD)
    harness.store.put_log("job-j", ContainerLog(id="d", report=LogReport(), unread=True))
    assert (causes(harness), labels(harness)) == ([], [])


def test_an_agent_of_a_long_lived_run_may_wait_for_input(monkeypatch):
    """A permission is a question that a person has to answer."""
    for kind, expected in (("input", []), ("permission", ["waiting_for_input"])):
        harness = a_harness(last_line=SAID, waiting_for=kind)
        (run,) = harness.cache.runs
        monkeypatch.setattr(run, "long_lived", True)
        assert [cause for cause, _, _ in causes(harness)] == expected


@pytest.mark.parametrize("report", [WORD, {"last_line": SAID}, {}])
def test_an_agent_of_a_long_lived_run_waits_for_its_next_task(monkeypatch, report):
    """Its last words and its silence are no cause, unless its agent has a limit."""
    limits = Thresholds(agent_result_limits={"rex": 60.0}, agent_silence_limits={"rex": 60.0})
    for thresholds, expected in ((None, False), (limits, True)):
        harness = a_harness(now=SAID + 1999, thresholds=thresholds, **report)
        (run,) = harness.cache.runs
        monkeypatch.setattr(run, "long_lived", True)
        assert any(fault for _, _, fault in causes(harness)) is expected
        if report == WORD:
            harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport(**WORD | {"last_word": SAID + 1})))
            assert labels(harness) == ["finished_not_exited"] * expected
