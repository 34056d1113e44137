"""Pods that runs take by their names: those of a pool outlive the runs that they work for."""

from exporter.profiles.language import Worker
from tests.objects import CREATED, stamp
from tests.profiles.listed import a_pod
from tests.profiles.test_pods import a_task, made

POOL = Worker(is_="Pod", selector="pool", named=".status.podName", shared=True)


def a_pool_pod(name="w"):
    """A Pod that outlives its tasks."""
    return a_pod(name, created=stamp(CREATED - 500_000), labels={"pool": "x"}, ownerReferences=[])


def test_a_shared_pod_is_exposed_while_an_open_run_names_it_and_starts_with_that_run():
    """Its own age says nothing; with another run it begins anew, and without one it is no worker."""
    task = a_task(status={"podName": "w", "startTime": stamp(CREATED + 20)})
    listed = made(task, a_pool_pod(), a_pool_pod("idle"), worker=POOL)
    assert [(own["job_name"], value) for own, value in listed.values("job_start_time")] == [("w", CREATED + 20)]
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == ["w"]
    [(info, _)] = listed.values("job_info")
    assert (info["coderun"], info["kind"], info["worker"]) == ("t", "Task", "Pod")
    listed.put(a_task(phase="Completed", status={"podName": "w"}))
    assert listed.values("job_active") == listed.values("job_hang_cause") == []
    listed.put(a_task("u", created=CREATED + 50, status={"podName": "w", "startTime": stamp(CREATED + 55)}))
    assert [(own["job_name"], value) for own, value in listed.values("job_start_time")] == [("w", CREATED + 55)]
    assert [own["coderun"] for own, _ in listed.values("job_info")] == ["u"]
    assert listed.history_text().count("jobs_finished_total{") == 3  # at 0: none of them has finished


def test_a_run_that_names_no_pod_yet_or_one_that_is_gone_lacks_it():
    """By name, in its own namespace."""
    elsewhere = a_pool_pod() | {"metadata": a_pool_pod()["metadata"] | {"namespace": "m"}}
    listed = made(a_task("none"), a_task("gone", status={"podName": "w"}), elsewhere, worker=POOL)
    assert {own["coderun"] for own, _ in listed.values("coderun_job_name", job_name="")} == {"none", "gone"}
    assert [own["detail"] for own, _ in listed.values("coderun_stall_cause", cause="job_missing")] == [
        "status names Pod w, which does not exist"
    ]
    assert listed.values("job_active") == []


def test_a_named_pod_that_is_not_shared_has_the_life_of_its_run():
    """Whatever controls it; its run is over, and it lives."""
    worker = Worker(is_="Pod", selector="pool", named=".status.podName")
    task = a_task(phase="Completed", status={"podName": "w"})
    listed = made(task, a_pool_pod(), worker=worker)
    assert [own["cause"] for own, _ in listed.values("job_hang_cause")] == ["run_already_finished"]
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == ["w"]


def test_another_list_of_the_same_changes_nothing():
    """Also of Pods that runs find by their names, in whichever order the lists come."""
    task = a_task(status={"podName": "w", "startTime": stamp(CREATED + 20)})
    listed = made(task, a_pool_pod(), worker=POOL)
    page = listed.text()
    listed.list_all()
    assert listed.text() == page
    late = made(worker=POOL)
    late.put(a_pool_pod(), task)
    assert sorted(late.text().splitlines()) == sorted(page.splitlines())
    late.put(a_task(status={"podName": "v"}))
    assert late.values("job_active") == []
