"""A namespace in which a fault is made: the test is the platform's controller; Jobs, pods and refusals are real."""

import datetime as dt
from typing import Any

from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until

__all__ = ["FINALIZER", "RowRun", "ago"]

FINALIZER = "agents.platform/cleanup"
_MAIN = {"name": "claude-code", "image": "agent:1"}
_LIMIT = "coderun-exporter/max-runtime"
_LONG = {"demo/work-seconds": "3600"}


class RowRun:
    """The run of one row, in the namespace of its row. `name` is the name of the run; its Job is `NAME-job`."""

    def __init__(self, plane: ControlPlane, platform: PlatformNamespace, name: str) -> None:
        self.plane = plane
        self.work = platform
        self.name = name
        self.namespace = platform.namespace
        self.core = f"/api/v1/namespaces/{platform.namespace}"
        self.ask, self.patch = platform.ask, platform.patch

    def run(self, suffix: str = "", *, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
        """Creates a run without a status, as a workflow does."""
        return self.work.make_run(self.name + suffix, spec=spec, **metadata)

    def report(self, suffix: str = "", **status: Any) -> None:
        """Sets the status of a run, as the controller does."""
        path = f"{self.work.runs}/{self.name}{suffix}/status"
        self.patch(path, {"status": status})

    def job(self, run: dict[str, Any], suffix: str = "", **options: Any) -> None:
        """Creates a Job of the run; see `_job`. The real controller has seen it, unless another one manages it."""
        name = f"{self.name}-job{suffix}"
        self.work.make_job(run, name=name, made=lambda name, **meta: _job(name, meta, **options))

    def working(self, *, run: dict[str, Any] | None = None, **options: Any) -> None:
        """Creates a run that is `Running`, and its Job."""
        made = run or self.run()
        self.report(phase="Running")
        self.job(made, **options)

    def delete(self, path: str) -> None:
        """Requests a deletion, which a finalizer may hold up."""
        self.ask("DELETE", path)

    def until_job(self, what: str) -> None:
        """Waits until a field of the status of the Job is set, such as `active`."""
        self.until(lambda: self.status().get(what), what=f"status.{what} is set")

    def status(self) -> dict[str, Any]:
        """The status of the Job, as the API server has it."""
        _, job = self.plane.request("GET", f"{self.work.jobs}/{self.name}-job")
        status: dict[str, Any] = job.get("status", {})
        return status

    def until(self, asked: Any, *, what: str) -> Any:
        """The first truthy result."""
        return until(asked, what=f"{self.name}: {what}", seconds=60)

    def until_refused(self, **pod: Any) -> None:
        """Waits until the API server refuses pods here: policies and quotas take effect after a moment."""
        spec = {"containers": [_MAIN]} | pod
        body = {"metadata": {"name": "probe"}, "spec": spec}
        path = f"{self.core}/pods?dryRun=All"
        self.until(lambda: self.plane.request("POST", path, body)[0] >= 400, what="pods are refused")


def _job(
    name: str,
    meta: dict[str, Any],
    *,
    spec: dict[str, Any] | None = None,
    pod: dict[str, Any] | None = None,
    limit: str = "",
    notes: dict[str, str] | None = None,
    finalizers: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A Job without retries, whose pod works for an hour. `notes` are annotations of the pod."""
    marks = {"annotations": {_LIMIT: limit}} if limit else {}
    marks |= {"finalizers": [*finalizers]} if finalizers else {}
    template = {
        "metadata": {"annotations": _LONG | (notes or {})},
        "spec": {"restartPolicy": "Never", "containers": [_MAIN]} | (pod or {}),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name} | meta | marks,
        "spec": {"backoffLimit": 0, "template": template} | (spec or {}),
    }


def ago(minutes: int) -> str:
    """That time, as Kubernetes writes it."""
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
