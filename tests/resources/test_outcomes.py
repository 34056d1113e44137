"""What a finished run has delivered: objects and reports about logs in, samples out."""

import pytest

from exporter.cache import ContainerLog
from exporter.log_formats import LogReport
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run

REX = {"githubApp": "5DLabs-Rex"}
IMPLEMENTATION = REX | {"runType": "implementation"}
DONE = {"phase": "Succeeded", "finishedAt": "2025-10-09T09:53:20Z"}
MERGED = DONE | {"pullRequestUrl": "https://git.example.com/pull/1"}
SUCCESS = LogReport(sessions=1, last_word=CREATED + 20, outcome="success", has_last_words=True)
ERROR = LogReport(sessions=1, last_word=CREATED + 20, outcome="error", has_last_words=True)
NO_WORD = LogReport(sessions=1, has_last_words=True)
TEXT = LogReport(sessions=1)
COMPLETE = {"ended": True, "complete": True}
OTHER = a_run(name="other", uid="run-other", spec=IMPLEMENTATION, status=MERGED)
"""Another run, which has a pull request: runs of this kind have them."""


def outcome(harness):
    """The outcome of the run `r`; empty if it has none."""
    lines = [
        line for line in harness.text().splitlines() if line.startswith('coderun_outcome{namespace="n",coderun="r"')
    ]
    return lines[0].split('outcome="')[1].split('"')[0] if lines else ""


def counted(harness):
    """The outcomes that are counted, by agent."""
    lines = samples("\n".join(harness.history()), "coderun_outcomes_total")
    return [line.partition("{")[2] for line in lines if not line.endswith(" 0.0")]


def finished(*, spec=REX, status=DONE, report=None, log=COMPLETE, ended="Complete", others=()):
    """A run that finished while the exporter ran. `report` is that of its container, which has ended."""
    job = a_job(ended=ended)
    harness = StoreHarness(a_run(spec=spec, status={"phase": "Running"}), a_job(), *others, has_logs=True)
    harness.put(job)
    if report is not None:
        harness.store.put_log("job-j", ContainerLog(id="c", report=report, **log))
    harness.put(a_run(spec=spec, status=status))
    return harness


@pytest.mark.parametrize(
    ("expected", "facts"),
    [
        ("delivered", {"report": SUCCESS}),
        ("result_error", {"report": ERROR}),
        ("no_result", {"report": NO_WORD}),
        ("unknown", {"report": TEXT}),
        ("unknown", {"report": NO_WORD, "log": {"ended": True}}),
        ("unknown", {"report": LogReport(has_last_words=True)}),
        ("unknown", {"report": SUCCESS, "log": COMPLETE | {"stale": True, "complete": False}}),
        ("unknown", {"report": LogReport(sessions=1, last_word=CREATED + 1, has_last_words=True)}),
        ("unknown", {}),
        ("failed", {"report": SUCCESS, "status": {"phase": "Failed"}}),
        ("failed", {"report": SUCCESS, "ended": "Failed"}),
        ("delivered", {"spec": IMPLEMENTATION, "status": MERGED, "report": SUCCESS}),
        ("delivered", {"spec": IMPLEMENTATION, "status": MERGED}),
        ("result_error", {"spec": IMPLEMENTATION, "status": MERGED, "report": ERROR}),
        ("no_result", {"spec": IMPLEMENTATION, "status": MERGED, "report": NO_WORD}),
        ("unknown", {"spec": IMPLEMENTATION, "report": SUCCESS}),
        ("no_pull_request", {"spec": IMPLEMENTATION, "report": SUCCESS, "others": (OTHER,)}),
        ("no_pull_request", {"spec": IMPLEMENTATION, "others": (OTHER,)}),
        ("result_error", {"spec": IMPLEMENTATION, "report": ERROR, "others": (OTHER,)}),
        ("delivered", {"spec": REX | {"runType": "review"}, "report": SUCCESS, "others": (OTHER,)}),
        ("unknown", {"spec": REX | {"runType": "review"}, "status": MERGED}),
    ],
)
def test_a_run_has_delivered_only_if_all_that_is_expected_is_there(expected, facts):
    """A script that exits with 0 on incomplete work is found by the log, and what is unknown is not missing."""
    harness = finished(**facts)
    assert outcome(harness) == expected
    assert counted(harness) == [f'agent="rex",namespace="n",outcome="{expected}"}} 1.0']


@pytest.mark.parametrize("phase", ["", "Pending", "Running"])
def test_an_open_run_has_no_outcome(phase):
    """Also if its agent has written its last word."""
    harness = StoreHarness(a_run(spec=REX, status={"phase": phase}), a_job(), has_logs=True)
    harness.store.put_log("job-j", ContainerLog(id="c", report=ERROR))
    assert (outcome(harness), counted(harness)) == ("", [])


def test_a_run_waits_for_the_end_of_its_log():
    """The log is read once more after the container has ended: only then is a missing last word known."""
    harness = finished(report=NO_WORD, log={})
    assert (outcome(harness), counted(harness)) == ("", [])
    harness.store.put_log("job-j", ContainerLog(id="c", report=SUCCESS, **COMPLETE))
    assert outcome(harness) == "delivered"
    harness.store.put_log("job-j", ContainerLog(id="d", report=ERROR, **COMPLETE))
    assert outcome(harness) == "result_error"
    assert counted(harness) == ['agent="rex",namespace="n",outcome="delivered"} 1.0']


def test_a_log_that_can_never_be_read_makes_the_outcome_unknown():
    """The report of its container is removed."""
    harness = finished(report=LogReport(), log={"unread": True})
    assert (outcome(harness), counted(harness)) == ("", [])
    harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport(), unread=True, ended=True))
    assert outcome(harness) == "unknown"
    assert counted(harness) == ['agent="rex",namespace="n",outcome="unknown"} 1.0']


@pytest.mark.parametrize(("report", "expected"), [(ERROR, "result_error"), (NO_WORD, "no_result"), (TEXT, "unknown")])
def test_the_outcome_remains_when_the_job_is_deleted(report, expected):
    """The platform deletes the Job a minute after the end of the run."""
    harness = finished(report=report)
    harness.delete(a_job(ended="Complete"))
    assert outcome(harness) == expected
    harness.put(a_job(ended="Complete", name="j2", uid="job-2"))
    assert outcome(harness) == "unknown"  # its log has not been read


def test_a_job_that_is_deleted_before_its_log_was_read_makes_the_outcome_unknown():
    """It is counted once."""
    harness = finished(report=NO_WORD, log={})
    harness.delete(a_job(ended="Complete"))
    assert outcome(harness) == "unknown"
    harness.delete(a_run(spec=REX, status=DONE))
    assert counted(harness) == ['agent="rex",namespace="n",outcome="unknown"} 1.0']


def test_a_run_that_is_deleted_before_its_log_was_read_is_counted():
    """A run of the same UID is another run."""
    harness = finished(report=NO_WORD, log={})
    harness.delete(a_run(spec=REX, status=DONE))
    assert counted(harness) == ['agent="rex",namespace="n",outcome="unknown"} 1.0']
    harness.put(a_run(spec=REX, status={"phase": "Failed"}))
    assert 'agent="rex",namespace="n",outcome="failed"} 1.0' in counted(harness)


def test_the_first_pull_request_of_a_kind_shows_that_others_have_none():
    """Until then, the platform may not write them."""
    harness = finished(spec=IMPLEMENTATION, report=SUCCESS)
    assert outcome(harness) == "unknown"
    harness.put(OTHER)
    assert outcome(harness) == "no_pull_request"


def test_a_relist_may_have_the_first_pull_request_of_a_kind():
    """The watch was interrupted when the run got it. The records of the other runs are reused."""
    harness = finished(spec=IMPLEMENTATION, report=SUCCESS)
    assert outcome(harness) == "unknown"
    runs = [*harness.cache.runs, *StoreHarness(OTHER).cache.runs]
    harness.store.replace("coderuns", f"{runs[0].resource}/*", {one.uid: one for one in runs})
    assert outcome(harness) == "no_pull_request"


def test_what_had_finished_at_the_initial_list_has_an_outcome_and_is_not_counted():
    """A restart counts nothing twice."""
    harness = StoreHarness(a_run(spec=IMPLEMENTATION, status=MERGED), a_job(ended="Complete"), has_logs=True)
    harness.put(a_run(spec=IMPLEMENTATION, status=MERGED | {"message": "m"}))
    harness.delete(a_run(spec=IMPLEMENTATION, status=MERGED))
    assert counted(harness) == []
    assert outcome(StoreHarness(a_run(spec=IMPLEMENTATION, status=MERGED))) == "delivered"


def test_without_logs_a_success_of_the_job_is_no_delivery():
    """A script may exit with 0 although the work is incomplete."""
    harness = StoreHarness(a_run(spec=REX, status=DONE), a_job(ended="Complete"))
    assert outcome(harness) == "unknown"


def test_the_outcome_is_unknown_while_jobs_are_unknown():
    """The Job of the run may have failed."""
    assert outcome(StoreHarness(a_run(spec=REX, status=DONE), unread=("jobs",))) == ""


def test_a_shared_pod_says_nothing_about_a_run(monkeypatch):
    """Its log is that of many runs."""
    harness = StoreHarness(a_run(spec=REX, status=DONE), a_job(), has_logs=True)
    (run,) = harness.cache.runs
    monkeypatch.setattr(run, "shared", True)
    harness.store.put_log("job-j", ContainerLog(id="c", report=ERROR))
    assert outcome(harness) == "unknown"
