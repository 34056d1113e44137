"""Pods of a dump that belong to no run and fail may be why a run hangs."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, REQUIRED, a_pod, an_event, with_finalizer
from tests.explaining.test_dump_findings import LATER, explain
from tests.objects import CREATED, a_configmap, a_job, a_run, stamp

LOOP = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
KILLED = {"lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
RUNS = {"running": {"startedAt": stamp(CREATED)}}


def another(name="controller-7d9c8", *, namespace="n", state=LOOP, restarts=14, kind="ReplicaSet", **last):
    """A Pod that belongs to no run."""
    pod = a_pod("Running", containerStatuses=[{"name": "c", "state": state, "restartCount": restarts, **last}])
    version = "batch/v1" if kind == "Job" else "apps/v1"
    owner = {"apiVersion": version, "kind": kind, "name": "c", "uid": "c", "controller": True}
    meta = {"name": name, "namespace": namespace, "uid": name, "ownerReferences": [owner]}
    return pod | {"metadata": meta, "spec": {"containers": [{"name": "c"}]}}


def unscheduled(text):
    """One that no node fits."""
    reason, _, message = text.partition(": ")
    scheduled = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    pod = another()
    return pod | {"status": {"phase": "Pending", "conditions": [scheduled]}}


IDLE = [a_run(), a_run(name="s", uid="s"), READ]
FAILS = "container c: CrashLoopBackOff, last OOMKilled, 14 restarts"


def test_the_pod_of_a_controller_that_fails_is_in_the_evidence(tmp_path):
    """The next command describes that Pod, because the Deployment of the controller is not known."""
    code, out = explain(tmp_path, [*IDLE, another(**KILLED)], "r", "--at", LATER)
    assert code == 1
    assert "Cause:       controller_idle\n" in out
    assert f"; pod controller-7d9c8 of this namespace fails: {FAILS}\n" in out
    assert "Next:      kubectl -n n describe pod controller-7d9c8\n" in out
    assert f"Note: Pods that belong to no run and fail: n/controller-7d9c8: {FAILS}\n" in out


def test_a_pod_of_another_namespace_is_a_note(tmp_path):
    """It may be that of a webhook, a driver, or of a controller for all namespaces."""
    _, out = explain(tmp_path, [*IDLE, another(namespace="kyverno", **KILLED)], "r", "--at", LATER)
    assert "this namespace" not in out
    assert f"Note: Pods that belong to no run and fail: kyverno/controller-7d9c8: {FAILS}\n" in out


@pytest.mark.parametrize(
    ("pod", "fails"),
    [
        (another(state={"waiting": {"reason": "ContainerCreating"}}, restarts=0), False),
        (another(state={"waiting": {"reason": "ImagePullBackOff"}}, restarts=0), True),
        (another(state=RUNS, restarts=3, **KILLED), True),
        (another(state=RUNS, restarts=2, **KILLED), False),
        (another(state=RUNS, restarts=30), False),
        (another(kind="Job"), False),
        (unscheduled("Unschedulable: 0/3 nodes are available: 3 Insufficient memory."), True),
    ],
)
def test_what_fails(tmp_path, pod, fails):
    """A container that is restarted now and then does not; neither does the Pod of a run."""
    assert ("Pods that belong to no run" in explain(tmp_path, [*IDLE, pod], "--at", LATER)[1]) is fails


def test_without_a_fault_there_is_no_note(tmp_path):
    """Others watch those pods."""
    assert "Pods that belong" not in explain(tmp_path, [OPEN, a_job(), a_pod("Running"), READ, another()])[1]


def test_three_are_named_and_the_others_counted(tmp_path):
    """A cluster may have many."""
    pods = [another(f"pod-{number}") for number in range(5)]
    _, out = explain(tmp_path, [*IDLE, *pods], "--at", LATER)
    assert "n/pod-2: container c: CrashLoopBackOff, 14 restarts and 2 more\n" in out
    assert "pod-3" not in out


def test_a_pod_explains_no_fault_of_the_agent(tmp_path):
    """Only what a controller that is not running explains."""
    refused = an_event("Job", "job-j", "FailedCreate", "pods is forbidden: exceeded quota: q")
    job = a_job() | {"status": {"startTime": stamp(CREATED)}}
    _, out = explain(tmp_path, [OPEN, job, refused, another()], "r", "--at", LATER)
    assert "this namespace" not in out
    assert "Next:      kubectl -n n describe quota" in out


def test_a_dump_without_configmaps_cannot_show_what_a_template_lacks(tmp_path):
    """So it is said, and the next command dumps them."""
    (tmp_path / "settings.yml").write_text(REQUIRED)
    words = ("r", "--at", LATER, "--config.file", tmp_path / "settings.yml")
    _, out = explain(tmp_path, [with_finalizer(), READ], *words)
    assert "; whether its templates are complete is unknown: the dump has no ConfigMaps\n" in out
    assert "Next:      kubectl -n n get configmaps -o json > more.json\n" in out
    whole = a_configmap(name="t", data={"a.hbs": "x", "b.hbs": "y"})
    _, out = explain(tmp_path, [with_finalizer(), READ, whole], *words)
    assert "Cause:       reconcile_failing\n" in out
    assert "no ConfigMaps" not in out


def test_runs_that_require_no_configmaps_lack_none(tmp_path):
    """As those of another platform."""
    task = with_finalizer() | {"apiVersion": "kelos.dev/v1alpha2", "kind": "Task"}
    (tmp_path / "settings.yml").write_text("coderuns: {kinds: [tasks.v1alpha2.kelos.dev]}\n")
    _, out = explain(tmp_path, [task, READ], "r", "--at", LATER, "--config.file", tmp_path / "settings.yml")
    assert "Cause:       reconcile_failing\n" in out
    assert "no ConfigMaps" not in out


def test_an_image_that_an_init_container_lacks_is_named(tmp_path):
    """Why it cannot be pulled is in the message of its state."""
    message = 'Back-off pulling image "docker.io/x/kubectl:1.31": ErrImagePull: docker.io/x/kubectl:1.31: not found'
    pod = another(restarts=0)
    pod["spec"] = {"initContainers": [{"name": "wait"}], "containers": [{"name": "c"}]}
    state = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    pod["status"] = {"phase": "Pending", "initContainerStatuses": [{"name": "wait", "state": state}]}
    out = explain(tmp_path, [*IDLE, pod], "r", "--at", LATER)[1]
    assert f"of this namespace fails: init container wait: ImagePullBackOff: {message}\n" in out
