"""Controllers for an API server, and nodes that kwok simulates.

Jobs and Deployments create pods, pods run and end (stages.yaml), owners delete their dependents, and namespaces are
deleted. There is no scheduler: a policy assigns every pod to the only node. A pod with another `spec.schedulerName`,
such as BY_HAND, stays without a node: kwok does not change its status.
"""

import datetime as dt
import pathlib
from http import HTTPStatus
from typing import Any

from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.processes import Process, free_ports
from lab.waiting import until

__all__ = ["BY_HAND", "LOGS", "Nodes"]

LOGS = "/apis/kwok.x-k8s.io/v1alpha1/namespaces/{namespace}/logs"
"""The path of kwok's objects that name the log files of a Pod: https://kwok.sigs.k8s.io/docs/user/pod-logs-configuration"""

BY_HAND = "by-hand"
_NODE = "node-1"
_POLICY = "pods-go-to-the-node"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_STAGES = pathlib.Path(__file__).with_name("stages.yaml")
_UNSCHEDULED = "!has(object.spec.nodeName) && object.spec.schedulerName == 'default-scheduler'"
_CONTROLLERS = (
    "job-controller",
    "deployment-controller",
    "replicaset-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "disruption-controller",
    "resourcequota-controller",
    "resourceclaim-controller",
    "ttl-after-finished-controller",
    "garbage-collector-controller",
    "namespace-controller",
)


class Nodes:
    """kube-controller-manager and kwok in `folder`, for a running control plane.

    `log_file` contains the log of every container, in the format of the container runtime interface. An object of
    kind Logs (`LOGS`) with the name of a Pod replaces it by other files.
    """

    def __init__(
        self, plane: ControlPlane, folder: pathlib.Path, *, kube_controller_manager: pathlib.Path, kwok: pathlib.Path
    ) -> None:
        self.log_file = folder / "pods.log"
        self._plane = plane
        self._folder = folder
        self._kube_controller_manager = kube_controller_manager
        self._kwok = kwok
        self._processes: list[Process] = []

    @property
    def kwok_pid(self) -> int:
        """The process ID of kwok, which has the part of the kubelet."""
        return self._processes[-1].pid

    def start(self) -> None:
        """Starts both and waits until a pod has a node. Raises AssertionError if that fails."""
        self._folder.mkdir(exist_ok=True)
        self.log_file.write_text(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}000Z stdout F the agent begins\n")
        (self._folder / "kwok.yaml").write_text(_STAGES.read_text().replace("LOG_FILE", str(self.log_file)))
        self._make("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": _NODE}})
        self._make(f"{_ADMISSION}/mutatingadmissionpolicies", _policy())
        self._make(f"{_ADMISSION}/mutatingadmissionpolicybindings", _binding())
        self._serve_logs()
        self._start_controllers()
        self._start_kwok()
        until(self._are_ready, what="the node is ready and takes pods", otherwise=self._last_words)

    def stop(self) -> None:
        """Kills both."""
        while self._processes:
            self._processes.pop().stop()

    def _serve_logs(self) -> None:
        crd = objects.crd("kwok.x-k8s.io", versions=("v1alpha1",), kind="Log")
        crd["spec"]["names"] |= {"kind": "Logs", "singular": "logs", "listKind": "LogsList"}
        self._make("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        path = LOGS.format(namespace="default")
        until(lambda: self._plane.request("GET", path)[0] == HTTPStatus.OK, what="Logs are served")

    def _start_controllers(self) -> None:
        self._spawn(
            self._kube_controller_manager,
            f"--kubeconfig={self._plane.admin_kubeconfig}",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=1000",  # with the default of 20 two hundred Jobs take a minute
            "--kube-api-burst=2000",
        )

    def _start_kwok(self) -> None:
        [port] = free_ports(1)
        self._spawn(
            self._kwok,
            f"--kubeconfig={self._plane.admin_kubeconfig}",
            "--config=kwok.yaml",
            "--enable-crds=Logs",
            "--manage-all-nodes",
            "--node-ip=127.0.0.1",
            f"--node-port={port}",
            f"--server-address=127.0.0.1:{port}",  # else it listens on every interface
            "--node-lease-duration-seconds=0",
        )

    def _spawn(self, binary: pathlib.Path, *flags: str) -> None:
        log = self._folder / f"{binary.name}.log"
        self._processes.append(Process(binary, *flags, folder=self._folder, log=log))

    def _make(self, path: str, item: dict[str, Any]) -> None:
        code, answer = self._plane.request("POST", path, item)
        assert code in {201, 409}, answer

    def _are_ready(self) -> bool:
        assert all(process.running() for process in self._processes)
        _, node = self._plane.request("GET", f"/api/v1/nodes/{_NODE}")
        ready = any(
            (each["type"], each["status"]) == ("Ready", "True") for each in node["status"].get("conditions", ())
        )
        pod = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
        _, answer = self._plane.request("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod)
        return ready and answer.get("spec", {}).get("nodeName") == _NODE

    def _last_words(self) -> str:
        return "\n".join(process.last_output() for process in self._processes)


def _policy() -> dict[str, Any]:
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    change = f'Object{{spec: Object.spec{{nodeName: "{_NODE}"}}}}'
    return {
        "metadata": {"name": _POLICY},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [pods]},
            "matchConditions": [{"name": "is-unscheduled", "expression": _UNSCHEDULED}],
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": change}}],
        },
    }


def _binding() -> dict[str, Any]:
    return {"metadata": {"name": _POLICY}, "spec": {"policyName": _POLICY}}
