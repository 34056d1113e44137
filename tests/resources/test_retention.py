"""How long finished runs and Jobs are exposed."""

import itertools

import pytest

from exporter.cache import NEVER, Thresholds
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run, stamp

HOUR = 3600
ENDED = CREATED + 300
RUN_DONE = a_run(status={"phase": "Succeeded", "finishedAt": stamp(ENDED)})
JOB_DONE = a_job(ended="Complete", ended_at=ENDED)


def exposed(harness):
    """The names of the exposed runs and Jobs."""
    return [line.split('"')[3] for line in samples(harness.text(), "coderun_phase", "job_active")]


def test_a_finished_object_is_removed_exactly_at_its_retention():
    """The default is six hours. It starts at the end of each object."""
    harness = StoreHarness(RUN_DONE, a_job(ended="Failed", ended_at=ENDED - 100))
    assert exposed(harness) == ["r", "j"]
    harness.advance(ENDED - 100 + 6 * HOUR - 1)
    assert exposed(harness) == ["r", "j"]
    harness.advance(ENDED - 100 + 6 * HOUR)
    assert exposed(harness) == ["r"]
    harness.advance(ENDED + 6 * HOUR - 1)
    assert exposed(harness) == ["r"]
    harness.advance(ENDED + 6 * HOUR)
    assert exposed(harness) == []


@pytest.mark.parametrize("retention", [0, NEVER])
def test_a_retention_of_0_or_none_exposes_an_object_as_long_as_it_exists(retention):
    """The ends of objects are then not stored."""
    harness = StoreHarness(RUN_DONE, JOB_DONE, thresholds=Thresholds(retention=retention))
    harness.advance(ENDED + 10_000 * HOUR)
    assert exposed(harness) == ["r", "j"]
    assert harness.cache._retention._ends == []
    harness.delete(RUN_DONE)
    assert exposed(harness) == ["j"]


def test_objects_that_finished_long_ago_are_not_exposed_after_a_restart():
    """Their retention has passed before the initial list."""
    assert exposed(StoreHarness(RUN_DONE, JOB_DONE, now=ENDED + 7 * HOUR)) == []


def test_a_temporarily_wrong_clock_has_no_lasting_effect():
    """After the correction, objects that were removed too early are exposed again until their retention passes."""
    harness = StoreHarness(RUN_DONE, a_job(ended="Failed", ended_at=ENDED - 100), now=ENDED)
    harness.advance(ENDED + 1_000_000 * HOUR)
    assert exposed(harness) == []
    harness.advance(ENDED)
    assert exposed(harness) == ["r", "j"]
    harness.advance(ENDED - 100 + 6 * HOUR)
    assert exposed(harness) == ["r"]
    harness.advance(ENDED + 6 * HOUR)
    assert exposed(harness) == []


def test_setting_the_clock_back_does_not_expose_deleted_objects():
    """Objects whose retention has passed by the correct time are not exposed either."""
    harness = StoreHarness(RUN_DONE, JOB_DONE, now=ENDED + 7 * HOUR)
    harness.advance(ENDED + 20 * HOUR)
    harness.delete(JOB_DONE)
    harness.advance(ENDED + 7 * HOUR)
    assert exposed(harness) == []
    harness.advance(0)
    assert exposed(harness) == ["r"]
    harness.advance(ENDED + 7 * HOUR)
    assert exposed(harness) == []


def test_a_finished_job_is_exposed_as_long_as_its_run_is_open():
    """So a run whose status was not updated is exposed together with its finished Job."""
    harness = StoreHarness(a_run(status={"phase": "Running"}), JOB_DONE)
    harness.advance(ENDED + 100 * HOUR)
    assert exposed(harness) == ["r", "j"]
    harness.put(a_run(status={"phase": "Succeeded", "finishedAt": stamp(ENDED + 100 * HOUR)}))
    assert exposed(harness) == ["r"]
    harness.advance(ENDED + 106 * HOUR)
    assert exposed(harness) == []


def test_a_finished_job_without_its_run_has_its_own_retention():
    """It is removed even if it never changes again."""
    harness = StoreHarness(run := a_run(status={"phase": "Running"}), JOB_DONE)
    harness.delete(run)
    harness.advance(ENDED + 6 * HOUR - 1)
    assert exposed(harness) == ["j"]
    harness.advance(ENDED + 6 * HOUR)
    assert exposed(harness) == []


def test_a_changed_end_changes_the_time_of_removal():
    """A later end exposes the object longer, an earlier end shorter."""
    harness = StoreHarness(RUN_DONE)
    harness.put(RUN_DONE | {"status": {"phase": "Succeeded", "finishedAt": stamp(ENDED + HOUR)}})
    harness.advance(ENDED + 6 * HOUR)
    assert exposed(harness) == ["r"]
    harness.put(RUN_DONE | {"status": {"phase": "Succeeded", "finishedAt": stamp(ENDED + HOUR // 2)}})
    harness.advance(ENDED + 6 * HOUR + HOUR // 2)
    assert exposed(harness) == []


def test_a_run_that_is_open_again_is_exposed_again():
    """The records of hidden runs remain in the cache."""
    harness = StoreHarness(RUN_DONE, now=ENDED + 7 * HOUR)
    harness.put(RUN_DONE | {"status": {"phase": "Running"}})
    assert exposed(harness) == ["r"]


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
    harness = StoreHarness(a_run(status=status | {"phase": "Failed"}), *jobs)
    harness.advance(end + 6 * HOUR - 1)
    assert "r" in exposed(harness)
    harness.advance(end + 6 * HOUR)
    assert "r" not in exposed(harness)


def test_a_finished_object_without_any_time_is_not_exposed():
    """Otherwise it would be exposed forever."""
    assert exposed(StoreHarness(a_run(created=None, status={"phase": "Failed"}))) == []
    assert exposed(StoreHarness(a_job(created=None, ended="Failed", ended_at=None, owners=[]), match_labels={})) == []


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
        harness = StoreHarness(now=CREATED, thresholds=Thresholds(retention=50))
        for kind, item in sequence:
            if item is None:
                harness.delete(absent[kind])
            else:
                harness.put(item)
            harness.exposition()
        for after in (75, 115, 160, 90):
            harness.advance(CREATED + after)
            exposition = b"".join(harness.exposition().plain()).decode()
            names = [line.split('"')[3] for line in samples(exposition, "coderun_phase", "job_active")]
            held = (*harness.cache.runs, *harness.cache.jobs)
            assert names == [item.name for item in held if harness.cache.is_exposed(item)], sequence
