"""The first list of runs or Jobs, which is put in place in slices."""

import pytest

from exporter.cache import CODERUNS, JOBS, Change, ObjectCache, Thresholds, slices as module
from tests.cache.test_object_cache import a_cluster, a_job, a_run


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Slices of two."""
    monkeypatch.setattr(module, "_SLICE", 2)


def a_first_list(count):
    """Runs, and a Job for each."""
    runs = [a_run(f"r{number}", state="open") for number in range(count)]
    return runs, {f"j{number}": a_job(f"j{number}", owner=f"r{number}") for number in range(count)}


def test_no_run_lacks_a_job_before_the_last_slice_is_in_place():
    """An unknown is not a no: a run whose Job is in a later slice has one."""
    runs, jobs = a_first_list(5)
    cache = ObjectCache(thresholds=Thresholds())
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs})
    sizes = []
    for some in cache.load(JOBS, "*", dict(list(jobs.items())[:4])):
        sizes.append(len(some))
        assert not cache.jobs.known("*")
        assert not any(map(cache.lacks_job, runs))
    assert sizes == [2, 2, 0, 0, 0]
    assert [run.uid for run in runs if cache.lacks_job(run)] == ["r4"]


def test_what_changes_between_two_slices_is_as_if_it_came_later():
    """Runs come, change and go while the Jobs are put in place."""
    runs, jobs = a_first_list(6)
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
    same = a_cluster(runs=now, jobs=jobs.values())
    assert [cache.newest_job(run) for run in now] == [same.newest_job(run) for run in now]


def test_a_run_whose_status_names_a_missing_job_had_it_until_the_list():
    """Also one that is far down the list; a run that went in between is not remembered."""
    runs = [a_run(f"r{number}", state="open", status_job="gone", created=5.0) for number in range(5)]
    cache = ObjectCache(thresholds=Thresholds())
    cache.advance(1000.0)
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs})
    for _ in cache.load(JOBS, "*", {}):
        pass
    assert {cache.without_job_since(run) for run in runs} == {1000.0}


def test_a_load_that_broke_off_is_begun_again():
    """Whatever is in place by then is not new the second time."""
    _, jobs = a_first_list(4)
    cache = ObjectCache(thresholds=Thresholds())
    assert len(next(cache.load(JOBS, "*", jobs))) == 2
    assert [len(some) for some in cache.load(JOBS, "*", jobs)] == [0, 2]
    assert cache.jobs.known("*")
    assert len(cache.jobs) == 4
