"""What the log says of Jobs that finished: each once, whatever becomes of them afterwards."""

import json
import logging

import pytest

from exporter import logs
from tests.objects import CREATED, a_job, a_run
from tests.worlds import DOCSRUN, World

RUNNING = a_job()
DONE = a_job(ended="Complete", ended_at=CREATED + 310)
FAILED = a_job(ended="Failed", reason="DeadlineExceeded", ended_at=CREATED + 310)


@pytest.fixture
def lines(caplog):
    """The lines that were logged since the last call, without time and level."""
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
def test_a_job_that_finishes_is_one_line(lines, job, line):
    """With its run, its result, its reason and how long it took; none when it is changed or deleted afterwards."""
    world = World(a_run(), RUNNING)
    world.put(RUNNING | {"status": {"active": 1, "ready": 1}})
    assert lines() == []
    world.put(job)
    assert lines() == [line]
    world.put(job | {"metadata": job["metadata"] | {"labels": {"changed": "yes"}}})
    world.delete(job)
    assert lines() == []


def test_what_was_finished_at_the_first_list_is_not_logged(lines):
    """A restart logs nothing twice."""
    world = World(a_run(), DONE)
    world.delete(DONE)
    assert lines() == []


def test_a_relist_logs_what_finished_meanwhile_and_nothing_twice(lines):
    """Also a Job that is new and finished at once."""
    world = World(a_run(), RUNNING)
    world.list("jobs", DONE, a_job(name="k", uid="job-k", ended="Complete"))
    assert [line.split()[3] for line in lines()] == ["job=j", "job=k"]
    world.list("jobs", DONE, a_job(name="k", uid="job-k", ended="Complete"))
    assert lines() == []


def test_the_same_name_again_is_another_job(lines):
    """A retry that reuses the name finishes as well."""
    world = World(a_run(), RUNNING)
    world.put(DONE)
    world.delete(DONE)
    world.put(a_job(uid="another", ended="Failed"))
    assert len(lines()) == 2


def test_a_job_that_disappears_unfinished_is_one_line(lines):
    """Deleted, by a watch or between two lists: nobody knows how it would have ended."""
    gone = 'msg="Job was deleted before its end was observed" namespace=n job=j run=r'
    world = World(a_run(), RUNNING)
    world.delete(RUNNING)
    assert lines() == [gone]
    world.put(RUNNING)
    world.list("jobs")
    assert lines() == [gone]


def test_what_is_not_known_is_left_out(lines):
    """A Job that failed before it started has no duration; one without a run has no run."""
    world = World(match_labels={"a": "b"})
    world.put(a_job(owners=[], labels={"a": "b"}, started=None, ended="Failed"))
    assert lines() == ['msg="Job finished" namespace=n job=j run="" result=failed reason=""']


def test_the_run_of_another_kind_has_its_kind_before_its_name(lines):
    """As in the metrics."""
    run = a_run() | {"kind": DOCSRUN.kind}
    world = World(run)
    world.put(a_job(of=run, ended="Complete"))
    assert "run=docsrun/r " in lines()[0]


def test_a_clock_that_was_set_back_makes_no_negative_duration(lines):
    """The end is then before the start."""
    world = World(RUNNING)
    world.put(a_job(ended="Complete", ended_at=CREATED))
    assert lines()[0].endswith("seconds=0")


def test_hostile_names_stay_in_their_fields(lines, caplog):
    """Whatever an API server lets through."""
    world = World()
    world.put(a_job(name='j"\nlevel=ERROR msg=x', ended="Failed", reason="a b\x1b[2J"))
    record = caplog.records[0]
    (line,) = lines()
    assert "job=j_level_ERROR_msg_x" in line
    assert "\n" not in line
    assert "\x1b" not in line
    fields = json.loads(logs._Formatter(form="json").format(record))
    assert (fields["job"], fields["seconds"]) == ("j_level_ERROR_msg_x", 290)
