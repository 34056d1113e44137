"""Pods that are the workers of runs: their lists, their runs and their metrics."""

import pytest

from exporter.profiles import Profile
from exporter.profiles.language import StateRule, Times, Worker
from tests.objects import CREATED, a_job, stamp
from tests.profiles.listed import ListedExporter, a_pod, a_settings, controlled_by

KUBEOPENCODE = "tasks.kubeopencode.io"
STATES = (StateRule(waiting=("Queued",), open=("absent", "Running"), succeeded=("Completed",), failed=("Failed",)),)


def a_profile(worker, **other):
    """A kind of runs with this worker."""
    return Profile(resource="tasks.v1.example.com", kind="Task", state=STATES, worker=worker, **other)


def a_task(name="t", *, api_version="example.com/v1", phase="Running", created=CREATED, status=None, **meta):
    """A run of the kind Task."""
    return {
        "apiVersion": api_version,
        "kind": "Task",
        "metadata": {"name": name, "namespace": "n", "uid": f"task-{name}", "creationTimestamp": stamp(created)}
        | meta,
        "status": {"phase": phase} | (status or {}),
    }


def an_exporter(*objects, worker=None, now=CREATED + 60, unread=(), **other):
    """An exporter that has listed these objects, for Tasks with this worker."""
    profile = a_profile(worker or Worker(is_="Pod", selector="app"), times=Times(started=".status.startTime"))
    return ListedExporter(a_settings(profile, **other), *objects, now=now, unread=unread)


def pod(name="p", **fields):
    """A Pod that the selector `app` matches."""
    return a_pod(name, **({"created": stamp(CREATED + 5), "labels": {"app": "x"}} | fields))


def test_pods_are_listed_only_for_kinds_whose_workers_are_pods():
    """The selector of the profile and the label selector of the settings are combined."""
    assert [
        informer
        for informer in ListedExporter(a_settings("coderuns.agents.platform"), now=1.0).informers
        if informer.resource == "pods"
    ] == []
    exporter = ListedExporter(a_settings(KUBEOPENCODE, namespaces=("a", "b"), label_selector="team=x"), now=1.0)
    assert [
        (informer.name, informer.path, informer.params)
        for informer in exporter.informers
        if informer.resource == "pods"
    ] == [
        (
            f"pods {name}/kubeopencode.io/task",
            f"/api/v1/namespaces/{name}/pods",
            {"labelSelector": "team=x,kubeopencode.io/task"},
        )
        for name in "ab"
    ]


def test_each_pod_selector_has_its_own_list():
    """Equal selectors share a list. A worker without a selector needs a list of all Pods, which replaces others."""

    def lists(*kinds):
        return [
            informer.params
            for informer in ListedExporter(a_settings(*kinds), now=1.0).informers
            if informer.resource == "pods"
        ]

    other = Profile(resource="jobs.v1.example.com", kind="Run", state=STATES, worker=Worker(is_="Pod", selector="b"))
    assert lists(a_profile(Worker(is_="Pod", selector="a")), other) == [
        {"labelSelector": "a"},
        {"labelSelector": "b"},
    ]
    assert lists(a_profile(Worker(is_="Pod", selector="b")), other) == [{"labelSelector": "b"}]
    assert lists(a_profile(Worker(is_="Pod")), other) == [{}]


def test_a_worker_pod_has_the_series_of_a_job_with_its_own_name():
    """It belongs to the run that controls it. A Pod that no run controls is not exposed."""
    task = a_task()
    other = a_pod("other", created=stamp(CREATED), labels={"app": "x"}, ownerReferences=[])
    exporter = an_exporter(task, pod(of=task), other)
    assert exporter.values("coderun_job_name") == [({"namespace": "n", "coderun": "t", "job_name": "p"}, 1)]
    [(info, _)] = exporter.values("job_info")
    assert (info["coderun"], info["kind"], info["worker"], info["uid"]) == ("t", "Task", "Pod", "pod-p")
    assert [value for _, value in exporter.values("job_start_time")] == [CREATED + 5]
    assert [value for _, value in exporter.values("job_active")] == [1]
    assert {own["state"]: value for own, value in exporter.values("job_pods")} == {
        "running": 1,
        "pending": 0,
        "terminating": 0,
    }
    assert exporter.values("job_hang_cause") == exporter.values("job_finished_timestamp_seconds") == []
    assert "env" not in exporter.text()


@pytest.mark.parametrize("listed_first", ["tasks", "pods"])
def test_an_open_run_is_reported_without_a_pod_only_after_the_pods_are_listed(listed_first):
    """Until then it is unknown whether the Pod exists. The list of Jobs does not matter."""
    exporter = an_exporter(a_task(), unread=("pods",))
    assert exporter.values("coderun_job_name") == []
    for index, informer in enumerate(exporter.informers):
        if informer.resource == "pods":
            exporter.list_resource(index)
    assert [own for own, _ in exporter.values("coderun_job_name")] == [
        {"namespace": "n", "coderun": "t", "job_name": ""}
    ]
    assert [value for _, value in exporter.values("coderun_without_job_since_timestamp_seconds")] == [CREATED]


def test_without_permission_for_pods_everything_else_works():
    """No run is reported without a Pod. Jobs and runs are exposed, and the exporter is ready."""
    job = a_job(of=a_task(), name="j")
    exporter = an_exporter(a_task(), a_task("u"), job, unread=("pods",))
    index = next(index for index, informer in enumerate(exporter.informers) if informer.resource == "pods")
    exporter.fail(index, "forbidden")
    assert len(exporter.values("coderun_state")) == 2
    assert [own["job_name"] for own, _ in exporter.values("job_active")] == ["j"]
    assert exporter.values("coderun_job_name", job_name="") == []
    assert not exporter.informers[index].status.required


def test_while_pods_cannot_be_watched_no_new_run_is_reported_without_one():
    """The Pod may exist by now."""
    exporter = an_exporter(a_task())
    index = next(index for index, informer in enumerate(exporter.informers) if informer.resource == "pods")
    exporter.fail(index, "unreachable")
    exporter.put(a_task("new"))
    assert [own["coderun"] for own, _ in exporter.values("coderun_job_name")] == ["t"]


@pytest.mark.parametrize(
    ("status", "pods", "cause"),
    [
        ({"phase": "Pending"}, {"running": 0, "pending": 1, "terminating": 0}, []),
        ({}, {"running": 0, "pending": 1, "terminating": 0}, []),
        ({"phase": "Unknown"}, {"running": 1, "pending": 0, "terminating": 0}, []),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
            },
            {"running": 0, "pending": 1, "terminating": 0},
            ["Unschedulable"],
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"name": "agent", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            {"running": 0, "pending": 1, "terminating": 0},
            ["container agent: ImagePullBackOff"],
        ),
    ],
)
def test_a_pod_that_does_not_start_is_pending_and_has_a_cause(status, pods, cause):
    """The cause is read from its containers or from the scheduler. A Pod that is still starting has none."""
    task = a_task()
    exporter = an_exporter(task, pod(of=task) | {"status": status})
    assert {own["state"]: value for own, value in exporter.values("job_pods")} == pods
    assert [own["detail"] for own, _ in exporter.values("job_hang_cause", cause="pod_not_starting")] == cause
    assert [value for _, value in exporter.values("job_start_time")] == [CREATED + 5]


def test_a_pod_that_is_being_deleted_belongs_to_its_run_until_it_is_deleted():
    """Its grace period can be long, and its containers still run. After that, the run has no Pod."""
    task = a_task(status={"podName": "p"})
    deleted = pod(of=task, deletionTimestamp=stamp(CREATED + 600))
    exporter = an_exporter(task, deleted, now=CREATED + 100)
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == ["p"]
    assert [value for _, value in exporter.values("job_deletion_timestamp_seconds")] == [CREATED + 600]
    assert [value for _, value in exporter.values("job_active")] == [0]
    assert [own["cause"] for own, _ in exporter.values("job_hang_cause")] == ["pods_terminating"]
    exporter.advance(50)
    exporter.delete(deleted)
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == [""]
    assert [value for _, value in exporter.values("coderun_without_job_since_timestamp_seconds")] == [CREATED + 150]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            {
                "phase": "Succeeded",
                "containerStatuses": [{"name": "a", "state": {"terminated": {"finishedAt": stamp(CREATED + 40)}}}],
            },
            ("succeeded", CREATED + 40),
        ),
        ({"phase": "Failed", "reason": "Evicted", "startTime": stamp(CREATED + 9)}, ("failed", CREATED + 9)),
        (
            {"phase": "Failed", "conditions": [{"type": "Ready", "lastTransitionTime": stamp(CREATED + 30)}]},
            ("failed", CREATED + 30),
        ),
        ({"phase": "Failed"}, ("failed", CREATED + 5)),
    ],
)
def test_a_finished_pod_always_has_an_end_time(status, expected):
    """Otherwise it would be treated as unfinished."""
    task = a_task()
    exporter = an_exporter(task, pod(of=task) | {"status": status})
    [(own, value)] = exporter.values("job_finished_timestamp_seconds")
    assert (own["result"], value) == expected
    assert exporter.values("job_hang_cause") == []


ENDED = {"terminated": {"finishedAt": stamp(CREATED + 30)}}
SIDECAR = ("istio-proxy", "step-a", "step-b")


@pytest.mark.parametrize(
    ("container", "states", "fields", "exited"),
    [
        ("step-a", {"step-a": ENDED}, {}, "step-a"),
        ("step-*", {"step-a": ENDED}, {}, ""),
        ("step-*", {"step-a": ENDED, "step-b": ENDED}, {}, "step-a"),
        (("x", "step-b"), {"step-b": ENDED}, {}, "step-b"),
        ("absent", {"step-b": ENDED}, {}, ""),
        ((), {"step-a": ENDED}, {}, ""),
        ((), {"istio-proxy": ENDED}, {}, ""),
        ((), {"step-b": ENDED}, {"annotations": {"kubectl.kubernetes.io/default-container": "step-b"}}, "step-b"),
    ],
)
def test_a_main_container_that_has_terminated_in_a_running_pod_is_a_cause(container, states, fields, exited):
    """The profile or an annotation names the main container, or it is the only one. Otherwise it is unknown."""
    task = a_task()
    worker = Worker(is_="Pod", selector="app", container=container)
    exporter = an_exporter(task, pod(of=task, containers=SIDECAR, states=states, **fields), worker=worker)
    found = [own["detail"] for own, _ in exporter.values("job_hang_cause", cause="main_container_exited")]
    assert [text.partition(";")[0] for text in found] == ([f"container {exited} ended"] if exited else [])


def test_a_pod_with_scheduling_gates_is_suspended():
    """A queue such as Kueue removes the gates later."""
    task = a_task()
    gated = pod(of=task, phase="Pending", spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]})
    exporter = an_exporter(task, gated)
    assert [value for _, value in exporter.values("job_suspended")] == [1]
    assert exporter.values("job_start_time") == []


def test_several_pods_of_one_run_can_run_at_once():
    """None supersedes another. The newest is in coderun_job_name."""
    task = a_task()
    exporter = an_exporter(task, pod("p", of=task), pod("q", of=task, created=stamp(CREATED + 9)))
    assert [own["job_name"] for own, _ in exporter.values("coderun_job_name")] == ["q"]
    assert exporter.values("job_hang_cause") == []


def test_a_pod_in_the_lists_of_two_kinds_is_exposed_once():
    """It belongs to the run that controls it, although the selector of the other kind matches too."""
    other = Profile(
        resource="jobs.v1.example.com", kind="Run", state=STATES, worker=Worker(is_="Pod", selector="both")
    )
    settings = a_settings(a_profile(Worker(is_="Pod", selector="app")), other)
    task = a_task()
    exporter = ListedExporter(settings, task, pod(of=task, labels={"app": "x", "both": "y"}), now=CREATED + 60)
    assert len(exporter.values("job_active")) == 1
    assert controlled_by(task)[0]["kind"] == "Task"
