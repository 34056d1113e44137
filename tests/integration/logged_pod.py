"""A Pod of a running Job, whose log kwok reads from a file."""

import datetime as dt
import pathlib

from lab.apiserver.pod_logs import Entry
from lab.controlplane.nodes import LOGS
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.waiting import until

__all__ = ["LoggedPod"]

_SECOND = 10**9


class LoggedPod:
    """A run `name`, its Job and its Pod `NAME-pod`, with files for the log of its container `main`.

    The service account `default` of the namespace must exist.
    """

    def __init__(self, plane: ControlPlane, place: PlatformNamespace, folder: pathlib.Path, *, name: str) -> None:
        self.plane = plane
        self.work = place
        self.run = name
        self.pod = f"{name}-pod"
        self.file, self.previous = folder / f"{name}.log", folder / f"{name}-previous.log"
        self.log_path = f"/api/v1/namespaces/{place.namespace}/pods/{self.pod}/log"
        for file in (self.file, self.previous):
            file.touch()
        self.job = place.make_job(place.make_run(name))
        place.start_job(self.job["metadata"]["name"])
        self._make_logs()
        self._make_pod()

    def until_served(self) -> None:
        """Waits until the API server serves the log."""
        until(lambda: self.plane.request("GET", self.log_path)[0] == 200, what="the log is served")

    def write(self, *entries: Entry, file: pathlib.Path | None = None) -> None:
        """Appends to a file, as the container runtime does."""
        with (file or self.file).open("ab") as out:
            for entry in entries:
                moment = dt.datetime.fromtimestamp(entry.stamp // _SECOND, dt.UTC)
                stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{entry.stamp % _SECOND:09d}Z"
                out.write(f"{stamp} stdout {'P' if entry.is_partial else 'F'} ".encode() + entry.text + b"\n")

    def _make_logs(self) -> None:
        files = {"logsFile": str(self.file), "previousLogsFile": str(self.previous)}
        logs = {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "Logs",
            "metadata": {"name": self.pod},
            "spec": {"logs": [{"containers": ["main"], **files}]},
        }
        self.work.ask("POST", LOGS.format(namespace=self.work.namespace), logs)

    def _make_pod(self) -> None:
        name, uid = self.job["metadata"]["name"], self.job["metadata"]["uid"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True}
        labels = {"job-name": name, "batch.kubernetes.io/job-name": name}
        metadata = {
            "name": self.pod,
            "labels": labels,
            "ownerReferences": [owner],
            "annotations": {"demo/exits": "never"},
        }
        spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "agent:1"}]}
        self.work.ask("POST", f"/api/v1/namespaces/{self.work.namespace}/pods", {"metadata": metadata, "spec": spec})
