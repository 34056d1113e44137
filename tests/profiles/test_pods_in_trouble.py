"""Worker Pods in case of errors: failing lists, duplicate names, and Pods of other users."""

import pytest

from exporter.profiles import Profile
from exporter.profiles.language import Worker
from tests.objects import CREATED, a_job, raw, stamp
from tests.profiles.listed import ListedExporter, a_settings
from tests.profiles.test_pods import STATES, a_profile, a_task, an_exporter, pod


def test_a_failing_list_of_pods_hides_no_job():
    """This also holds after a restart of the exporter."""
    exporter = an_exporter(a_task(), a_job(of=a_task(), name="j"), unread=("pods",))
    index = next(index for index, informer in enumerate(exporter.informers) if informer.resource == "pods")
    for _ in range(3):
        exporter.fail(index, "unreachable")
    assert [own["job_name"] for own, _ in exporter.values("job_active")] == ["j"]
    assert exporter.values("coderun_job_name") == []


@pytest.mark.parametrize("finished", ["p", "q"])
def test_the_unfinished_pod_of_a_run_has_precedence(finished):
    """A Pod that finishes before the others does not finish the run."""
    task = a_task()
    exporter = an_exporter(
        task, *(pod(name, of=task, phase="Succeeded" if name == finished else "Running") for name in "pq")
    )
    (working,) = {"p", "q"} - {finished}
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == [working]
    exporter.put(pod(working, of=task, phase="Succeeded"))
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == ["q"]


def test_if_runs_name_their_pods_all_kinds_share_one_list():
    """Otherwise a Pod in the lists of two kinds would be exposed twice, once for the wrong run."""
    other = Profile(
        resource="jobs.v1.example.com",
        kind="Run",
        state=STATES,
        worker=Worker(is_="Pod", selector="pool", named=".status.podName"),
    )
    task = a_task()
    exporter = ListedExporter(
        a_settings(other, a_profile(Worker(is_="Pod", selector="app"))),
        task,
        pod(of=task, labels={"app": "x", "pool": "y"}),
        now=CREATED + 60,
    )
    assert [own["coderun"] for own, _ in exporter.values("job_info")] == ["task/t"]
    assert [informer.params for informer in exporter.informers if informer.resource == "pods"] == [{}]


@pytest.mark.timeout(5)
def test_a_container_pattern_takes_no_time_for_a_hostile_name():
    """Tenants choose the names of containers."""
    task = a_task()
    worker = Worker(is_="Pod", selector="app", container="*-*-*-*-*-*-*-*-*-*-*-x")
    exporter = an_exporter(task, pod(of=task, containers=("-" * 60 + "a",)), worker=worker)
    assert exporter.values("job_hang_cause") == []


def test_a_job_is_not_superseded_by_a_pod_of_its_run():
    """Only a newer Job supersedes a Job."""
    task = a_task()
    exporter = an_exporter(task, a_job(of=task, name="j"), pod(of=task, created=stamp(CREATED + 20)))
    assert exporter.values("job_hang_cause") == []


def test_a_pod_of_another_namespace_is_ignored():
    """Its ownerReference can name any UID."""
    task = a_task()
    exporter = an_exporter(task, pod(of=task, namespace="m", deletionTimestamp=stamp(CREATED + 20)))
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == [""]
    assert exporter.values("coderun_stall_cause", cause="job_deleting") == []


def test_a_pod_with_the_name_of_a_job_is_not_exposed_while_the_job_exists():
    """The series of two objects must not be equal. Otherwise a Pod could resolve the alerts about any Job."""
    victim, task = a_task("victim"), a_task()
    job, same = a_job(of=victim, name="p"), pod("p", of=task)
    for objects in ((victim, task, job, same), (same, job, task, victim)):
        exporter = an_exporter()
        exporter.put(*objects)
        assert [own["uid"] for own, _ in exporter.values("job_info")] == ["job-j"]
        assert [own["coderun"] for own, _ in exporter.values("coderun_job_name")] == ["victim"]
        assert len(exporter.values("job_start_time")) == 1
        exporter.delete(job)
        assert [own["uid"] for own, _ in exporter.values("job_info")] == ["pod-p"]
        assert [
            (own["coderun"], own["job_name"]) for own, _ in exporter.values("coderun_job_name", job_name="p")
        ] == [("t", "p")]
        exporter.put(job)
        assert [own["uid"] for own, _ in exporter.values("job_info")] == ["job-j"]
        assert [own["job_name"] for own, _ in exporter.values("coderun_job_name", coderun="t")] == []
        exporter.list_all()
        assert [own["uid"] for own, _ in exporter.values("job_info")] == ["job-j"]


def test_a_pod_that_is_not_exposed_is_logged_once(caplog):
    """Either object may be first, in a list or a watch, and later changes are not logged."""
    victim, task = a_task("victim"), a_task()
    job, same = a_job(of=victim, name="p"), pod("p", of=task)
    line = "Pod is not exposed: a Job has the same name"

    def logged():
        return [(one.namespace, one.pod, one.run) for one in caplog.records if one.getMessage() == line]

    for objects in ((victim, task, job, same), (same, job, task, victim)):
        caplog.clear()
        an_exporter(*objects)
        assert logged() == [("n", "p", "t")]
        caplog.clear()
        exporter = an_exporter()
        exporter.put(*objects)
        assert logged() == [("n", "p", "t")]
        exporter.put(pod("p", of=task, phase="Succeeded"), a_job(of=victim, name="p", active=0))
        exporter.list_all()
        exporter.delete(job)
        exporter.put(job)
        assert len(logged()) == 1
        exporter.delete(same)
        exporter.put(same)
        assert len(logged()) == 2
    caplog.clear()
    an_exporter(victim, task, job, pod("q", of=task))
    assert logged() == []


def test_a_kind_that_cannot_be_listed_does_not_hide_the_others():
    """For example, the conversion webhook of one CRD fails during a restart of the exporter."""
    settings = a_settings(a_profile(Worker(is_="Pod", selector="app")), "sandboxes.agents.x-k8s.io")
    exporter = ListedExporter(settings, a_task(), now=CREATED + 60, unread=("coderuns",))
    main, other = (index for index, informer in enumerate(exporter.informers) if informer.resource == "coderuns")
    exporter.fail(other, "unreachable")
    assert exporter.values("coderun_state") == []
    exporter.list_resource(main)
    assert [own["coderun"] for own, _ in exporter.values("coderun_state")] == ["t"]


def test_a_list_that_completes_later_is_exposed_all_at_once():
    """Otherwise alert rules would count a part of its objects."""
    task = a_task()
    exporter = an_exporter(task, unread=("pods",))
    records = {}
    source = next(
        one for one, informer in zip(exporter.sources, exporter.informers, strict=True) if informer.resource == "pods"
    )
    for number in range(300):
        record = source.decode(raw(pod(f"p{number}", of=task))).record
        records[record.uid] = record
    (informer,) = [informer for informer in exporter.informers if informer.resource == "pods"]
    loading = exporter.store.replace_in_slices("jobs", informer.partition, records)
    next(loading)
    assert exporter.values("job_info") == exporter.values("coderun_job_name") == []
    for _ in loading:
        pass
    assert len(exporter.values("job_info")) == 300


def test_a_job_creation_is_counted_when_the_run_names_the_pod():
    """The controller first creates the Pod, and then writes its name into the status of the run."""
    worker = Worker(is_="Pod", selector="app", named=".status.podName")
    exporter = an_exporter(worker=worker)
    exporter.put(a_task(), pod(ownerReferences=[]))
    created = 'coderun_job_creations_total{namespace="n",result="created"}'
    assert f"{created} 0.0" in exporter.history_text()
    exporter.put(a_task(status={"podName": "p"}))
    assert f"{created} 1.0" in exporter.history_text()
    exporter.put(a_task(phase="Completed", status={"podName": "p"}))
    assert f"{created} 1.0" in exporter.history_text()
