"""Pods that are the workers of runs: what is listed, how each is joined with its run, and its series."""

import pytest

from exporter.profiles import Profile
from exporter.profiles.language import StateRule, Times, Worker
from tests.objects import CREATED, a_job, stamp
from tests.profiles.listed import Listed, a_pod, a_settings, controlled_by

KUBEOPENCODE = "tasks.kubeopencode.io"
STATES = (StateRule(waiting=("Queued",), open=("absent", "Running"), succeeded=("Completed",), failed=("Failed",)),)


def a_profile(worker, **other):
    """A kind of runs with this worker."""
    return Profile(resource="tasks.v1.example.com", kind="Task", state=STATES, worker=worker, **other)


def a_task(name="t", *, api_version="example.com/v1", phase="Running", created=CREATED, status=None, **meta):
    """A run."""
    return {
        "apiVersion": api_version,
        "kind": "Task",
        "metadata": {"name": name, "namespace": "n", "uid": f"task-{name}", "creationTimestamp": stamp(created)}
        | meta,
        "status": {"phase": phase} | (status or {}),
    }


def made(*objects, worker=None, now=CREATED + 60, unread=(), **other):
    """What the exporter has read of these objects."""
    profile = a_profile(worker or Worker(is_="Pod", selector="app"), times=Times(started=".status.startTime"))
    return Listed(a_settings(profile, **other), *objects, now=now, unread=unread)


def pod(name="p", **fields):
    """A Pod that the selector `app` takes."""
    return a_pod(name, **({"created": stamp(CREATED + 5), "labels": {"app": "x"}} | fields))


def test_pods_are_listed_only_for_kinds_whose_workers_they_are():
    """With the selector of the profile, in the namespaces of the settings, beside its own label selector."""
    assert [
        feed for feed in Listed(a_settings("coderuns.agents.platform"), now=1.0).feeds if feed.resource == "pods"
    ] == []
    listed = Listed(a_settings(KUBEOPENCODE, namespaces=("a", "b"), label_selector="team=x"), now=1.0)
    assert [(feed.name, feed.path, feed.params) for feed in listed.feeds if feed.resource == "pods"] == [
        (
            f"pods {name}/kubeopencode.io/task",
            f"/api/v1/namespaces/{name}/pods",
            {"labelSelector": "team=x,kubeopencode.io/task"},
        )
        for name in "ab"
    ]


def test_kinds_with_different_selectors_have_a_list_each_and_equal_ones_share_it():
    """One without a selector needs a list of all Pods, which then holds those of every kind."""

    def lists(*kinds):
        return [feed.params for feed in Listed(a_settings(*kinds), now=1.0).feeds if feed.resource == "pods"]

    other = Profile(resource="jobs.v1.example.com", kind="Run", state=STATES, worker=Worker(is_="Pod", selector="b"))
    assert lists(a_profile(Worker(is_="Pod", selector="a")), other) == [
        {"labelSelector": "a"},
        {"labelSelector": "b"},
    ]
    assert lists(a_profile(Worker(is_="Pod", selector="b")), other) == [{"labelSelector": "b"}]
    assert lists(a_profile(Worker(is_="Pod")), other) == [{}]


def test_a_pod_has_the_series_of_a_job_under_its_own_name():
    """It is found by the UID of its controller; of a Pod that no run controls there is no series."""
    task = a_task()
    other = a_pod("other", created=stamp(CREATED), labels={"app": "x"}, ownerReferences=[])
    listed = made(task, pod(of=task), other)
    assert listed.values("coderun_job_name") == [({"namespace": "n", "coderun": "t", "job_name": "p"}, 1)]
    [(info, _)] = listed.values("job_info")
    assert (info["coderun"], info["kind"], info["worker"], info["uid"]) == ("t", "Task", "Pod", "pod-p")
    assert [value for _, value in listed.values("job_start_time")] == [CREATED + 5]
    assert [value for _, value in listed.values("job_active")] == [1]
    assert {own["state"]: value for own, value in listed.values("job_pods")} == {
        "running": 1,
        "pending": 0,
        "terminating": 0,
    }
    assert listed.values("job_hang_cause") == listed.values("job_finished_timestamp_seconds") == []
    assert "env" not in listed.text()


@pytest.mark.parametrize("listed_first", ["tasks", "pods"])
def test_an_open_run_lacks_its_pod_once_the_pods_are_known_and_never_before(listed_first):
    """An unknown is not a no; and neither is a list of Jobs a list of Pods."""
    listed = made(a_task(), unread=("pods",))
    assert listed.values("coderun_job_name") == []
    for index, feed in enumerate(listed.feeds):
        if feed.resource == "pods":
            listed.read(index)
    assert [own for own, _ in listed.values("coderun_job_name")] == [
        {"namespace": "n", "coderun": "t", "job_name": ""}
    ]
    assert [value for _, value in listed.values("coderun_without_job_since_timestamp_seconds")] == [CREATED]


def test_pods_that_may_not_be_read_cost_nothing_else():
    """No run lacks its Pod then; Jobs and runs are exposed, and the exporter is ready."""
    job = a_job(of=a_task(), name="j")
    listed = made(a_task(), a_task("u"), job, unread=("pods",))
    index = next(index for index, feed in enumerate(listed.feeds) if feed.resource == "pods")
    listed.fail(index, "forbidden")
    assert len(listed.values("coderun_state")) == 2
    assert [own["job_name"] for own, _ in listed.values("job_active")] == ["j"]
    assert listed.values("coderun_job_name", job_name="") == []
    assert not listed.feeds[index].status.required


def test_while_pods_cannot_be_followed_no_new_run_lacks_one():
    """It may have one by now."""
    listed = made(a_task())
    index = next(index for index, feed in enumerate(listed.feeds) if feed.resource == "pods")
    listed.fail(index, "unreachable")
    listed.put(a_task("new"))
    assert [own["coderun"] for own, _ in listed.values("coderun_job_name")] == ["t"]


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
def test_a_pod_that_does_not_start_is_pending_with_its_cause(status, pods, cause):
    """As its containers or the scheduler say it; starting by itself is no cause."""
    task = a_task()
    listed = made(task, pod(of=task) | {"status": status})
    assert {own["state"]: value for own, value in listed.values("job_pods")} == pods
    assert [own["detail"] for own, _ in listed.values("job_hang_cause", cause="pod_not_starting")] == cause
    assert [value for _, value in listed.values("job_start_time")] == [CREATED + 5]


def test_a_pod_that_is_being_deleted_is_its_runs_until_it_is_gone():
    """Then the run lacks one from that moment on; a grace period may be long, and the containers run meanwhile."""
    task = a_task(status={"podName": "p"})
    deleted = pod(of=task, deletionTimestamp=stamp(CREATED + 600))
    listed = made(task, deleted, now=CREATED + 100)
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == ["p"]
    assert [value for _, value in listed.values("job_deletion_timestamp_seconds")] == [CREATED + 600]
    assert [value for _, value in listed.values("job_active")] == [0]
    assert [own["cause"] for own, _ in listed.values("job_hang_cause")] == ["pods_terminating"]
    listed.advance(50)
    listed.delete(deleted)
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == [""]
    assert [value for _, value in listed.values("coderun_without_job_since_timestamp_seconds")] == [CREATED + 150]


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
def test_a_pod_that_is_over_has_always_an_end(status, expected):
    """Without one it would count as unfinished."""
    task = a_task()
    listed = made(task, pod(of=task) | {"status": status})
    [(own, value)] = listed.values("job_finished_timestamp_seconds")
    assert (own["result"], value) == expected
    assert listed.values("job_hang_cause") == []


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
    """The main container is the profile's, else the annotation's, else the only one. Of several, none is known."""
    task = a_task()
    worker = Worker(is_="Pod", selector="app", container=container)
    listed = made(task, pod(of=task, containers=SIDECAR, states=states, **fields), worker=worker)
    found = [own["detail"] for own, _ in listed.values("job_hang_cause", cause="main_container_exited")]
    assert [text.partition(";")[0] for text in found] == ([f"container {exited} ended"] if exited else [])


def test_a_pod_that_waits_behind_scheduling_gates_is_suspended():
    """By design: a queue opens them."""
    task = a_task()
    gated = pod(of=task, phase="Pending", spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]})
    listed = made(task, gated)
    assert [value for _, value in listed.values("job_suspended")] == [1]
    assert listed.values("job_start_time") == []


def test_pods_of_one_run_work_side_by_side():
    """None supersedes another, and the newest is the run's."""
    task = a_task()
    listed = made(task, pod("p", of=task), pod("q", of=task, created=stamp(CREATED + 9)))
    assert [own["job_name"] for own, _ in listed.values("coderun_job_name")] == ["q"]
    assert listed.values("job_hang_cause") == []


def test_a_pod_of_two_lists_is_the_one_of_its_run():
    """Another kind's list does not take it, though its selector does."""
    other = Profile(
        resource="jobs.v1.example.com", kind="Run", state=STATES, worker=Worker(is_="Pod", selector="both")
    )
    settings = a_settings(a_profile(Worker(is_="Pod", selector="app")), other)
    task = a_task()
    listed = Listed(settings, task, pod(of=task, labels={"app": "x", "both": "y"}), now=CREATED + 60)
    assert len(listed.values("job_active")) == 1
    assert controlled_by(task)[0]["kind"] == "Task"
