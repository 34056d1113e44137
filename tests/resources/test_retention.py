"""How long finished runs and Jobs are exposed."""

import itertools

import pytest

from exporter.cache import NEVER, Thresholds
from tests.objects import CREATED, a_job, a_run, stamp
from tests.worlds import World, samples

HOUR = 3600
ENDED = CREATED + 300
RUN_DONE = a_run(status={"phase": "Succeeded", "finishedAt": stamp(ENDED)})
JOB_DONE = a_job(ended="Complete", ended_at=ENDED)


def exposed(world):
    """The names of the exposed runs and Jobs."""
    return [line.split('"')[3] for line in samples(world.text(), "coderun_phase", "job_active")]


def test_a_finished_object_is_removed_exactly_at_its_retention():
    """The default is six hours. It starts at the end of each object."""
    world = World(RUN_DONE, a_job(ended="Failed", ended_at=ENDED - 100))
    assert exposed(world) == ["r", "j"]
    world.advance(ENDED - 100 + 6 * HOUR - 1)
    assert exposed(world) == ["r", "j"]
    world.advance(ENDED - 100 + 6 * HOUR)
    assert exposed(world) == ["r"]
    world.advance(ENDED + 6 * HOUR - 1)
    assert exposed(world) == ["r"]
    world.advance(ENDED + 6 * HOUR)
    assert exposed(world) == []


@pytest.mark.parametrize("retention", [0, NEVER])
def test_a_retention_of_0_or_none_exposes_an_object_as_long_as_it_exists(retention):
    """The ends of objects are then not stored."""
    world = World(RUN_DONE, JOB_DONE, thresholds=Thresholds(retention=retention))
    world.advance(ENDED + 10_000 * HOUR)
    assert exposed(world) == ["r", "j"]
    assert world.cache._retention._ends == []
    world.delete(RUN_DONE)
    assert exposed(world) == ["j"]


def test_objects_that_finished_long_ago_are_not_exposed_after_a_restart():
    """Their retention has passed before the initial list."""
    assert exposed(World(RUN_DONE, JOB_DONE, now=ENDED + 7 * HOUR)) == []


def test_a_temporarily_wrong_clock_has_no_lasting_effect():
    """After the correction, objects that were removed too early are exposed again until their retention passes."""
    world = World(RUN_DONE, a_job(ended="Failed", ended_at=ENDED - 100), now=ENDED)
    world.advance(ENDED + 1_000_000 * HOUR)
    assert exposed(world) == []
    world.advance(ENDED)
    assert exposed(world) == ["r", "j"]
    world.advance(ENDED - 100 + 6 * HOUR)
    assert exposed(world) == ["r"]
    world.advance(ENDED + 6 * HOUR)
    assert exposed(world) == []


def test_setting_the_clock_back_does_not_expose_deleted_objects():
    """Objects whose retention has passed by the correct time are not exposed either."""
    world = World(RUN_DONE, JOB_DONE, now=ENDED + 7 * HOUR)
    world.advance(ENDED + 20 * HOUR)
    world.delete(JOB_DONE)
    world.advance(ENDED + 7 * HOUR)
    assert exposed(world) == []
    world.advance(0)
    assert exposed(world) == ["r"]
    world.advance(ENDED + 7 * HOUR)
    assert exposed(world) == []


def test_a_finished_job_is_exposed_as_long_as_its_run_is_open():
    """So a run whose status was not updated is exposed together with its finished Job."""
    world = World(a_run(status={"phase": "Running"}), JOB_DONE)
    world.advance(ENDED + 100 * HOUR)
    assert exposed(world) == ["r", "j"]
    world.put(a_run(status={"phase": "Succeeded", "finishedAt": stamp(ENDED + 100 * HOUR)}))
    assert exposed(world) == ["r"]
    world.advance(ENDED + 106 * HOUR)
    assert exposed(world) == []


def test_a_finished_job_without_its_run_has_its_own_retention():
    """It is removed even if it never changes again."""
    world = World(run := a_run(status={"phase": "Running"}), JOB_DONE)
    world.delete(run)
    world.advance(ENDED + 6 * HOUR - 1)
    assert exposed(world) == ["j"]
    world.advance(ENDED + 6 * HOUR)
    assert exposed(world) == []


def test_a_changed_end_changes_the_time_of_removal():
    """A later end exposes the object longer, an earlier end shorter."""
    world = World(RUN_DONE)
    world.put(RUN_DONE | {"status": {"phase": "Succeeded", "finishedAt": stamp(ENDED + HOUR)}})
    world.advance(ENDED + 6 * HOUR)
    assert exposed(world) == ["r"]
    world.put(RUN_DONE | {"status": {"phase": "Succeeded", "finishedAt": stamp(ENDED + HOUR // 2)}})
    world.advance(ENDED + 6 * HOUR + HOUR // 2)
    assert exposed(world) == []


def test_a_run_that_is_open_again_is_exposed_again():
    """The records of hidden runs remain in the cache."""
    world = World(RUN_DONE, now=ENDED + 7 * HOUR)
    world.put(RUN_DONE | {"status": {"phase": "Running"}})
    assert exposed(world) == ["r"]


@pytest.mark.parametrize(
    ("status", "jobs", "end"),
    [
        ({"finishedAt": stamp(ENDED), "lastUpdate": stamp(ENDED + 50)}, [JOB_DONE], ENDED),
        ({"lastUpdate": stamp(ENDED + 50)}, [JOB_DONE], ENDED + 50),
        ({}, [a_job(uid="older", name="k", ended="Failed", ended_at=ENDED - 50), JOB_DONE], ENDED),
        ({}, [a_job()], CREATED),
        ({}, [], CREATED),
    ],
    ids=["finishedAt", "lastUpdate", "its last Job's end", "its creation: a Job without an end", "its creation"],
)
def test_the_end_of_a_run_is_the_most_precise_known_time(status, jobs, end):
    """These are times in its status, then the end of its last Job, then its creation."""
    world = World(a_run(status=status | {"phase": "Failed"}), *jobs)
    world.advance(end + 6 * HOUR - 1)
    assert "r" in exposed(world)
    world.advance(end + 6 * HOUR)
    assert "r" not in exposed(world)


def test_a_finished_object_without_any_time_is_not_exposed():
    """Otherwise it would be exposed forever."""
    assert exposed(World(a_run(created=None, status={"phase": "Failed"}))) == []
    assert exposed(World(a_job(created=None, ended="Failed", ended_at=None, owners=[]), match_labels={})) == []


RUNS = (
    None,
    a_run(status={"phase": "Running"}),
    a_run(status={"phase": "Succeeded"}),
    a_run(status={"phase": "Failed", "finishedAt": stamp(CREATED + 80)}),
)
JOBS = (
    None,
    a_job(),
    a_job(ended="Complete", ended_at=CREATED + 20),
    a_job(ended="Failed", ended_at=CREATED + 100),
    a_job(of=a_run(uid="other"), ended="Failed", ended_at=CREATED + 60),
)


def test_objects_are_removed_at_their_retention_after_any_sequence_of_changes():
    """All sequences of three changes of a run and its Job are tested at four times, with a clock that is set back."""
    absent = {"CodeRun": a_run(), "Job": a_job()}
    changes = [("CodeRun", run) for run in RUNS] + [("Job", job) for job in JOBS]
    for sequence in itertools.product(changes, repeat=3):
        world = World(now=CREATED, thresholds=Thresholds(retention=50))
        for kind, item in sequence:
            if item is None:
                world.delete(absent[kind])
            else:
                world.put(item)
            world.exposition()
        for after in (75, 115, 160, 90):
            world.advance(CREATED + after)
            exposition = b"".join(world.exposition().plain()).decode()
            names = [line.split('"')[3] for line in samples(exposition, "coderun_phase", "job_active")]
            held = (*world.cache.runs, *world.cache.jobs)
            assert names == [item.name for item in held if world.cache.is_exposed(item)], sequence
