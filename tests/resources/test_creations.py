"""The counter of Jobs that are created for runs, and the histogram of the time to the first Job of a run."""

import pytest

from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run
from tests.resources.test_lifecycle import DONE, OPEN, TESS, counter_lines, nonzero_counter_lines


def creation(harness):
    """The count and the sum of coderun_job_creation_seconds."""
    lines = counter_lines(harness, "coderun_job_creation_seconds_count", "coderun_job_creation_seconds_sum")
    assert all('{agent="tess"}' in line for line in lines)
    return tuple(float(line.split()[-1]) for line in lines)


@pytest.mark.parametrize("first", ["run", "job"])
def test_the_time_to_the_first_job_is_observed_in_either_order(first):
    """The run and its Job come from two watches, in any order."""
    harness = StoreHarness()
    run, job = a_run(spec=TESS), a_job(created=CREATED + 25)
    for item in (run, job) if first == "run" else (job, run):
        harness.put(item)
    harness.put(a_run(spec=TESS, status={"phase": "Running"}))
    assert creation(harness) == (1.0, 25.0)


def test_the_job_of_a_retry_is_not_the_first():
    """This holds while the old Job exists, after its deletion, and if the exporter has only seen the retry."""
    harness = StoreHarness()
    for item in (a_run(spec=TESS), old := a_job(created=CREATED + 25), a_job(uid="2", created=CREATED + 7200)):
        harness.put(item)
    harness.delete(old)
    harness.put(a_job(uid="3", created=CREATED + 9000))
    assert creation(harness) == (1.0, 25.0)
    fresh = StoreHarness(a_run(spec=TESS))
    fresh.put(a_job(created=CREATED + 7200, labels={"context-version": "2"}))
    assert creation(fresh) == (0.0, 0.0)


FAILED = a_run(spec=TESS, status={"phase": "Failed"})
RETRY_JOB = a_job(uid="2", name="j2", labels={"context-version": "2"})


@pytest.mark.parametrize(
    ("before", "events", "created", "failed"),
    [
        ([], [OPEN, a_job(), RETRY_JOB], 2, 0),
        ([], [a_job(), OPEN], 1, 0),
        ([OPEN, a_job()], [a_job(ended="Failed"), FAILED], 0, 0),
        ([], [OPEN, a_job(), FAILED], 1, 0),
        ([], [FAILED], 0, 1),
        ([OPEN], [FAILED, FAILED | {"apiVersion": "agents.platform/v1"}], 0, 1),
        ([OPEN], [a_run(spec=TESS, status={"phase": "Failed", "jobName": "j"})], 0, 0),
        ([OPEN], [DONE], 0, 0),
        ([FAILED, a_job(owners=[], uid="k")], [a_job(owners=[], uid="k", ended="Failed")], 0, 0),
    ],
)
def test_created_jobs_and_runs_that_fail_without_a_job_are_counted(before, events, created, failed):
    """Each is counted once. Objects of the initial list and Jobs without a run are not counted."""
    harness = StoreHarness(*before)
    for item in events:
        harness.put(item)
    lines = dict(line.rsplit(" ", 1) for line in counter_lines(harness, "coderun_job_creations_total"))
    assert [
        float(lines.get(f'coderun_job_creations_total{{namespace="n",result="{result}"}}', 0))
        for result in ("created", "failed")
    ] == [created, failed]


def test_a_run_whose_job_was_deleted_before_it_failed_had_a_job():
    """The platform deletes the Job before it sets the phase."""
    harness = StoreHarness()
    for item in (OPEN, a_job()):
        harness.put(item)
    harness.delete(a_job())
    harness.put(FAILED)
    assert counter_lines(harness, "coderun_job_creations_total")[1].endswith(" 0.0")


def test_while_jobs_are_unknown_no_failure_is_counted_as_one_without_a_job():
    """The Job may exist."""
    harness = StoreHarness(OPEN, unread=("jobs",))
    harness.put(FAILED)
    assert nonzero_counter_lines(harness, "coderun_job_creations_total") == []


def test_a_deleted_run_is_removed_from_the_state():
    """So the size of the state is bounded by the number of runs."""
    harness = StoreHarness()
    harness.put(run := a_run(spec=TESS))
    harness.put(a_job())
    assert harness.store._lifecycle._started == {"run-r"}
    harness.delete(run)
    assert harness.store._lifecycle._started == set()


def test_the_creation_of_a_job_of_the_initial_list_is_not_observed():
    """It is not observed either if the creation time of the run is unknown."""
    assert creation(StoreHarness(a_run(spec=TESS), a_job())) == (0.0, 0.0)
    harness = StoreHarness(a_run(spec=TESS, created=None))
    harness.put(a_job())
    assert creation(harness) == (0.0, 0.0)


def test_clock_skew_does_not_cause_a_negative_time():
    """A Job that was created before its run is observed with 0 seconds."""
    harness = StoreHarness(a_run(spec=TESS))
    harness.put(a_job(created=CREATED - 5))
    assert creation(harness) == (1.0, 0.0)
