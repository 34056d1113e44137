"""The picture: joined by UID, told of changes, replaced as a whole."""

import random

import pytest

from exporter.cache import CODERUNS, JOBS, NEVER, Change, ConfigMap, Job, Key, ObjectCache, Run, Table, Thresholds
from exporter.resources.coderuns import related as related_to_run
from exporter.resources.configmaps import related as related_to_configmap
from exporter.resources.jobs import related as related_to_job


def a_run(uid="r", **fields):
    """A run's record."""
    return Run(uid=uid, namespace="n", name=uid, **fields)


def a_job(uid="j", **fields):
    """A Job's record, of the run `r`."""
    return Job(**({"uid": uid, "namespace": "n", "name": uid, "owner": "r"} | fields))


def a_cluster(*, runs=(), jobs=(), **thresholds):
    """A cluster in which these are known."""
    cache = ObjectCache(thresholds=Thresholds(**thresholds))
    cache.replace(CODERUNS, "*", {run.uid: run for run in runs})
    cache.replace(JOBS, "*", {job.uid: job for job in jobs})
    return cache


def fresh(text):
    """The same text as another object."""
    return text.encode().decode()


def test_a_table_knows_which_of_its_parts_have_been_read():
    """One that is empty has been read; one that is not there has not."""
    table = Table()
    assert (table.known("a"), table.partition("a")) == (False, {})
    assert table.swap("a", {}) == {}
    assert (table.known("a"), table.known("b")) == (True, False)


def test_a_table_is_all_its_parts():
    """By UID, whichever part holds it."""
    table = Table()
    table.swap("a", {"1": "one"})
    assert table.put("b", "2", "two") is None
    assert (sorted(table), len(table), table.get("2"), table.get("3")) == (["one", "two"], 2, "two", None)
    assert table.put("b", "2", "zwei") == "two"
    assert table.put("b", "2", None) == "zwei"
    assert table.put("b", "2", None) is None
    assert table.swap("a", {"3": "three"}) == {"1": "one"}
    assert list(table) == ["three"]


def test_a_replacement_tells_what_it_changes():
    """What is gone, what is new, what is other; the very same object is no change."""
    same, old, new = a_run("same"), a_run("other"), a_run("other", phase="Running")
    cache = a_cluster(runs=[same, old, gone := a_run("gone")])
    pairs = cache.replace(CODERUNS, "*", {"same": same, "other": new, "new": (come := a_run("new"))})
    assert pairs == [(gone, None), (old, new), (None, come)]
    assert cache.get(Key(CODERUNS, "gone")) is None
    assert cache.get(Key(CODERUNS, "other")) is new


def test_a_replacement_of_one_part_leaves_the_others_alone():
    """One namespace's list says nothing about another's."""
    cache = a_cluster(runs=[a_run()])
    cache.replace(CODERUNS, "m", {})
    assert len(cache.runs) == 1


def test_jobs_are_known_by_what_was_read():
    """All namespaces by one list, or each by its own."""
    run, other = (Run(uid=name, namespace=name, name=name) for name in "nm")
    assert not ObjectCache(thresholds=Thresholds()).workers_known(run)
    assert a_cluster().workers_known(run)
    cache = ObjectCache(thresholds=Thresholds(), all_namespaces=False)
    cache.replace(JOBS, "n", {})
    assert (cache.workers_known(run), cache.workers_known(other)) == (True, False)


def test_the_owner_index_follows_every_change():
    """Put, moved to another owner, gone; replaced as a whole."""
    cache = a_cluster(runs=[run := a_run(), other := a_run("other")])
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
    """Not even one without a UID."""
    cache = a_cluster(runs=[run := a_run("")], jobs=[job := a_job(owner="")])
    assert cache.run_of(job) is None
    assert cache.jobs_of(run) == ()
    assert cache.newest_job(run) is None


def test_a_job_shares_the_text_of_its_run():
    """One string for both, whichever comes first: at 100,000 Jobs that is memory."""
    for first in ("run", "job"):
        run, job = a_run(fresh("uid")), a_job(owner=fresh("uid"), owner_name=fresh("uid"))
        cache = a_cluster()
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
    """Its run's; its own label where the run is not known or has none."""
    cache = a_cluster(runs=[] if run is None else [a_run(agent=run)], jobs=[job := a_job(agent=label)])
    assert cache.agent_of(job) == agent


def test_related_objects_are_those_whose_lines_tell_of_one_another():
    """A run and its Jobs, of which the newest supersedes the one before; a ConfigMap and the runs that wait."""
    waiting, retried = a_run("waiting"), a_run("retried")
    jobs = [j := a_job(), k := a_job("k"), a_job("old", owner="retried", deleted=1.0)]
    cache = a_cluster(runs=[run := a_run(), waiting, retried, a_run("done", state="failed")], jobs=jobs)
    assert related_to_run(run, cache) == {Key(CODERUNS, "r"), Key(JOBS, "j"), Key(JOBS, "k")}
    assert related_to_job(j, cache) == {Key(CODERUNS, "r"), Key(JOBS, "j")}
    assert related_to_job(k, cache) == {Key(CODERUNS, "r"), Key(JOBS, "j"), Key(JOBS, "k")}
    item = ConfigMap(uid="n/c", namespace="n", name="c")
    assert related_to_configmap(item, cache) == {
        Key("configmaps", "n/c"),
        Key(CODERUNS, "waiting"),
        Key(CODERUNS, "retried"),
    }


def test_the_clock_gives_each_object_that_has_to_go_once():
    """And nothing for one that is gone already, or that stays after all."""
    runs = [a_run(uid, state="failed", finished=100.0) for uid in ("a", "b", "c")]
    cache = a_cluster(runs=runs, retention=50.0)
    cache.apply(Change(CODERUNS, "*", "b", None))
    cache.apply(Change(CODERUNS, "*", "c", a_run("c", state="failed", finished=120.0)))
    assert cache.advance(149.0) == set()
    assert cache.advance(150.0) == {Key(CODERUNS, "a")}
    assert not cache.is_exposed(runs[0])
    assert cache.advance(169.0) == set()
    assert cache.advance(170.0) == {Key(CODERUNS, "c")}
    assert cache.advance(10_000.0) == set()


def test_runs_that_finish_and_are_deleted_leave_nothing_behind():
    """Their ends are forgotten with them, long before their retention; those that stay leave in their time."""
    cache = a_cluster(runs=[a_run("stays", state="failed", finished=100.0)], retention=50.0)
    for number in range(10_000):
        cache.apply(Change(CODERUNS, "*", f"r{number}", a_run(f"r{number}", state="failed", finished=100.0)))
        cache.apply(Change(CODERUNS, "*", f"r{number}", None))
    assert len(cache._retention._ends) < 100
    assert cache.advance(150.0) == {Key(CODERUNS, "stays")}


def doubted(cache):
    """Which runs are said to be doubtful."""
    return {run.uid for run in cache.runs if cache.job_state_unknown(run)}


def test_while_jobs_cannot_be_followed_runs_that_are_new_or_went_on_are_doubtful():
    """They may have a Job by now, or its end; what others lacked before is the last good whole."""
    runs = [a_run("waits"), a_run("works", phase="Running")]
    cache = a_cluster(runs=runs, jobs=[a_job(owner="works")])
    assert cache.set_jobs_watched("*", current=False) == []
    cache.apply(Change(CODERUNS, "*", "new", a_run("new")))
    cache.apply(Change(CODERUNS, "*", "waits", a_run("waits", agent="tess")))
    cache.apply(Change(CODERUNS, "*", "works", a_run("works", state="succeeded")))
    cache.set_jobs_watched("*", current=False)
    assert doubted(cache) == {"new", "works"}
    assert {run.uid for run in cache.set_jobs_watched("*", current=True)} == {"new", "works"}
    assert doubted(cache) == set()
    cache.apply(Change(CODERUNS, "*", "later", a_run("later")))
    assert doubted(cache) == set()


def test_only_the_namespaces_whose_jobs_cannot_be_followed_are_doubtful():
    """One Role may be missing, and the others not."""
    cache = ObjectCache(thresholds=Thresholds(), all_namespaces=False)
    cache.set_jobs_watched("m", current=False)
    cache.apply(Change(CODERUNS, "n", "r", a_run("r")))
    assert doubted(cache) == set()
    cache.set_jobs_watched("n", current=False)
    cache.apply(Change(CODERUNS, "n", "s", a_run("s")))
    assert doubted(cache) == {"s"}


def test_a_configmap_never_leaves():
    """It is required whether it exists or not."""
    cache = a_cluster(retention=1.0)
    cache.advance(1e12)
    assert cache.is_exposed(ConfigMap(uid="n/c", namespace="n", name="c"))


def test_the_thresholds_that_apply():
    """The object's own, its agent's, the default; zero is a threshold and not a gap."""
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
def test_the_default_run_time_limit_is_not_for_the_jobs_of_long_lived_runs(job, thresholds, limit):
    """What is set for the Job or for its agent is."""
    cache = a_cluster(runs=[a_run(agent="warm", long_lived=True)], jobs=[found := a_job(**job)], **thresholds)
    assert cache.max_runtime_of(found) == limit


def test_a_configmap_that_was_not_read_is_neither_well_nor_ill():
    """Whatever else its record says."""
    item = ConfigMap(uid="n/c", namespace="n", name="c", read=False)
    assert (item.healthy, item.problems) == (None, [])


def test_a_job_in_another_namespace_is_nobodys():
    """Else a stranger's Job with a run's UID would hide that the run has none."""
    cache = a_cluster(runs=[run := a_run()], jobs=[job := a_job(namespace="other")])
    assert cache.run_of(job) is None
    assert cache.newest_job(run) is None


def test_a_clock_that_is_set_back_brings_back_what_left_too_early():
    """By the time that is right then; the rest stays away."""
    early, late = a_run(uid="early", state="failed", finished=100.0), a_run(state="succeeded", finished=200.0)
    cache = a_cluster(runs=[early, late])
    assert cache.advance(1e9) == {Key(CODERUNS, "early"), Key(CODERUNS, "r")}
    assert cache.advance(150.0 + cache.thresholds.retention) == {Key(CODERUNS, "r")}
    assert (cache.is_exposed(early), cache.is_exposed(late)) == (False, True)
    assert cache.advance(200.0 + cache.thresholds.retention) == {Key(CODERUNS, "r")}


def test_changes_that_leave_an_end_alone_are_not_noted_again():
    """The notes would grow with every event, for hours."""
    cache = a_cluster(runs=[a_run(state="succeeded", finished=100.0)], jobs=[a_job(result="failed", finished=90.0)])
    before = len(cache._retention._ends)
    for attempt in range(5):
        cache.apply(Change(CODERUNS, "*", "r", a_run(state="succeeded", finished=100.0, attempt=attempt)))
        cache.apply(Change(JOBS, "*", "j", a_job(result="failed", finished=90.0, version=attempt)))
    assert len(cache._retention._ends) == before


@pytest.mark.parametrize("seed", range(20))
def test_the_newest_of_many_jobs_is_known_after_any_change(seed):
    """What is remembered of it is what a look at all of them would give."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible sequence
    run = a_run()
    cache = a_cluster(runs=[run])
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
