"""The time since which an open run has no Job: coderun_without_job_since_timestamp_seconds."""

import msgspec
import pytest

from exporter.cache import CODERUNS, Change
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run, stamp

RUNNING = {"phase": "Running", "jobName": "j"}
NOW = CREATED + 9_000


def since(harness):
    """The values of the metric."""
    lines = samples(harness.text(), "coderun_without_job_since_timestamp_seconds")
    return [float(line.split()[-1]) for line in lines]


def test_a_new_run_has_no_job_since_its_creation():
    """This does not depend on its status."""
    assert since(StoreHarness(a_run(), now=NOW)) == [CREATED]
    assert since(StoreHarness(a_run(status={"phase": "Pending"}), now=NOW)) == [CREATED]


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Failed"}], ids=["succeeded", "failed"])
def test_the_metric_is_absent_for_finished_runs(status):
    """It is also absent for a run with a Job, and while Jobs are unknown."""
    assert since(StoreHarness(a_run(status=status))) == []
    assert since(StoreHarness(a_run(), a_job())) == []
    assert since(StoreHarness(a_run(), unread=("jobs",))) == []


def test_the_time_is_that_of_the_deletion_of_the_last_job():
    """Otherwise a retry of a run that is hours old would be overdue at once."""
    harness = StoreHarness(a_run(status=RUNNING), job := a_job(), now=NOW)
    harness.delete(job)
    assert since(harness) == [NOW]
    harness.advance(NOW + 90)
    assert since(harness) == [NOW]
    harness.put(a_job(uid="2", name="j2", created=NOW + 90))
    assert since(harness) == []


def test_a_job_with_a_deletion_timestamp_counts_as_deleted():
    """The time is its deletionTimestamp. The removal of the object does not change it."""
    harness = StoreHarness(a_run(status=RUNNING), a_job(), now=NOW)
    harness.put(gone := a_job(deleted=NOW - 30))
    assert since(harness) == [NOW - 30]
    harness.advance(NOW + 60)
    harness.delete(gone)
    assert since(harness) == [NOW - 30]


def test_if_the_initial_list_lacks_a_job_the_time_is_that_of_the_list():
    """Otherwise a restart of the exporter during a retry would make an old run overdue."""
    assert since(StoreHarness(a_run(status=RUNNING), now=NOW)) == [NOW]
    harness = StoreHarness(a_run(status=RUNNING), now=NOW, unread=("coderuns", "jobs"))
    harness.list("jobs")
    harness.list("coderuns", a_run(status=RUNNING))
    assert since(harness) == [NOW]


def test_if_a_relist_lacks_a_job_the_time_is_that_of_the_relist():
    """For example, the watch has expired with 410."""
    harness = StoreHarness(a_run(status=RUNNING), a_job(), now=NOW)
    harness.advance(NOW + 5)
    harness.list("jobs")
    assert since(harness) == [NOW + 5]


def test_if_another_run_adopts_the_job_the_first_run_has_none():
    """The time is that of the adoption."""
    harness = StoreHarness(a_run(), other := a_run(uid="other", name="other"), job := a_job(), now=NOW)
    harness.put(
        job | {"metadata": job["metadata"] | {"ownerReferences": a_job(of=other)["metadata"]["ownerReferences"]}}
    )
    assert since(harness) == [NOW]


def test_a_finished_or_deleted_run_is_removed_from_the_state():
    """So the size of the state is bounded by the number of open runs."""
    harness = StoreHarness(run := a_run(status=RUNNING), job := a_job(), now=NOW)
    harness.delete(job)
    assert harness.cache._missing_jobs._since == {"run-r": NOW}
    harness.put(run | {"status": {"phase": "Failed", "lastUpdate": stamp(NOW)}})
    assert harness.cache._missing_jobs._since == {}
    harness.put(run)
    harness.put(job)
    harness.delete(job)
    harness.delete(run)
    assert harness.cache._missing_jobs._since == {}


@pytest.mark.parametrize(
    ("queued", "expected"), [(CREATED + 30, CREATED + 30), (CREATED - 30, CREATED), (None, CREATED)]
)
def test_the_time_of_the_status_applies_if_it_is_later_than_the_creation(queued, expected):
    """A profile can define such a time: until then the run was in a queue."""
    harness = StoreHarness(a_run(status={"phase": "Running"}), now=NOW)
    (run,) = harness.cache.runs
    changed = msgspec.structs.replace(run, since=queued, attempt=2)
    harness.store.apply(Change(CODERUNS, "coderuns.agents.platform/*", run.uid, changed))
    assert since(harness) == [expected]
