"""How long what has finished stays on the page."""

import itertools

import pytest

from exporter.cache import NEVER, Thresholds
from tests.objects import CREATED, a_job, a_run, stamp
from tests.worlds import World, samples

HOUR = 3600
ENDED = CREATED + 300
RUN_DONE = a_run(status={"phase": "Succeeded", "finishedAt": stamp(ENDED)})
JOB_DONE = a_job(ended="Complete", ended_at=ENDED)


def on_page(world):
    """The names of the runs and the Jobs that are on the page."""
    return [line.split('"')[3] for line in samples(world.text(), "coderun_phase", "job_active")]


def test_a_finished_object_leaves_the_page_at_its_retention_and_not_before():
    """Six hours by default, to the second; the run and its Job by their own ends."""
    world = World(RUN_DONE, a_job(ended="Failed", ended_at=ENDED - 100))
    assert on_page(world) == ["r", "j"]
    world.advance(ENDED - 100 + 6 * HOUR - 1)
    assert on_page(world) == ["r", "j"]
    world.advance(ENDED - 100 + 6 * HOUR)
    assert on_page(world) == ["r"]
    world.advance(ENDED + 6 * HOUR - 1)
    assert on_page(world) == ["r"]
    world.advance(ENDED + 6 * HOUR)
    assert on_page(world) == []


@pytest.mark.parametrize("retention", [0, NEVER])
def test_a_retention_of_0_or_none_keeps_an_object_as_long_as_it_exists(retention):
    """And nothing is noted for a day that does not come."""
    world = World(RUN_DONE, JOB_DONE, thresholds=Thresholds(retention=retention))
    world.advance(ENDED + 10_000 * HOUR)
    assert on_page(world) == ["r", "j"]
    assert world.cluster._retention._ends == []
    world.delete(RUN_DONE)
    assert on_page(world) == ["j"]


def test_what_ended_long_ago_is_not_on_the_first_page():
    """A restart does not bring back what has been forgotten."""
    assert on_page(World(RUN_DONE, JOB_DONE, now=ENDED + 7 * HOUR)) == []


def test_a_clock_that_was_wrong_for_a_while_costs_nothing():
    """Set on by a century and back again: what had left the page too early is there, and leaves it on its day."""
    world = World(RUN_DONE, a_job(ended="Failed", ended_at=ENDED - 100), now=ENDED)
    world.advance(ENDED + 1_000_000 * HOUR)
    assert on_page(world) == []
    world.advance(ENDED)
    assert on_page(world) == ["r", "j"]
    world.advance(ENDED - 100 + 6 * HOUR)
    assert on_page(world) == ["r"]
    world.advance(ENDED + 6 * HOUR)
    assert on_page(world) == []


def test_a_clock_that_is_set_back_brings_back_nothing_that_is_gone():
    """What was deleted meanwhile, and what would have left by the right time too."""
    world = World(RUN_DONE, JOB_DONE, now=ENDED + 7 * HOUR)
    world.advance(ENDED + 20 * HOUR)
    world.delete(JOB_DONE)
    world.advance(ENDED + 7 * HOUR)
    assert on_page(world) == []
    world.advance(0)
    assert on_page(world) == ["r"]
    world.advance(ENDED + 7 * HOUR)
    assert on_page(world) == []


def test_a_finished_job_stays_as_long_as_its_run_is_open():
    """So that a run that is not updated shows next to the Job that it should have been updated from."""
    world = World(a_run(status={"phase": "Running"}), JOB_DONE)
    world.advance(ENDED + 100 * HOUR)
    assert on_page(world) == ["r", "j"]
    world.put(a_run(status={"phase": "Succeeded", "finishedAt": stamp(ENDED + 100 * HOUR)}))
    assert on_page(world) == ["r"]
    world.advance(ENDED + 106 * HOUR)
    assert on_page(world) == []


def test_a_finished_job_whose_run_is_gone_ends_on_its_own():
    """An orphan that nobody ever touches again leaves the page all the same."""
    world = World(run := a_run(status={"phase": "Running"}), JOB_DONE)
    world.delete(run)
    world.advance(ENDED + 6 * HOUR - 1)
    assert on_page(world) == ["j"]
    world.advance(ENDED + 6 * HOUR)
    assert on_page(world) == []


def test_an_end_that_moves_moves_the_day():
    """A later end keeps the object, an earlier one lets it go earlier."""
    world = World(RUN_DONE)
    world.put(RUN_DONE | {"status": {"phase": "Succeeded", "finishedAt": stamp(ENDED + HOUR)}})
    world.advance(ENDED + 6 * HOUR)
    assert on_page(world) == ["r"]
    world.put(RUN_DONE | {"status": {"phase": "Succeeded", "finishedAt": stamp(ENDED + HOUR // 2)}})
    world.advance(ENDED + 6 * HOUR + HOUR // 2)
    assert on_page(world) == []


def test_a_run_that_is_open_again_is_on_the_page_again():
    """What is hidden is kept: a retry brings it back."""
    world = World(RUN_DONE, now=ENDED + 7 * HOUR)
    world.put(RUN_DONE | {"status": {"phase": "Running"}})
    assert on_page(world) == ["r"]


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
def test_a_runs_end_is_the_best_that_is_known(status, jobs, end):
    """What the run says itself, the end of its last Job, its creation."""
    world = World(a_run(status=status | {"phase": "Failed"}), *jobs)
    world.advance(end + 6 * HOUR - 1)
    assert "r" in on_page(world)
    world.advance(end + 6 * HOUR)
    assert "r" not in on_page(world)


def test_an_object_without_any_date_counts_as_long_gone():
    """Terminal, and neither created nor ended: it must not stay for ever."""
    assert on_page(World(a_run(created=None, status={"phase": "Failed"}))) == []
    assert on_page(World(a_job(created=None, ended="Failed", ended_at=None, owners=[]), match_labels={})) == []


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


def test_whatever_happened_before_the_clock_takes_from_the_page_what_has_passed():
    """Every sequence of three changes of a run and its Job, at three moments after, and when it is set back."""
    absent = {"CodeRun": a_run(), "Job": a_job()}
    changes = [("CodeRun", run) for run in RUNS] + [("Job", job) for job in JOBS]
    for sequence in itertools.product(changes, repeat=3):
        world = World(now=CREATED, thresholds=Thresholds(retention=50))
        for kind, item in sequence:
            if item is None:
                world.delete(absent[kind])
            else:
                world.put(item)
            world.page()
        for after in (75, 115, 160, 90):
            world.advance(CREATED + after)
            page = b"".join(world.page().plain()).decode()
            told = [line.split('"')[3] for line in samples(page, "coderun_phase", "job_active")]
            held = (*world.cluster.runs, *world.cluster.jobs)
            assert told == [item.name for item in held if world.cluster.is_exposed(item)], sequence
