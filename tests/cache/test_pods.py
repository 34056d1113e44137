"""The Pods of Jobs in the cache: they are joined with their Job in any order, and other Pods are limited."""

from exporter.cache import JOBS, Change, Event, Pod
from tests.cache.test_object_cache import a_cache, a_job, a_run


def a_pod(uid="p", *, owner="j", namespace="n", created=1.0, **fields):
    """The record of a Pod."""
    return Pod(uid=uid, namespace=namespace, name=uid, owner=owner, created=created, phase="Pending", **fields)


def an_event(about, *, last=1.0, namespace="n"):
    """The record of an Event."""
    return Event(
        uid=f"event-{about}",
        namespace=namespace,
        about=about,
        about_kind="Pod",
        about_name=about,
        reason="Failed",
        note="words",
        first=last,
        last=last,
    )


def names(cache, job):
    """The names of the Pods of a Job."""
    return [pod.name for pod in cache.pods_of(job)]


def test_the_pods_of_a_job_are_ordered_by_creation():
    """Pods of another namespace do not belong to it, because an ownerReference can name any UID."""
    job = a_job()
    cache = a_cache(runs=[a_run()], jobs=[job])
    for pod in (a_pod("b", created=2.0), a_pod("a", created=3.0), a_pod("x", namespace="m"), a_pod("y", owner="k")):
        cache.put_pod("*", pod.uid, pod)
    assert names(cache, job) == ["b", "a"]
    cache.put_pod("*", "b", None)
    cache.put_pod("*", "a", a_pod("a", owner="k"))
    assert names(cache, job) == []


def test_the_pod_of_a_worker_pod_is_itself():
    """If a Pod takes the place of a Job, its record contains the Pod."""
    pod = a_pod(owner="")
    cache = a_cache(jobs=[job := a_job(is_pod=True, pod=pod)])
    assert [*cache.pods_of(job)] == [pod]
    assert cache.pods_known(job)
    assert [*cache.pods_of(a_job(is_pod=True))] == []


def test_pods_are_known_once_they_have_been_listed():
    """Pods of a Job with a manual selector are unknown: they may lack the label of the list."""
    cache = a_cache(jobs=[job := a_job()])
    cache.put_pod("*", "p", a_pod())
    assert not cache.pods_known(job)
    cache.pods.set_known("*", known=True)
    assert cache.pods_known(job)
    assert not cache.pods_known(a_job(manual_selector=True))


def test_pods_whose_job_is_not_known_yet_are_cached():
    """Only the newest 1,000: most belong to Jobs that are not exposed and never become known."""
    cache = a_cache()
    for number in range(1500):
        cache.put_pod("*", f"p{number}", a_pod(f"p{number}", owner=f"j{number}"))
    assert len(cache.pods) == cache.pods.count("*") == 1000
    first, last = a_job("j0"), a_job("j1499")
    for job in (first, last):
        cache.apply(Change(JOBS, "*", job.uid, job))
    assert (names(cache, first), names(cache, last)) == ([], ["p1499"])
    for number in range(2000, 4000):
        cache.put_pod("*", f"p{number}", a_pod(f"p{number}", owner=f"j{number}"))
    assert names(cache, last) == ["p1499"]
    cache.apply(Change(JOBS, "*", last.uid, None))
    for number in range(4000, 6000):
        cache.put_pod("*", f"p{number}", a_pod(f"p{number}", owner=f"j{number}"))
    assert cache.pods.get("p1499") is None
    assert len(cache.pods) == 1000


def test_events_about_a_pod_are_cached_while_its_job_is_open():
    """The Event may arrive before its Pod, and the Pod before its Job."""
    cache = a_cache(runs=[a_run()])
    assert cache.events.admit("p", "n", lambda: an_event("p")) is None
    cache.put_pod("*", "p", a_pod())
    assert [*cache.events_about("p")] == []
    cache.apply(Change(JOBS, "*", "j", job := a_job()))
    assert [*cache.events_about("p")] == [an_event("p")]
    cache.apply(Change(JOBS, "*", "j", a_job(result="failed")))
    assert cache.events.admit("p", "n", lambda: an_event("p")) is None
    assert [*cache.events_about("p")] == [an_event("p")]
    cache.put_pod("*", "p", None)
    assert [*cache.events_about("p")] == []
    assert job.result == ""


def test_a_cycle_of_owners_does_not_cause_a_loop():
    """A Pod controls the Job that controls the Pod."""
    job = a_job("j", owner="p")
    cache = a_cache(jobs=[job])
    cache.put_pod("*", "p", a_pod("p", owner="j"))
    assert names(cache, job) == ["p"]
    assert cache.run_of(job) is None


def test_a_pod_is_joined_with_the_job_that_its_label_names():
    """Either may be known first. A later Job of the same name does not get the Pod."""
    pod = a_pod(owner="@n/j")
    for job_first in (True, False):
        cache = a_cache()
        job = Change(JOBS, "*", "uid-j", a_job("uid-j", name="j"))
        if job_first:
            cache.apply(job)
        cache.put_pod("*", "p", cache.with_owner_uid(pod))
        cache.apply(job)
        assert names(cache, job.record) == ["p"]
        cache.apply(job._replace(record=None))
        cache.apply(Change(JOBS, "*", "other", other := a_job("other", name="j")))
        assert names(cache, other) == []


def test_a_pod_that_names_the_job_belongs_to_it_only_if_the_job_controls_none():
    """A Pod for debugging may have copied the labels of the real one."""
    cache = a_cache()
    cache.apply(Change(JOBS, "*", "uid-j", job := a_job("uid-j", name="j")))
    cache.put_pod("*", "debug", cache.with_owner_uid(a_pod("debug", owner="@n/j", named=True)))
    assert names(cache, job) == ["debug"]
    cache.put_pod("*", "p", a_pod("p", owner="uid-j"))
    assert names(cache, job) == ["p"]


def test_an_event_of_another_namespace_is_ignored():
    """Its author could name the UID of any object. Events about Pods of no run are ignored as well."""
    cache = a_cache(runs=[a_run()], jobs=[a_job(), a_job("idle", is_named=True, is_pod=True, owner="@n/idle")])
    cache.put_pod("*", "p", a_pod())
    for uid in ("r", "j", "p"):
        assert cache.events.admit(uid, "n", lambda uid=uid: an_event(uid)) == an_event(uid)
        assert cache.events.admit(uid, "m", lambda uid=uid: an_event(uid)) is None
    assert cache.events.admit("idle", "n", lambda: an_event("idle")) is None
    assert cache.events.admit("late", "m", lambda: an_event("late", namespace="m")) is None
    cache.apply(Change(JOBS, "*", "late", a_job("late")))
    assert [*cache.events_about("late")] == []
