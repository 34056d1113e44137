"""Pods of Jobs and Events on a real API server: which of them the exporter's selectors match, and their form."""

import json
import pathlib
import uuid
from typing import Any

import pytest

from exporter.app import App
from lab.controlplane.nodes import BY_HAND
from lab.controlplane.platform_namespace import PlatformNamespace
from tests.exporting import metrics_of, short_intervals
from tests.integration.in_process import an_exporter, eventually

__all__ = ["short_intervals"]

pytestmark = pytest.mark.timeout(180)

NOW = "2026-01-01T10:00:00.000000Z"
MOUNT = 'MountVolume.SetUp failed for volume "task-files" : configmap "task-6-files" not found'
PULL = 'Failed to pull image "agent:1": not found'


class Pods:
    """The Pods and Events of a namespace."""

    def __init__(self, platform: PlatformNamespace) -> None:
        self._platform = platform
        self._core = f"/api/v1/namespaces/{platform.namespace}"
        self._events_v1 = f"/apis/events.k8s.io/v1/namespaces/{platform.namespace}/events"
        platform.ask("POST", f"{self._core}/serviceaccounts", {"metadata": {"name": "default"}})

    def create(self, job: dict[str, Any], *, name: str = "p", containers: int = 2) -> dict[str, Any]:
        """A Pod of a Job, as the Job controller creates it."""
        meta = job["metadata"]
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }
        labels = {"job-name": meta["name"], "batch.kubernetes.io/job-name": meta["name"]}
        names = ["claude-code", *(f"sidecar-{number}" for number in range(1, containers))]
        body = {
            "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
            "spec": {
                "restartPolicy": "Never",
                "schedulerName": BY_HAND,
                "containers": [{"name": each, "image": "agent:1"} for each in names],
            },
        }
        made: dict[str, Any] = self._platform.ask("POST", f"{self._core}/pods", body)
        return made

    def set_status(self, name: str, phase: str, **states: dict[str, Any]) -> None:
        """Its phase and the states of its containers."""
        common = {"image": "i", "imageID": "", "ready": False, "restartCount": 0}
        known = [{"name": each.replace("_", "-"), "state": state} | common for each, state in states.items()]
        status = {"status": {"phase": phase, "containerStatuses": known}}
        self._platform.patch(f"{self._core}/pods/{name}/status", status)

    def warn(self, pod: dict[str, Any], reason: str, note: str) -> None:
        """A Warning, as the kubelet writes it with the API of core/v1, and a Normal Event beside it."""
        meta = pod["metadata"]
        about = {"apiVersion": "v1", "kind": "Pod"} | {key: meta[key] for key in ("namespace", "name", "uid")}
        for kind, text in (("Warning", note), ("Normal", "Pulling image")):
            self._platform.ask(
                "POST",
                f"{self._core}/events",
                {
                    "metadata": {"name": f"e-{uuid.uuid4().hex[:8]}"},
                    "involvedObject": about,
                    "type": kind,
                    "reason": reason,
                    "message": text,
                    "source": {"component": "kubelet"},
                    "count": 3,
                    "firstTimestamp": NOW[:19] + "Z",
                    "lastTimestamp": NOW[:19] + "Z",
                },
            )

    def warn_anew(self, job: dict[str, Any], reason: str, note: str) -> None:
        """A Warning about a Job, with the API of events.k8s.io/v1."""
        meta = job["metadata"]
        about = {"apiVersion": "batch/v1", "kind": "Job"} | {key: meta[key] for key in ("namespace", "name", "uid")}
        self._platform.ask(
            "POST",
            self._events_v1,
            {
                "metadata": {"name": f"e-{uuid.uuid4().hex[:8]}"},
                "eventTime": NOW,
                "type": "Warning",
                "reason": reason,
                "action": "Create",
                "note": note,
                "reportingController": "job-controller",
                "reportingInstance": "x",
                "regarding": about,
            },
        )


@pytest.fixture
def settings_file(platform: PlatformNamespace, tmp_path: pathlib.Path) -> pathlib.Path:
    """One namespace."""
    path = tmp_path / "settings.yml"
    path.write_text(json.dumps({"namespaces": [platform.namespace], "configmaps": {"required": []}}))
    return path


async def causes(app: App) -> dict[str, str]:
    """The details of the causes of the Jobs, by cause."""
    families = (await metrics_of(app)).families
    found = families["job_hang_cause"].samples if "job_hang_cause" in families else []
    return {sample.labels["cause"]: sample.labels.get("detail", "") for sample in found}


async def test_a_pod_that_waits_runs_and_is_kept_by_a_sidecar(
    platform: PlatformNamespace, settings_file: pathlib.Path, kubeconfig: pathlib.Path
):
    """Each state with its cause; a Pod that succeeds leaves the selection."""
    job = platform.make_job(platform.make_run("r"))
    platform.start_job("r-job")
    pods = Pods(platform)
    pod = pods.create(job)
    pods.set_status("p", "Pending", claude_code={"waiting": {"reason": "ContainerCreating"}})
    pods.warn(pod, "FailedMount", MOUNT)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        cache = app.store.cache
        await eventually(lambda: bool(cache.events_about(pod["metadata"]["uid"])), what="the Event is kept")
        (event,) = cache.events_about(pod["metadata"]["uid"])
        assert (event.reason, event.note, event.count) == ("FailedMount", MOUNT, 3)
        assert await causes(app) == dict.fromkeys(
            ("pod_configmap_missing", "pod_not_starting"), f"FailedMount: {MOUNT}"
        )

        pods.warn_anew(job, "FailedCreate", "Error creating: exceeded quota: agents")
        uid = job["metadata"]["uid"]
        await eventually(lambda: bool(cache.events_about(uid)), what="the Event about the Job is kept")
        assert [one.note for one in cache.events_about(uid)] == ["Error creating: exceeded quota: agents"]

        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2026-01-01T10:00:00Z"}}
        pods.set_status(
            "p", "Running", claude_code=ended, sidecar_1={"running": {"startedAt": "2026-01-01T09:00:00Z"}}
        )
        await eventually(lambda: next(iter(cache.pods)).phase == "Running", what="the Pod is running")
        assert await causes(app) == {
            "main_container_exited": "container claude-code ended with exit code 0 (Completed); "
            "still running: sidecar-1"
        }
        page = await metrics_of(app)
        assert page.values("agent_main_container_finished_timestamp_seconds", job_name="r-job") == [1767261600]

        pods.set_status("p", "Succeeded", claude_code=ended, sidecar_1=ended)
        await eventually(lambda: not len(cache.pods), what="a Pod that has succeeded is not sent")
        assert await causes(app) == {}


async def test_pods_at_the_limits_of_kubernetes_are_read(
    platform: PlatformNamespace, settings_file: pathlib.Path, kubeconfig: pathlib.Path
):
    """A name of 253 characters, and 60 containers that all wait."""
    job = platform.make_job(platform.make_run("r"))
    platform.start_job("r-job")
    pods, name = Pods(platform), "p" * 253
    pods.create(job, name=name, containers=60)
    waiting = {f"sidecar_{number}": {"waiting": {"reason": "Odd"}} for number in range(1, 60)}
    pods.set_status(name, "Pending", claude_code={"waiting": {"reason": "ErrImagePull", "message": PULL}}, **waiting)
    async with an_exporter(settings_file, kubeconfig=kubeconfig) as app:
        await eventually(lambda: len(app.store.cache.pods) == 1, what="the Pod is read")
        (pod,) = app.store.cache.pods
        assert (pod.name, len(pod.containers), pod.more_containers) == (name, 50, 10)
        page = await metrics_of(app)
        assert len(page.values("agent_pod_waiting", pod=name)) == 10
        assert page.values("agent_pod_waiting", container="claude-code", reason="ErrImagePull") == [1]
        found = await causes(app)
        assert found["pod_not_starting"] == f"container claude-code: ErrImagePull: {PULL}"
        assert PULL in found["image_pull"]
