"""Since when an open run has no Job: the clock of the alert about stalled runs."""

import msgspec
import pytest

from exporter.cache import CODERUNS, Change
from tests.objects import CREATED, a_job, a_run, stamp
from tests.worlds import World, samples

RUNNING = {"phase": "Running", "jobName": "j"}
NOW = CREATED + 9_000


def since(world):
    """The values on the page."""
    lines = samples(world.text(), "coderun_without_job_since_timestamp_seconds")
    return [float(line.split()[-1]) for line in lines]


def test_a_new_run_waits_since_its_creation():
    """Whatever its status says."""
    assert since(World(a_run(), now=NOW)) == [CREATED]
    assert since(World(a_run(status={"phase": "Pending"}), now=NOW)) == [CREATED]


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Failed"}], ids=["succeeded", "failed"])
def test_a_run_that_is_over_waits_for_nothing(status):
    """Nor does one with a Job, nor one whose Jobs are not known."""
    assert since(World(a_run(status=status))) == []
    assert since(World(a_run(), a_job())) == []
    assert since(World(a_run(), unread=("jobs",))) == []


def test_the_clock_begins_when_the_last_job_is_deleted():
    """A retry of a run that is hours old is not late."""
    world = World(a_run(status=RUNNING), job := a_job(), now=NOW)
    world.delete(job)
    assert since(world) == [NOW]
    world.advance(NOW + 90)
    assert since(world) == [NOW]
    world.put(a_job(uid="2", name="j2", created=NOW + 90))
    assert since(world) == []


def test_a_job_with_a_deletion_time_is_no_job_any_more():
    """The gap begins at that time, and the end of the object does not move it."""
    world = World(a_run(status=RUNNING), a_job(), now=NOW)
    world.put(gone := a_job(deleted=NOW - 30))
    assert since(world) == [NOW - 30]
    world.advance(NOW + 60)
    world.delete(gone)
    assert since(world) == [NOW - 30]


def test_a_job_that_the_first_list_lacks_was_there_until_that_list():
    """As far as can be known: a restart of the exporter within a gap must not make an old run late."""
    assert since(World(a_run(status=RUNNING), now=NOW)) == [NOW]
    world = World(a_run(status=RUNNING), now=NOW, unread=("coderuns", "jobs"))
    world.list("jobs")
    world.list("coderuns", a_run(status=RUNNING))
    assert since(world) == [NOW]


def test_a_later_list_that_lacks_a_job_is_the_end_of_that_job():
    """As after a 410."""
    world = World(a_run(status=RUNNING), a_job(), now=NOW)
    world.advance(NOW + 5)
    world.list("jobs")
    assert since(world) == [NOW + 5]


def test_a_job_that_another_run_adopts_is_lost_to_the_first():
    """From then on that one has none."""
    world = World(a_run(), other := a_run(uid="other", name="other"), job := a_job(), now=NOW)
    world.put(
        job | {"metadata": job["metadata"] | {"ownerReferences": a_job(of=other)["metadata"]["ownerReferences"]}}
    )
    assert since(world) == [NOW]


def test_a_run_that_ends_and_a_run_that_is_deleted_are_forgotten():
    """What is kept is bounded by the runs that there are."""
    world = World(run := a_run(status=RUNNING), job := a_job(), now=NOW)
    world.delete(job)
    assert world.cluster._missing_jobs._since == {"run-r": NOW}
    world.put(run | {"status": {"phase": "Failed", "lastUpdate": stamp(NOW)}})
    assert world.cluster._missing_jobs._since == {}
    world.put(run)
    world.put(job)
    world.delete(job)
    world.delete(run)
    assert world.cluster._missing_jobs._since == {}


@pytest.mark.parametrize(("queued", "told"), [(CREATED + 30, CREATED + 30), (CREATED - 30, CREATED), (None, CREATED)])
def test_a_run_needs_its_job_since_what_its_status_says(queued, told):
    """Where its profile reads that, and it is later than the creation: it was in a queue until then."""
    world = World(a_run(status={"phase": "Running"}), now=NOW)
    (run,) = world.cluster.runs
    changed = msgspec.structs.replace(run, since=queued, attempt=2)
    world.store.apply(Change(CODERUNS, "coderuns.agents.platform/*", run.uid, changed))
    assert since(world) == [told]
