"""Worker Pods where something is wrong: lists that fail, names that are not unique, and Pods of others."""

import pytest

from exporter.profiles import Profile
from exporter.profiles.language import Worker
from tests.objects import CREATED, a_job, raw, stamp
from tests.profiles.listed import Listed, a_settings
from tests.profiles.test_pods import STATES, a_profile, a_task, made, pod


def test_pods_that_cannot_be_listed_hide_no_job():
    """Also after a restart: Jobs are exposed, however often the list of Pods fails."""
    listed = made(a_task(), a_job(of=a_task(), name="j"), unread=("pods",))
    index = next(index for index, feed in enumerate(listed.feeds) if feed.resource == "pods")
    for _ in range(3):
        listed.fail(index, "unreachable")
    assert [own["job_name"] for own, _ in listed.values("job_active")] == ["j"]
    assert listed.values("coderun_job_name") == []


@pytest.mark.parametrize("finished", ["p", "q"])
def test_of_several_pods_the_one_that_works_is_the_runs(finished):
    """A Pod that ends before the others is no end of the run."""
    task = a_task()
    listed = made(task, *(pod(name, of=task, phase="Succeeded" if name == finished else "Running") for name in "pq"))
    (working,) = {"p", "q"} - {finished}
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == [working]
    listed.put(pod(working, of=task, phase="Succeeded"))
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == ["q"]


def test_where_runs_name_pods_kinds_with_different_selectors_share_one_list():
    """A Pod in the lists of two kinds would be a worker twice, and its series those of the wrong one."""
    other = Profile(
        resource="jobs.v1.example.com",
        kind="Run",
        state=STATES,
        worker=Worker(is_="Pod", selector="pool", named=".status.podName"),
    )
    task = a_task()
    listed = Listed(
        a_settings(other, a_profile(Worker(is_="Pod", selector="app"))),
        task,
        pod(of=task, labels={"app": "x", "pool": "y"}),
        now=CREATED + 60,
    )
    assert [own["coderun"] for own, _ in listed.values("job_info")] == ["task/t"]
    assert [feed.params for feed in listed.feeds if feed.resource == "pods"] == [{}]


@pytest.mark.timeout(5)
def test_a_pattern_of_containers_takes_no_time_on_a_hostile_name():
    """A tenant names the containers."""
    task = a_task()
    worker = Worker(is_="Pod", selector="app", container="*-*-*-*-*-*-*-*-*-*-*-x")
    listed = made(task, pod(of=task, containers=("-" * 60 + "a",)), worker=worker)
    assert listed.values("job_hang_cause") == []


def test_a_job_of_a_run_is_not_superseded_by_its_pod():
    """A Pod is no newer Job."""
    task = a_task()
    listed = made(task, a_job(of=task, name="j"), pod(of=task, created=stamp(CREATED + 20)))
    assert listed.values("job_hang_cause") == []


def test_a_pod_of_another_namespace_explains_nothing():
    """Its ownerReference may name any UID."""
    task = a_task()
    listed = made(task, pod(of=task, namespace="m", deletionTimestamp=stamp(CREATED + 20)))
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == [""]
    assert listed.values("coderun_stall_cause", cause="job_deleting") == []


def test_a_pod_with_the_name_of_a_job_has_no_series_while_that_job_exists():
    """Two objects never share series: whoever may create Pods would end the alerts of any Job."""
    victim, task = a_task("victim"), a_task()
    job, same = a_job(of=victim, name="p"), pod("p", of=task)
    for objects in ((victim, task, job, same), (same, job, task, victim)):
        listed = made()
        listed.put(*objects)
        assert [own["uid"] for own, _ in listed.values("job_info")] == ["job-j"]
        assert [own["coderun"] for own, _ in listed.values("coderun_job_name")] == ["victim"]
        assert len(listed.values("job_start_time")) == 1
        listed.delete(job)
        assert [own["uid"] for own, _ in listed.values("job_info")] == ["pod-p"]
        assert [(own["coderun"], own["job_name"]) for own, _ in listed.values("coderun_job_name", job_name="p")] == [
            ("t", "p")
        ]
        listed.put(job)
        assert [own["uid"] for own, _ in listed.values("job_info")] == ["job-j"]
        assert [own["job_name"] for own, _ in listed.values("coderun_job_name", coderun="t")] == []
        listed.list_all()
        assert [own["uid"] for own, _ in listed.values("job_info")] == ["job-j"]


def test_a_hidden_pod_has_one_log_line(caplog):
    """Whichever of the two comes first, in a list or an event, and however often either changes."""
    victim, task = a_task("victim"), a_task()
    job, same = a_job(of=victim, name="p"), pod("p", of=task)
    line = "Pod is not exposed: a Job has the same name"

    def logged():
        return [(one.namespace, one.pod, one.run) for one in caplog.records if one.getMessage() == line]

    for objects in ((victim, task, job, same), (same, job, task, victim)):
        caplog.clear()
        made(*objects)
        assert logged() == [("n", "p", "t")]
        caplog.clear()
        listed = made()
        listed.put(*objects)
        assert logged() == [("n", "p", "t")]
        listed.put(pod("p", of=task, phase="Succeeded"), a_job(of=victim, name="p", active=0))
        listed.list_all()
        listed.delete(job)
        listed.put(job)
        assert len(logged()) == 1
        listed.delete(same)
        listed.put(same)
        assert len(logged()) == 2
    caplog.clear()
    made(victim, task, job, pod("q", of=task))
    assert logged() == []


def test_a_kind_that_cannot_be_listed_hides_no_other():
    """A broken conversion webhook of one CRD, after a restart; the main kind is read."""
    settings = a_settings(a_profile(Worker(is_="Pod", selector="app")), "sandboxes.agents.x-k8s.io")
    listed = Listed(settings, a_task(), now=CREATED + 60, unread=("coderuns",))
    main, other = (index for index, feed in enumerate(listed.feeds) if feed.resource == "coderuns")
    listed.fail(other, "unreachable")
    assert listed.values("coderun_state") == []
    listed.read(main)
    assert [own["coderun"] for own, _ in listed.values("coderun_state")] == ["t"]


def test_of_a_list_that_comes_later_no_part_is_shown():
    """Rules that count would see the one half of it."""
    task = a_task()
    listed = made(task, unread=("pods",))
    records = {}
    source = next(one for one, feed in zip(listed.sources, listed.feeds, strict=True) if feed.resource == "pods")
    for number in range(300):
        record = source.decode(raw(pod(f"p{number}", of=task))).record
        records[record.uid] = record
    (feed,) = [feed for feed in listed.feeds if feed.resource == "pods"]
    loading = listed.store.replace_in_slices("jobs", feed.partition, records)
    next(loading)
    assert listed.values("job_info") == listed.values("coderun_job_name") == []
    for _ in loading:
        pass
    assert len(listed.values("job_info")) == 300


def test_a_run_that_names_a_pod_that_was_there_before_counts_its_creation():
    """A controller creates the Pod, and then writes its name into the status."""
    worker = Worker(is_="Pod", selector="app", named=".status.podName")
    listed = made(worker=worker)
    listed.put(a_task(), pod(ownerReferences=[]))
    created = 'coderun_job_creations_total{namespace="n",result="created"}'
    assert f"{created} 0.0" in listed.history_text()
    listed.put(a_task(status={"podName": "p"}))
    assert f"{created} 1.0" in listed.history_text()
    listed.put(a_task(phase="Completed", status={"podName": "p"}))
    assert f"{created} 1.0" in listed.history_text()
