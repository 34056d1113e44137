"""The initial list of runs or Jobs, which is stored in slices."""

import pytest

from exporter.cache import CODERUNS, JOBS, Change, ObjectCache, Thresholds, slices as module
from tests.cache.test_object_cache import a_cache, a_job, a_run


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Sets the size of a slice to two objects."""
    monkeypatch.setattr(module, "_SLICE", 2)


def an_initial_list(count):
    """Returns `count` runs, and a Job for each, by UID."""
    runs = [a_run(f"r{number}", state="open") for number in range(count)]
    return runs, {f"j{number}": a_job(f"j{number}", owner=f"r{number}") for number in range(count)}


def test_no_run_is_without_a_job_before_the_last_slice_is_stored():
    """Its Job may be in a later slice."""
    runs, jobs = an_initial_list(5)
    cache = ObjectCache(thresholds=Thresholds())
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs})
    sizes = []
    for some in cache.load(JOBS, "*", dict(list(jobs.items())[:4])):
        sizes.append(len(some))
        assert not cache.jobs.known("*")
        assert not any(map(cache.lacks_job, runs))
    assert sizes == [2, 2, 0, 0, 0]
    assert [run.uid for run in runs if cache.lacks_job(run)] == ["r4"]


def test_changes_between_two_slices_are_applied_as_if_they_came_later():
    """Runs are added, changed and deleted while the Jobs are being stored."""
    runs, jobs = an_initial_list(6)
    cache = ObjectCache(thresholds=Thresholds())
    cache.advance(1000.0)
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs[:4]})
    changes = [
        Change(CODERUNS, "*", "r0", None),
        Change(CODERUNS, "*", "r1", a_run("r1", state="succeeded")),
        Change(CODERUNS, "*", "r5", runs[5]),
    ]
    for _ in cache.load(JOBS, "*", jobs):
        if changes:
            cache.apply(changes.pop(0))
    now = [*cache.runs]
    assert {run.uid: [job.uid for job in cache.jobs_of(run)] for run in now} == {
        "r1": ["j1"],
        "r2": ["j2"],
        "r3": ["j3"],
        "r5": ["j5"],
    }
    same = a_cache(runs=now, jobs=jobs.values())
    assert [cache.newest_job(run) for run in now] == [same.newest_job(run) for run in now]


def test_a_job_that_the_status_names_but_the_list_lacks_existed_until_the_list():
    """This holds for every run, also one that a later slice contains."""
    runs = [a_run(f"r{number}", state="open", status_job="gone", created=5.0) for number in range(5)]
    cache = ObjectCache(thresholds=Thresholds())
    cache.advance(1000.0)
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs})
    for _ in cache.load(JOBS, "*", {}):
        pass
    assert {cache.without_job_since(run) for run in runs} == {1000.0}


def test_a_load_that_was_interrupted_starts_again():
    """Objects that are already stored are not reported as new again."""
    _, jobs = an_initial_list(4)
    cache = ObjectCache(thresholds=Thresholds())
    assert len(next(cache.load(JOBS, "*", jobs))) == 2
    assert [len(some) for some in cache.load(JOBS, "*", jobs)] == [0, 2]
    assert cache.jobs.known("*")
    assert len(cache.jobs) == 4
