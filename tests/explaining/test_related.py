"""Which workload or failing pod of a dump may be the cause of a finding, and which may not."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_pod, an_event, waits_for, without_pod
from tests.explaining.test_dump_findings import LATER, explain
from tests.explaining.test_other_pods import IDLE, another
from tests.objects import CREATED, a_job, stamp

DAY = 86_400


def a_workload(name="task-controller", *, kind="Deployment", replicas=0, namespace="n", **status):
    """A Deployment or StatefulSet."""
    meta = {"name": name, "namespace": namespace, "uid": name}
    workload = {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": {"replicas": replicas}}
    return workload | {"status": status}


def since(pod, at):
    """The Pod, which is not ready since this time."""
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": stamp(at)}
    return pod | {"status": pod["status"] | {"conditions": [ready]}}


def shown(folder, *objects):
    """What `explain` shows for the run that no controller has processed."""
    return explain(folder, [*IDLE, *objects], "r", "--at", LATER)[1]


UNAVAILABLE = a_workload(replicas=1, conditions=[{"type": "Available", "status": "False"}])


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (a_workload(), "Deployment task-controller of this namespace is scaled to 0 replicas"),
        (a_workload(kind="StatefulSet"), "StatefulSet task-controller of this namespace is scaled to 0 replicas"),
        (UNAVAILABLE, "Deployment task-controller of this namespace is not available"),
    ],
)
def test_a_controller_without_pods(tmp_path, workload, words):
    """It comes before a pod that fails."""
    out = shown(tmp_path, workload, since(another("mailer-1"), CREATED - 6 * DAY))
    assert f"; {words}\n" in out
    assert f"Next:      kubectl -n n describe {workload['kind'].lower()} task-controller\n" in out
    assert ("Fix:       Scale it up;" in out) is ("scaled" in words)


@pytest.mark.parametrize(
    "workload", [a_workload("web"), a_workload(replicas=1), a_workload(namespace="o"), a_workload() | {"spec": {}}]
)
def test_another_workload(tmp_path, workload):
    """It is not the controller of these runs, or has pods."""
    out = shown(tmp_path, workload)
    assert "of this namespace" not in out
    assert "describe deployment" not in out


def test_a_workload_of_another_namespace_is_a_note(tmp_path):
    """It may be the controller, if that processes the runs of all namespaces."""
    note = "Note: Workloads of other namespaces: Deployment o/task-controller is scaled to 0 replicas\n"
    assert note in shown(tmp_path, a_workload(namespace="o"))
    out = shown(tmp_path, *(a_workload(f"w{number}", namespace="o") for number in range(5)))
    assert "Deployment o/w2 is scaled to 0 replicas and 2 more\n" in out
    assert "Workloads of" not in shown(tmp_path, a_workload())
    assert "Workloads of" not in explain(tmp_path, [OPEN, a_job(), a_workload(namespace="o"), READ], "--at", LATER)[1]


def test_a_failing_pod_of_the_workload_says_more(tmp_path):
    """It has the reason."""
    out = shown(tmp_path, UNAVAILABLE, another("task-controller-7d9c8"))
    assert "Next:      kubectl -n n describe pod task-controller-7d9c8\n" in out


@pytest.mark.parametrize(
    ("pod", "is_named"),
    [
        (since(another("mailer-1"), CREATED - 6 * DAY), False),
        (since(another("mailer-1", restarts=411), CREATED), False),
        (since(another("mailer-1"), CREATED - 600), True),
        (another("mailer-1"), False),
        (since(another("task-controller-1"), CREATED - 6 * DAY), True),
    ],
    ids=["long before", "by restarts", "around", "unknown", "by name"],
)
def test_a_pod_that_failed_long_before_the_first_run(tmp_path, pod, is_named):
    """It is not the controller, unless its name says so; nor is one of which the time is unknown."""
    assert (f"describe pod {pod['metadata']['name']}\n" in shown(tmp_path, pod)) is is_named


def test_the_pod_with_the_name_of_a_controller_comes_first(tmp_path):
    """Also if another one is before it in the dump."""
    out = shown(tmp_path, another("mailer-1"), another("task-controller-1"))
    assert "Next:      kubectl -n n describe pod task-controller-1\n" in out


@pytest.mark.parametrize(("name", "is_named"), [("volcano-scheduler-1", True), ("volcano-web-1", False)])
def test_the_pod_of_the_scheduler(tmp_path, name, is_named):
    """A Pod that it has not processed waits for it."""
    pod = another(name, namespace="volcano-system")
    objects = [OPEN, without_pod(active=1, ready=0), waits_for("volcano"), READ, pod]
    out = explain(tmp_path, objects, "r", "--at", LATER)[1]
    assert (f"Next:      kubectl -n volcano-system describe pod {name}\n" in out) is is_named


@pytest.mark.parametrize(
    ("name", "node", "is_named"),
    [("cilium-j6d8f", "w", True), ("cilium-j6d8f", "v", False), ("node-exporter-1", "w", False)],
)
def test_the_pod_of_the_network_plugin_on_the_node(tmp_path, name, node, is_named):
    """Its name is in the text of the kubelet."""
    note = 'failed to setup network for sandbox: plugin type="cilium-cni" failed (add): unable to connect to the node'
    event = an_event(reason="FailedCreatePodSandBox", note=note)
    pod, plugin = a_pod(), another(name, namespace="kube-system")
    pod["spec"]["nodeName"], plugin["spec"]["nodeName"] = "w", node
    out = explain(tmp_path, [OPEN, without_pod(active=1, ready=0), pod, event, plugin], "r", "--at", LATER)[1]
    assert (f"Next:      kubectl -n kube-system describe pod {name}\n" in out) is is_named


def a_secret(*, name="github-app", namespace="n", ready="False", target=None):
    """An ExternalSecret with this status."""
    ready = {"type": "Ready", "status": ready, "reason": "SecretSyncedError", "message": "could not get secret data"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": namespace, "uid": name},
        "spec": {"target": {"name": target} if target else {}},
        "status": {"conditions": [ready]},
    }


@pytest.mark.parametrize(
    ("secret", "is_named"),
    [
        (a_secret(), True),
        (a_secret(name="es", target="github-app"), True),
        (a_secret(target="other"), False),
        (a_secret(namespace="o"), False),
        (a_secret(ready="True"), False),
    ],
)
def test_the_external_secret_that_should_create_a_missing_secret(tmp_path, secret, is_named):
    """Its own condition has the reason."""
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "github-app" not found'}
    pod = a_pod(containerStatuses=[{"name": "agent", "state": {"waiting": waiting}}])
    out = explain(tmp_path, [OPEN, without_pod(active=1, ready=0), pod, READ, secret], "r", "--at", LATER)[1]
    name = secret["metadata"]["name"]
    assert "Cause:       pod_secret_missing\n" in out
    assert (
        f"; ExternalSecret {name} is not ready: SecretSyncedError: could not get secret data\n" in out
    ) is is_named
    assert (f"describe externalsecrets.external-secrets.io {name}\n" in out) is is_named
