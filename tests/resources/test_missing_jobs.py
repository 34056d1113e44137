"""The time since which an open run has no Job: coderun_without_job_since_timestamp_seconds."""

import msgspec
import pytest

from exporter.cache import CODERUNS, Change
from tests.objects import CREATED, a_job, a_run, stamp
from tests.worlds import World, samples

RUNNING = {"phase": "Running", "jobName": "j"}
NOW = CREATED + 9_000


def since(world):
    """The values of the metric."""
    lines = samples(world.text(), "coderun_without_job_since_timestamp_seconds")
    return [float(line.split()[-1]) for line in lines]


def test_a_new_run_has_no_job_since_its_creation():
    """This does not depend on its status."""
    assert since(World(a_run(), now=NOW)) == [CREATED]
    assert since(World(a_run(status={"phase": "Pending"}), now=NOW)) == [CREATED]


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Failed"}], ids=["succeeded", "failed"])
def test_the_metric_is_absent_for_finished_runs(status):
    """It is also absent for a run with a Job, and while Jobs are unknown."""
    assert since(World(a_run(status=status))) == []
    assert since(World(a_run(), a_job())) == []
    assert since(World(a_run(), unread=("jobs",))) == []


def test_the_time_is_that_of_the_deletion_of_the_last_job():
    """Otherwise a retry of a run that is hours old would be overdue at once."""
    world = World(a_run(status=RUNNING), job := a_job(), now=NOW)
    world.delete(job)
    assert since(world) == [NOW]
    world.advance(NOW + 90)
    assert since(world) == [NOW]
    world.put(a_job(uid="2", name="j2", created=NOW + 90))
    assert since(world) == []


def test_a_job_with_a_deletion_timestamp_counts_as_deleted():
    """The time is its deletionTimestamp. The removal of the object does not change it."""
    world = World(a_run(status=RUNNING), a_job(), now=NOW)
    world.put(gone := a_job(deleted=NOW - 30))
    assert since(world) == [NOW - 30]
    world.advance(NOW + 60)
    world.delete(gone)
    assert since(world) == [NOW - 30]


def test_if_the_initial_list_lacks_a_job_the_time_is_that_of_the_list():
    """Otherwise a restart of the exporter during a retry would make an old run overdue."""
    assert since(World(a_run(status=RUNNING), now=NOW)) == [NOW]
    world = World(a_run(status=RUNNING), now=NOW, unread=("coderuns", "jobs"))
    world.list("jobs")
    world.list("coderuns", a_run(status=RUNNING))
    assert since(world) == [NOW]


def test_if_a_relist_lacks_a_job_the_time_is_that_of_the_relist():
    """For example, the watch has expired with 410."""
    world = World(a_run(status=RUNNING), a_job(), now=NOW)
    world.advance(NOW + 5)
    world.list("jobs")
    assert since(world) == [NOW + 5]


def test_if_another_run_adopts_the_job_the_first_run_has_none():
    """The time is that of the adoption."""
    world = World(a_run(), other := a_run(uid="other", name="other"), job := a_job(), now=NOW)
    world.put(
        job | {"metadata": job["metadata"] | {"ownerReferences": a_job(of=other)["metadata"]["ownerReferences"]}}
    )
    assert since(world) == [NOW]


def test_a_finished_or_deleted_run_is_removed_from_the_state():
    """So the size of the state is bounded by the number of open runs."""
    world = World(run := a_run(status=RUNNING), job := a_job(), now=NOW)
    world.delete(job)
    assert world.cache._missing_jobs._since == {"run-r": NOW}
    world.put(run | {"status": {"phase": "Failed", "lastUpdate": stamp(NOW)}})
    assert world.cache._missing_jobs._since == {}
    world.put(run)
    world.put(job)
    world.delete(job)
    world.delete(run)
    assert world.cache._missing_jobs._since == {}


@pytest.mark.parametrize(
    ("queued", "expected"), [(CREATED + 30, CREATED + 30), (CREATED - 30, CREATED), (None, CREATED)]
)
def test_the_time_of_the_status_applies_if_it_is_later_than_the_creation(queued, expected):
    """A profile can define such a time: until then the run was in a queue."""
    world = World(a_run(status={"phase": "Running"}), now=NOW)
    (run,) = world.cache.runs
    changed = msgspec.structs.replace(run, since=queued, attempt=2)
    world.store.put(Change(CODERUNS, "coderuns.agents.platform/*", run.uid, changed))
    assert since(world) == [expected]
