"""Each Job that finishes is logged once, whatever happens to it afterwards."""

import json
import logging

import pytest

from exporter import logs
from tests.harness import DOCSRUN, StoreHarness
from tests.objects import CREATED, a_job, a_run

RUNNING = a_job()
DONE = a_job(ended="Complete", ended_at=CREATED + 310)
FAILED = a_job(ended="Failed", reason="DeadlineExceeded", ended_at=CREATED + 310)


@pytest.fixture
def lines(caplog):
    """A function that returns the lines logged since its last call, without time and level."""
    caplog.set_level(logging.INFO, logger="exporter.resources.finished")
    form = logs._Formatter(form="logfmt")

    def logged():
        found = [form.format(record).partition(" level=INFO ")[2] for record in caplog.records]
        caplog.clear()
        return found

    return logged


@pytest.mark.parametrize(
    ("job", "line"),
    [
        (DONE, 'msg="Job finished" namespace=n job=j run=r result=succeeded reason="" seconds=300'),
        (FAILED, 'msg="Job finished" namespace=n job=j run=r result=failed reason=DeadlineExceeded seconds=300'),
    ],
)
def test_a_job_that_finishes_is_logged_once(lines, job, line):
    """The line has its run, result, reason and duration. Later changes and the deletion are not logged."""
    harness = StoreHarness(a_run(), RUNNING)
    harness.put(RUNNING | {"status": {"active": 1, "ready": 1}})
    assert lines() == []
    harness.put(job)
    assert lines() == [line]
    harness.put(job | {"metadata": job["metadata"] | {"labels": {"changed": "yes"}}})
    harness.delete(job)
    assert lines() == []


def test_jobs_that_are_finished_in_the_initial_list_are_not_logged(lines):
    """A restart of the exporter does not log them again."""
    harness = StoreHarness(a_run(), DONE)
    harness.delete(DONE)
    assert lines() == []


def test_a_relist_logs_jobs_that_finished_meanwhile(lines):
    """This includes a Job that was created and finished meanwhile. No Job is logged twice."""
    harness = StoreHarness(a_run(), RUNNING)
    harness.list("jobs", DONE, a_job(name="k", uid="job-k", ended="Complete"))
    assert [line.split()[3] for line in lines()] == ["job=j", "job=k"]
    harness.list("jobs", DONE, a_job(name="k", uid="job-k", ended="Complete"))
    assert lines() == []


def test_a_new_job_of_the_same_name_is_another_job(lines):
    """A retry may reuse the name of the Job."""
    harness = StoreHarness(a_run(), RUNNING)
    harness.put(DONE)
    harness.delete(DONE)
    harness.put(a_job(uid="another", ended="Failed"))
    assert len(lines()) == 2


def test_a_job_that_is_deleted_before_it_finished_is_logged(lines):
    """A watch event or a relist can show the deletion. The result is unknown."""
    gone = 'msg="Job was deleted before its end was observed" namespace=n job=j run=r'
    harness = StoreHarness(a_run(), RUNNING)
    harness.delete(RUNNING)
    assert lines() == [gone]
    harness.put(RUNNING)
    harness.list("jobs")
    assert lines() == [gone]


def test_unknown_fields_are_left_out(lines):
    """A Job that failed before it started has no duration, and the run may be unknown."""
    harness = StoreHarness(match_labels={"a": "b"})
    harness.put(a_job(owners=[], labels={"a": "b"}, started=None, ended="Failed"))
    assert lines() == ['msg="Job finished" namespace=n job=j run="" result=failed reason=""']


def test_the_name_of_a_run_of_another_kind_contains_its_kind(lines):
    """The name is that of the metrics."""
    run = a_run() | {"kind": DOCSRUN.kind}
    harness = StoreHarness(run)
    harness.put(a_job(of=run, ended="Complete"))
    assert "run=docsrun/r " in lines()[0]


def test_a_clock_that_was_set_back_causes_no_negative_duration(lines):
    """The end may then be before the start."""
    harness = StoreHarness(RUNNING)
    harness.put(a_job(ended="Complete", ended_at=CREATED))
    assert lines()[0].endswith("seconds=0")


def test_hostile_names_cannot_add_fields_or_lines(lines, caplog):
    """Names are cleaned even if the API server should have rejected them."""
    harness = StoreHarness()
    harness.put(a_job(name='j"\nlevel=ERROR msg=x', ended="Failed", reason="a b\x1b[2J"))
    record = caplog.records[0]
    (line,) = lines()
    assert "job=j_level_ERROR_msg_x" in line
    assert "\n" not in line
    assert "\x1b" not in line
    fields = json.loads(logs._Formatter(form="json").format(record))
    assert (fields["job"], fields["seconds"]) == ("j_level_ERROR_msg_x", 290)
