"""The object cache joins records by UID, reports changes, and replaces a partition in one step."""

import random

import pytest

from exporter.cache import CODERUNS, JOBS, NEVER, Change, ConfigMap, Job, Key, ObjectCache, Run, Table, Thresholds
from exporter.resources.coderuns import related as related_to_run
from exporter.resources.configmaps import related as related_to_configmap
from exporter.resources.jobs import related as related_to_job


def a_run(uid="r", **fields):
    """The record of a run."""
    return Run(uid=uid, namespace="n", name=uid, **fields)


def a_job(uid="j", **fields):
    """The record of a Job of the run `r`."""
    return Job(**({"uid": uid, "namespace": "n", "name": uid, "owner": "r"} | fields))


def a_cache(*, runs=(), jobs=(), **thresholds):
    """A cache in which lists of these runs and Jobs have completed."""
    cache = ObjectCache(thresholds=Thresholds(**thresholds))
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs})
    cache.replace(JOBS, "*", {job.uid: job for job in jobs})
    return cache


def fresh(text):
    """An equal string that is another Python object."""
    return text.encode().decode()


def test_a_table_knows_which_of_its_partitions_were_listed():
    """An empty partition that was listed is known; a partition that was never listed is not."""
    table = Table()
    assert (table.known("a"), table.partition("a")) == (False, {})
    assert table.swap("a", {}) == {}
    assert (table.known("a"), table.known("b")) == (True, False)


def test_a_table_consists_of_its_partitions():
    """An object is found by its UID, whichever partition contains it."""
    table = Table()
    table.swap("a", {"1": "one"})
    assert table.put("b", "2", "two") is None
    assert (sorted(table), len(table), table.get("2"), table.get("3")) == (["one", "two"], 2, "two", None)
    assert table.put("b", "2", "zwei") == "two"
    assert table.put("b", "2", None) == "zwei"
    assert table.put("b", "2", None) is None
    assert table.swap("a", {"3": "three"}) == {"1": "one"}
    assert list(table) == ["three"]


def test_replace_returns_the_changes():
    """These are deleted, new and different objects. The same record is no change."""
    same, old, new = a_run("same"), a_run("other"), a_run("other", phase="Running")
    cache = a_cache(runs=[same, old, gone := a_run("gone")])
    pairs = cache.replace(CODERUNS, "*", {"same": same, "other": new, "new": (come := a_run("new"))})
    assert pairs == [(gone, None), (old, new), (None, come)]
    assert cache.get(Key(CODERUNS, "gone")) is None
    assert cache.get(Key(CODERUNS, "other")) is new


def test_replace_does_not_affect_other_partitions():
    """A list of one namespace contains no objects of another."""
    cache = a_cache(runs=[a_run()])
    cache.replace(CODERUNS, "m", {})
    assert len(cache.runs) == 1


def test_jobs_are_known_after_the_list_that_contains_their_namespace():
    """One list contains all namespaces, or each namespace has its own."""
    run, other = (Run(uid=name, namespace=name, name=name) for name in "nm")
    assert not ObjectCache(thresholds=Thresholds()).workers_known(run)
    assert a_cache().workers_known(run)
    cache = ObjectCache(thresholds=Thresholds(), all_namespaces=False)
    cache.replace(JOBS, "n", {})
    assert (cache.workers_known(run), cache.workers_known(other)) == (True, False)


def test_the_owner_index_is_updated_by_every_change():
    """A Job is added, gets another owner, is deleted, or is replaced by a list."""
    cache = a_cache(runs=[run := a_run(), other := a_run("other")])
    cache.apply(Change(JOBS, "*", "j", one := a_job()))
    cache.apply(Change(JOBS, "*", "k", two := a_job("k")))
    assert [*cache.jobs_of(run)] == [one, two]
    cache.apply(Change(JOBS, "*", "j", moved := a_job(owner="other")))
    assert ([*cache.jobs_of(run)], [*cache.jobs_of(other)]) == ([two], [moved])
    assert (cache.run_of(moved), cache.run_of(two)) == (other, run)
    cache.apply(Change(JOBS, "*", "l", three := a_job("l")))
    cache.apply(Change(JOBS, "*", "m", four := a_job("m")))
    assert [*cache.jobs_of(run)] == [two, three, four]
    cache.apply(Change(JOBS, "*", "k", None))
    cache.replace(JOBS, "*", {"l": (three := a_job("l"))})
    assert ([*cache.jobs_of(run)], [*cache.jobs_of(other)]) == ([three], [])
    assert cache._owners._jobs_of.keys() == {"r"}


def test_a_job_without_an_owner_has_no_run():
    """This also holds for a run without a UID."""
    cache = a_cache(runs=[run := a_run("")], jobs=[job := a_job(owner="")])
    assert cache.run_of(job) is None
    assert cache.jobs_of(run) == ()
    assert cache.newest_job(run) is None


def test_a_job_shares_the_strings_of_its_run():
    """A second copy of each string for 100,000 Jobs would use much memory. The order of the two does not matter."""
    for first in ("run", "job"):
        run, job = a_run(fresh("uid")), a_job(owner=fresh("uid"), owner_name=fresh("uid"))
        cache = a_cache()
        changes = [Change(CODERUNS, "*", run.uid, run), Change(JOBS, "*", "j", job)]
        for change in changes if first == "run" else reversed(changes):
            cache.apply(change)
        assert job.owner is run.uid
        assert job.owner_name is run.name
    other = a_job("k", owner=fresh("uid"), owner_name="renamed")
    cache.apply(Change(JOBS, "*", "k", other))
    assert other.owner_name == "renamed"


@pytest.mark.parametrize(
    ("run", "label", "agent"), [("tess", "rex", "tess"), ("", "rex", "rex"), (None, "rex", "rex"), ("", "", "")]
)
def test_the_agent_of_a_job(run, label, agent):
    """It is the agent of its run, or that of its own label if the run is unknown or has none."""
    cache = a_cache(runs=[] if run is None else [a_run(agent=run)], jobs=[job := a_job(agent=label)])
    assert cache.agent_of(job) == agent


def test_related_objects_are_those_whose_samples_depend_on_each_other():
    """A run and its Jobs, the Job before the newest, and a ConfigMap and the runs without a Job are related."""
    waiting, retried = a_run("waiting"), a_run("retried")
    jobs = [j := a_job(), k := a_job("k"), a_job("old", owner="retried", deleted=1.0)]
    cache = a_cache(runs=[run := a_run(), waiting, retried, a_run("done", state="failed")], jobs=jobs)
    assert related_to_run(run, cache) == {Key(CODERUNS, "r"), Key(JOBS, "j"), Key(JOBS, "k")}
    assert related_to_job(j, cache) == {Key(CODERUNS, "r"), Key(JOBS, "j")}
    assert related_to_job(k, cache) == {Key(CODERUNS, "r"), Key(JOBS, "j"), Key(JOBS, "k")}
    item = ConfigMap(uid="n/c", namespace="n", name="c")
    assert related_to_configmap(item, cache) == {
        Key("configmaps", "n/c"),
        Key(CODERUNS, "waiting"),
        Key(CODERUNS, "retried"),
    }


def test_advance_returns_each_expired_object_once():
    """It does not return objects that were deleted, or whose end has changed to a later time."""
    runs = [a_run(uid, state="failed", finished=100.0) for uid in ("a", "b", "c")]
    cache = a_cache(runs=runs, retention=50.0)
    cache.apply(Change(CODERUNS, "*", "b", None))
    cache.apply(Change(CODERUNS, "*", "c", a_run("c", state="failed", finished=120.0)))
    assert cache.advance(149.0) == set()
    assert cache.advance(150.0) == {Key(CODERUNS, "a")}
    assert not cache.is_exposed(runs[0])
    assert cache.advance(169.0) == set()
    assert cache.advance(170.0) == {Key(CODERUNS, "c")}
    assert cache.advance(10_000.0) == set()


def test_deleted_runs_are_removed_from_the_retention_state():
    """They are removed long before their retention passes. The other runs are still returned in time."""
    cache = a_cache(runs=[a_run("stays", state="failed", finished=100.0)], retention=50.0)
    for number in range(10_000):
        cache.apply(Change(CODERUNS, "*", f"r{number}", a_run(f"r{number}", state="failed", finished=100.0)))
        cache.apply(Change(CODERUNS, "*", f"r{number}", None))
    assert len(cache._retention._ends) < 100
    assert cache.advance(150.0) == {Key(CODERUNS, "stays")}


def unknown_runs(cache):
    """The UIDs of the runs of which it is unknown whether they have a Job."""
    return {run.uid for run in cache.runs if cache.job_state_unknown(run)}


def test_while_jobs_cannot_be_watched_new_and_changed_runs_are_unknown():
    """They may have a Job by now. For other runs the last known state is kept."""
    runs = [a_run("waits"), a_run("works", phase="Running")]
    cache = a_cache(runs=runs, jobs=[a_job(owner="works")])
    assert cache.set_jobs_watched("*", current=False) == []
    cache.apply(Change(CODERUNS, "*", "new", a_run("new")))
    cache.apply(Change(CODERUNS, "*", "waits", a_run("waits", agent="tess")))
    cache.apply(Change(CODERUNS, "*", "works", a_run("works", state="succeeded")))
    cache.set_jobs_watched("*", current=False)
    assert unknown_runs(cache) == {"new", "works"}
    assert {run.uid for run in cache.set_jobs_watched("*", current=True)} == {"new", "works"}
    assert unknown_runs(cache) == set()
    cache.apply(Change(CODERUNS, "*", "later", a_run("later")))
    assert unknown_runs(cache) == set()


def test_only_runs_of_namespaces_whose_jobs_cannot_be_watched_are_unknown():
    """The Role may be missing in one namespace only."""
    cache = ObjectCache(thresholds=Thresholds(), all_namespaces=False)
    cache.set_jobs_watched("m", current=False)
    cache.apply(Change(CODERUNS, "n", "r", a_run("r")))
    assert unknown_runs(cache) == set()
    cache.set_jobs_watched("n", current=False)
    cache.apply(Change(CODERUNS, "n", "s", a_run("s")))
    assert unknown_runs(cache) == {"s"}


def test_a_required_configmap_is_always_exposed():
    """It is required whether it exists or not."""
    cache = a_cache(retention=1.0)
    cache.advance(1e12)
    assert cache.is_exposed(ConfigMap(uid="n/c", namespace="n", name="c"))


def test_the_threshold_of_an_object():
    """It is the object's own, that of its agent, or the default. Zero is a threshold too."""
    thresholds = Thresholds(job_creation_deadlines={"tess": 7.0}, job_max_runtimes={"tess": NEVER})
    assert [thresholds.deadline_of(a_run(agent=agent)) for agent in ("tess", "rex")] == [7.0, 600.0]
    assert thresholds.deadline_of(a_run(agent="tess", deadline=0.0)) == 0.0
    assert [thresholds.max_runtime_of(a_job(), agent) for agent in ("tess", "rex")] == [NEVER, 3600.0]
    assert thresholds.max_runtime_of(a_job(max_runtime=0.0), "tess") == 0.0


@pytest.mark.parametrize(
    ("job", "thresholds", "limit"),
    [
        ({}, {}, (NEVER, False)),
        ({}, {"job_max_runtime": 60.0, "job_max_runtime_is_set": True}, (NEVER, False)),
        ({"max_runtime": 60.0}, {}, (60.0, True)),
        ({}, {"job_max_runtimes": {"warm": 60.0}}, (60.0, True)),
        ({"owner": ""}, {}, (3600.0, False)),
    ],
)
def test_the_default_max_runtime_does_not_apply_to_jobs_of_long_lived_runs(job, thresholds, limit):
    """A limit for the Job or for its agent applies."""
    cache = a_cache(runs=[a_run(agent="warm", long_lived=True)], jobs=[found := a_job(**job)], **thresholds)
    assert cache.max_runtime_of(found) == limit


def test_a_configmap_that_was_not_read_is_neither_healthy_nor_unhealthy():
    """The other fields of its record do not matter."""
    item = ConfigMap(uid="n/c", namespace="n", name="c", read=False)
    assert (item.healthy, item.problems) == (None, [])


def test_a_job_in_another_namespace_does_not_belong_to_the_run():
    """Otherwise a Job in another namespace could hide that the run has none."""
    cache = a_cache(runs=[run := a_run()], jobs=[job := a_job(namespace="other")])
    assert cache.run_of(job) is None
    assert cache.newest_job(run) is None


def test_setting_the_clock_back_exposes_objects_again():
    """Their retention has not passed by the corrected time."""
    early, late = a_run(uid="early", state="failed", finished=100.0), a_run(state="succeeded", finished=200.0)
    cache = a_cache(runs=[early, late])
    assert cache.advance(1e9) == {Key(CODERUNS, "early"), Key(CODERUNS, "r")}
    assert cache.advance(150.0 + cache.thresholds.retention) == {Key(CODERUNS, "r")}
    assert (cache.is_exposed(early), cache.is_exposed(late)) == (False, True)
    assert cache.advance(200.0 + cache.thresholds.retention) == {Key(CODERUNS, "r")}


def test_changes_that_do_not_change_the_end_are_not_stored_again():
    """Otherwise the state would grow with every event, for hours."""
    cache = a_cache(runs=[a_run(state="succeeded", finished=100.0)], jobs=[a_job(result="failed", finished=90.0)])
    before = len(cache._retention._ends)
    for attempt in range(5):
        cache.apply(Change(CODERUNS, "*", "r", a_run(state="succeeded", finished=100.0, attempt=attempt)))
        cache.apply(Change(JOBS, "*", "j", a_job(result="failed", finished=90.0, version=attempt)))
    assert len(cache._retention._ends) == before


@pytest.mark.parametrize("seed", range(20))
def test_the_newest_job_is_correct_after_any_change(seed):
    """The stored newest Job is always the one that a search of all Jobs finds."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible sequence
    run = a_run()
    cache = a_cache(runs=[run])
    for _ in range(200):
        uid = chance.choice("abcdefghijklmn")
        job = a_job(
            uid,
            owner=chance.choice("rrrs"),
            namespace=chance.choice(["n", "n", "n", "m"]),
            created=chance.choice([None, 1.0, 2.0]),
            version=chance.choice([0, 1]),
            deleted=chance.choice([None, None, 1.0]),
        )
        cache.apply(Change(JOBS, "*", uid, chance.choice([job, job, job, job, None])))
        live = [each for each in cache.jobs if (each.owner, each.namespace, each.deleted) == ("r", "n", None)]
        newest = max(live, key=lambda each: (each.created or 0.0, each.version, each.name), default=None)
        assert cache.newest_job(run) is newest
