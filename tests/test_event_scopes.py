"""The namespaces in which Events are watched, while runs open and finish."""

from exporter.event_scopes import EventScopes, open_since
from tests.cache.test_object_cache import a_cache, a_job, a_run


def namespaces_with_runs(number, *, begin=0):
    """`number` namespaces with the creation time of their oldest open run. The first has the oldest run."""
    return {f"n{at:03}": float(at) for at in range(begin, begin + number)}


def test_namespaces_with_open_runs_or_unfinished_jobs_are_candidates():
    """Each has the creation time of its oldest open run or Job."""
    runs = [a_run("a", created=5.0), a_run("b", created=3.0), a_run("c", created=1.0, state="failed")]
    cache = a_cache(runs=runs, jobs=[a_job(created=4.0), a_job("k", created=2.0, result="failed")])
    assert open_since(cache) == {"n": 3.0}


def test_up_to_twenty_namespaces_are_watched_one_by_one():
    """With 21 namespaces, all namespaces are watched. Until that list completes, the other watches remain."""
    scopes = EventScopes(fixed=False)
    assert scopes.update(namespaces_with_runs(20), now=0, whole="") == namespaces_with_runs(20).keys()
    assert scopes.update(namespaces_with_runs(21), now=5, whole="") == {*namespaces_with_runs(20), "*"}
    assert scopes.unwatched == 1
    assert scopes.update(namespaces_with_runs(21), now=10, whole="pending") == {*namespaces_with_runs(20), "*"}
    assert scopes.update(namespaces_with_runs(21), now=15, whole="synced") == {"*"}
    assert scopes.unwatched == 0


def test_if_all_namespaces_are_forbidden_the_twenty_with_the_oldest_runs_are_watched():
    """`unwatched` is the number of the other namespaces."""
    scopes = EventScopes(fixed=False)
    scopes.update(namespaces_with_runs(50), now=0, whole="")
    assert scopes.update(namespaces_with_runs(50), now=5, whole="refused") == {*namespaces_with_runs(20), "*"}
    assert scopes.unwatched == 30


def test_if_the_settings_name_namespaces_a_watch_of_all_is_never_started():
    """The generated role does not permit it."""
    scopes = EventScopes(fixed=True)
    assert scopes.update(namespaces_with_runs(50), now=0, whole="") == namespaces_with_runs(20).keys()
    assert scopes.unwatched == 30


def test_a_watch_stays_for_ten_minutes_after_the_last_open_run():
    """Otherwise the watch would have to list again whenever a run opens."""
    scopes = EventScopes(fixed=False)
    scopes.update(namespaces_with_runs(1), now=0, whole="")
    assert scopes.update({}, now=599, whole="") == {"n000"}
    assert scopes.update(namespaces_with_runs(1), now=599, whole="") == {"n000"}
    assert scopes.update({}, now=1198, whole="") == {"n000"}
    assert scopes.update({}, now=1199, whole="") == set()


def test_a_namespace_without_open_runs_is_replaced_by_one_with_open_runs():
    """The replacement does not wait for the ten minutes."""
    scopes = EventScopes(fixed=True)
    scopes.update(namespaces_with_runs(20), now=0, whole="")
    assert (
        scopes.update(namespaces_with_runs(20, begin=1), now=5, whole="") == namespaces_with_runs(20, begin=1).keys()
    )


def test_a_watch_of_all_namespaces_remains_until_few_namespaces_had_open_runs_for_ten_minutes():
    """Near the limit, the exporter does not alternate between one watch and many."""
    scopes = EventScopes(fixed=False)
    scopes.update(namespaces_with_runs(21), now=0, whole="")
    for now in range(5, 2000, 5):
        number = 21 if now % 2 else 11
        assert scopes.update(namespaces_with_runs(number), now=now, whole="synced") == {"*"}
    assert scopes.update(namespaces_with_runs(10), now=2590, whole="synced") == {"*"}
    assert scopes.update(namespaces_with_runs(10), now=2595, whole="synced") == {*namespaces_with_runs(10)}


def test_an_older_run_replaces_a_younger_one_only_if_it_is_ten_minutes_older():
    """Otherwise two namespaces would alternate as their runs finish."""
    scopes = EventScopes(fixed=True)
    watched = {f"w{at}": 1000.0 for at in range(20)}
    scopes.update(watched, now=2000, whole="")
    assert "near" not in scopes.update(watched | {"near": 401.0}, now=2005, whole="")
    assert "far" in scopes.update(watched | {"far": 399.0}, now=2010, whole="")
    assert scopes.unwatched == 1
