"""The real kube-state-metrics with the files of deploy/kube-state-metrics, and a Prometheus that scrapes it."""

import itertools
import pathlib
import re
import urllib.error
import urllib.request
from typing import Any, Self

import yaml

from lab import fast_yaml
from lab.components import component
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.monitoring.servers import Prometheus
from lab.processes import Process, free_ports
from lab.waiting import until

__all__ = ["EXPRESSIONS", "FILES", "FLAGS", "FuturePrometheus", "StateMetrics"]

FILES = pathlib.Path(__file__).resolve().parents[2] / "deploy/kube-state-metrics"
FLAGS = ("--resources=jobs,configmaps", "--metric-labels-allowlist=jobs=[github-user]")
EXPRESSIONS: dict[str, str] = {
    rule["alert"]: rule["expr"]
    for group in fast_yaml.load((FILES / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
}
"""The expressions of rules.yml by alert."""

_CONFIG = FILES / "custom-resource-state.yaml"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_NUMBERS = itertools.count()


class StateMetrics:
    """kube-state-metrics with the permissions of clusterrole.yaml, except for the resource `without`.

    `more` are additional resources of its configuration.
    """

    def __init__(
        self,
        plane: ControlPlane,
        platform: PlatformNamespace,
        folder: pathlib.Path,
        *,
        without: str = "",
        more: Any = (),
    ) -> None:
        self._port, self._own_port = free_ports(2)
        self.address, self.own_address = f"127.0.0.1:{self._port}", f"127.0.0.1:{self._own_port}"
        self._plane, self._folder, self._more = plane, folder, more
        self._name = f"ksm-{next(_NUMBERS)}-{platform.namespace}"
        account = f"/api/v1/namespaces/{platform.namespace}/serviceaccounts"
        platform.ask("POST", account, {"metadata": {"name": self._name}})
        role = fast_yaml.load((FILES / "clusterrole.yaml").read_text())
        role["metadata"]["name"] = self._name
        role["rules"] = [rule for rule in role["rules"] if without not in rule["resources"]]
        platform.ask("POST", f"{_RBAC}/clusterroles", role)
        subject = {"kind": "ServiceAccount", "name": self._name, "namespace": platform.namespace}
        named = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self._name}
        binding = {"metadata": {"name": self._name}, "roleRef": named, "subjects": [subject]}
        platform.ask("POST", f"{_RBAC}/clusterrolebindings", binding)
        response = platform.ask("POST", f"{account}/{self._name}/token", {"spec": {"expirationSeconds": 3600}})
        self._token = response["status"]["token"]

    def __enter__(self) -> Self:
        self._folder.mkdir()
        kubeconfig = self._folder / "kubeconfig"
        kubeconfig.write_text(self._plane.kubeconfig_of(self._token))
        ports = (f"--port={self._port}", f"--telemetry-port={self._own_port}")
        hosts = ("--host=127.0.0.1", "--telemetry-host=127.0.0.1", f"--kubeconfig={kubeconfig}")
        config = _CONFIG
        if self._more:
            tree = fast_yaml.load(_CONFIG.read_text())
            tree["spec"]["resources"] += self._more
            config = self._folder / "config.yaml"
            config.write_text(yaml.safe_dump(tree))
        state = f"--custom-resource-state-config-file={config}"
        argv = [component("kube-state-metrics"), *ports, *hosts, *FLAGS, state]
        self._process = Process(*argv, folder=self._folder, log=self._folder / "log")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
        for kind in ("clusterrolebindings", "clusterroles"):
            self._plane.request("DELETE", f"{_RBAC}/{kind}/{self._name}")

    def until_read(self, *words: str) -> None:
        """Waits until its metrics contain each of these words."""
        until(lambda: all(self.about(word) for word in words), what=f"{words} are in the metrics", otherwise=self.log)

    def log(self) -> str:
        """The text of its log."""
        return (self._folder / "log").read_text()

    def code(self, path: str) -> int:
        """The status of a path on its second port, which has the probes."""
        try:
            with urllib.request.urlopen(f"http://{self.own_address}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def about(self, word: str = "", *, own: bool = False) -> dict[str, float]:
        """The series with this word, without labels that are always the same. `own` selects the second port."""
        address = self.own_address if own else self.address
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            lines = re.sub(r'customresource_\w+="[^"]*",', "", answer.read().decode()).splitlines()
        samples = (line.rpartition(" ") for line in lines if line and line[0] != "#" and word in line)
        return {series: float(value) for series, _, value in samples}


class FuturePrometheus(Prometheus):
    """Scrapes both ports and evaluates no rules. Queries for the next 3 h use the current samples."""

    def __init__(self, folder: pathlib.Path, metrics: StateMetrics) -> None:
        super().__init__(folder, exporter=metrics.address)
        self._targets = [metrics.address, metrics.own_address]

    def _flags(self) -> list[str]:
        job: dict[str, Any] = {
            "job_name": "ksm",
            "honor_labels": True,
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
        }
        job["static_configs"] = [{"targets": self._targets}]
        (self.folder / "config.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
        return ["--storage.tsdb.path=data", "--query.lookback-delta=3h"]

    def found(self, expression: str, label: str, *, hours: float = 2) -> set[str]:
        """The values of a label in the result of an expression, if no object changes for this number of hours."""
        now = float(self.get("/api/v1/query", query="time()")["data"]["result"][1])
        return {each["metric"][label] for each in self.query(expression, time=now + hours * 3600)}
