"""Pods as workers of the Tasks of kubeopencode, on a real API server, with the permissions of `rbac`."""

import json
import logging
import pathlib
from typing import Any

import pytest

from exporter.app import App
from lab import fast_yaml
from lab.controlplane.account import ServiceAccount
from lab.controlplane.nodes import BY_HAND
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until
from tests.exporting import metrics_of, short_intervals
from tests.integration.in_process import an_exporter, eventually, short_watches, states

__all__ = ["short_intervals", "short_watches"]

pytestmark = pytest.mark.timeout(180)

CRD = pathlib.Path(__file__).parents[1] / "profiles/objects/kubeopencode/00-crd.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SELECTED_LABELS = {"kubeopencode.io/task": "t"}


class Tasks:
    """Creates and changes Tasks and Pods in a namespace."""

    def __init__(self, plane: ControlPlane, platform: PlatformNamespace) -> None:
        self._ask, self._patch = platform.ask, platform.patch
        self._tasks = f"/apis/kubeopencode.io/v1alpha1/namespaces/{platform.namespace}/tasks"
        self._pods = f"/api/v1/namespaces/{platform.namespace}/pods"
        plane.request("POST", CRDS, fast_yaml.load(CRD.read_text()))
        until(lambda: plane.request("GET", self._tasks)[0] == 200, what="Tasks are served")
        platform.ask(
            "POST", f"/api/v1/namespaces/{platform.namespace}/serviceaccounts", {"metadata": {"name": "default"}}
        )

    def create_task(self, name: str) -> dict[str, Any]:
        """Creates a Task whose status is Running and names its Pod."""
        head = {"apiVersion": "kubeopencode.io/v1alpha1", "kind": "Task", "metadata": {"name": name}}
        made: dict[str, Any] = self._ask("POST", self._tasks, head | {"spec": {"description": "Fix"}})
        status = {"status": {"phase": "Running", "podName": f"{name}-pod"}}
        self._patch(f"{self._tasks}/{name}/status", status)
        return made

    def create_pod(self, task: dict[str, Any], labels: dict[str, str], *, name: str = "") -> str:
        """Creates a Pod that this Task controls. Returns its name."""
        meta = task["metadata"]
        owner = {key: task[key] for key in ("apiVersion", "kind")} | {key: meta[key] for key in ("name", "uid")}
        metadata = {"name": name or f"{meta['name']}-pod", "labels": labels}
        metadata |= {"ownerReferences": [owner | {"controller": True}]}
        containers = [
            {"name": each, "image": "i", "env": [{"name": "A", "value": "secret"}]} for each in ("agent", "sidecar")
        ]
        spec = {"schedulerName": BY_HAND, "containers": containers}
        self._ask("POST", self._pods, {"metadata": metadata, "spec": spec})
        return str(metadata["name"])

    def set_status(self, pod: str, **agent: Any) -> None:
        """Sets the Pod to Running, and its main container to this state."""
        common = {"image": "i", "imageID": "", "ready": False, "restartCount": 0}
        known = {"agent": agent, "sidecar": {"running": {}}}
        found = [{"name": name, "state": state} | common for name, state in known.items()]
        status = {"status": {"phase": "Running", "containerStatuses": found}}
        self._patch(f"{self._pods}/{pod}/status", status)

    def delete(self, pod: str) -> None:
        """Deletes a Pod. It has no node, so it is deleted at once."""
        self._ask("DELETE", f"{self._pods}/{pod}")


@pytest.fixture
def settings_file(platform: PlatformNamespace, tmp_path: pathlib.Path) -> pathlib.Path:
    """Settings for the Tasks of one namespace."""
    path = tmp_path / "settings.yml"
    kinds = {"kinds": ["tasks.kubeopencode.io"]}
    path.write_text(
        json.dumps({"namespaces": [platform.namespace], "coderuns": kinds, "configmaps": {"required": []}})
    )
    return path


async def names(app: App, family: str, label: str = "job_name", **labels: str) -> list[str]:
    """The values of a label in the series of a family."""
    families = (await metrics_of(app)).families
    found = [sample.labels for sample in families[family].samples] if family in families else []
    return sorted(own.get(label, "") for own in found if labels.items() <= own.items())


def _main_has_ended(app: App) -> bool:
    pods = [job.pod for job in app.store.cache.jobs if job.pod is not None]
    return any(one.role == "main" and one.state == "terminated" for pod in pods for one in pod.containers)


async def test_a_task_has_its_pod_until_it_is_deleted(
    control_plane: ControlPlane,
    platform: PlatformNamespace,
    account: ServiceAccount,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
):
    """The API server sends only Pods with the label of the profile, and their changes."""
    tasks = Tasks(control_plane, platform)
    working, lost = tasks.create_task("works"), tasks.create_task("lost")
    pod = tasks.create_pod(working, SELECTED_LABELS)
    tasks.set_status(pod, running={})
    tasks.create_pod(lost, {})
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        workers = f"{platform.namespace}/kubeopencode.io/task"
        (status,) = [status for status in app.health.statuses if status.scope == workers]
        assert status.objects == 1
        assert await names(app, "coderun_job_name") == ["", "works-pod"]
        assert await names(app, "job_info", worker="Pod", coderun="works") == ["works-pod"]
        assert await names(app, "job_pods", state="running") == ["works-pod"]
        assert "secret" not in str((await metrics_of(app)).families)
        tasks.set_status(pod, terminated={"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"})
        cluster = app.store.cache
        await eventually(lambda: _main_has_ended(app), what="the container has ended")
        assert await names(app, "job_hang_cause", cause="main_container_exited") == ["works-pod"]
        tasks.delete(pod)
        await eventually(lambda: not [*cluster.jobs], what="the Pod is deleted")
        assert await names(app, "coderun_job_name") == ["", ""]
        assert await names(app, "coderun_stall_cause", "detail", coderun="works") == [
            "status names Pod works-pod, which does not exist"
        ]


@pytest.mark.usefixtures("short_watches")
async def test_without_the_permission_for_pods_everything_else_is_exposed(
    control_plane: ControlPlane,
    platform: PlatformNamespace,
    account: ServiceAccount,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
):
    """Only this resource is forbidden, and no Task is reported without a Pod. With the permission, Pods are read."""
    Tasks(control_plane, platform).create_task("t")
    ((role, _),) = [(role, rule) for role, rule in account.rules() if rule["resources"] == ["pods"]]
    granted = role["rules"]
    account.set_rules(role, [rule for rule in granted if rule["resources"] != ["pods"]])
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("pod-1").text)
    caplog.set_level(logging.INFO)
    async with an_exporter(settings_file, kubeconfig=kubeconfig, expected=("watching", "forbidden")) as app:
        found = {status.resource: status.state for status in app.health.statuses if status.resource != "events"}
        assert found == {
            "tasks": "watching",
            "jobs": "watching",
            "pods": "forbidden",
        }
        assert app.health.is_ready()
        assert await names(app, "coderun_state", "coderun") == ["t"]
        assert await names(app, "coderun_job_name") == []
        account.set_rules(role, granted)
        await eventually(lambda: states(app) == {"watching"}, what="Pods are watched", seconds=60.0)
        assert await names(app, "coderun_job_name") == [""]
