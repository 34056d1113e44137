"""Pods that the status of a run names. A Pod of a pool works for one run after the other."""

from exporter.profiles.language import Worker
from tests.objects import CREATED, stamp
from tests.profiles.listed import a_pod
from tests.profiles.test_pods import a_task, an_exporter

POOL = Worker(is_="Pod", selector="pool", named=".status.podName", shared=True)


def a_pool_pod(name="w"):
    """A Pod of a pool, which is older than its runs."""
    return a_pod(name, created=stamp(CREATED - 500_000), labels={"pool": "x"}, ownerReferences=[])


def test_a_shared_pod_is_exposed_while_an_open_run_names_it():
    """Its start time is that of the run. With the next run it is another; without a run the Pod is not exposed."""
    task = a_task(status={"podName": "w", "startTime": stamp(CREATED + 20)})
    exporter = an_exporter(task, a_pool_pod(), a_pool_pod("idle"), worker=POOL)
    assert [(own["job_name"], value) for own, value in exporter.values("job_start_time")] == [("w", CREATED + 20)]
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == ["w"]
    [(info, _)] = exporter.values("job_info")
    assert (info["coderun"], info["kind"], info["worker"]) == ("t", "Task", "Pod")
    exporter.put(a_task(phase="Completed", status={"podName": "w"}))
    assert exporter.values("job_active") == exporter.values("job_hang_cause") == []
    exporter.put(a_task("u", created=CREATED + 50, status={"podName": "w", "startTime": stamp(CREATED + 55)}))
    assert [(own["job_name"], value) for own, value in exporter.values("job_start_time")] == [("w", CREATED + 55)]
    assert [own["coderun"] for own, _ in exporter.values("job_info")] == ["u"]
    assert exporter.history_text().count("jobs_finished_total{") == 3  # with the value 0: no Job has finished


def test_a_run_that_names_no_existing_pod_has_none():
    """The Pod is looked up by its name in the namespace of the run."""
    elsewhere = a_pool_pod() | {"metadata": a_pool_pod()["metadata"] | {"namespace": "m"}}
    exporter = an_exporter(a_task("none"), a_task("gone", status={"podName": "w"}), elsewhere, worker=POOL)
    assert {own["coderun"] for own, _ in exporter.values("coderun_job_name", job_name="")} == {"none", "gone"}
    assert [own["detail"] for own, _ in exporter.values("coderun_stall_cause", cause="job_missing")] == [
        "status names Pod w, which does not exist"
    ]
    assert exporter.values("job_active") == []


def test_a_named_pod_that_is_not_shared_must_end_with_its_run():
    """Its controller does not matter. If its run has finished, the running Pod has a hang cause."""
    worker = Worker(is_="Pod", selector="pool", named=".status.podName")
    task = a_task(phase="Completed", status={"podName": "w"})
    exporter = an_exporter(task, a_pool_pod(), worker=worker)
    assert [own["cause"] for own, _ in exporter.values("job_hang_cause")] == ["run_already_finished"]
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == ["w"]


def test_a_relist_of_the_same_objects_changes_nothing():
    """This also holds for Pods that runs name, and the order of the lists does not matter."""
    task = a_task(status={"podName": "w", "startTime": stamp(CREATED + 20)})
    exporter = an_exporter(task, a_pool_pod(), worker=POOL)
    page = exporter.text()
    exporter.list_all()
    assert exporter.text() == page
    late = an_exporter(worker=POOL)
    late.put(a_pool_pod(), task)
    assert sorted(late.text().splitlines()) == sorted(page.splitlines())
    late.put(a_task(status={"podName": "v"}))
    assert late.values("job_active") == []
