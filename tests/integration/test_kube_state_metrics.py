"""docs/kube-state-metrics.md, claim by claim: what the real kube-state-metrics tells with the files of this repository."""

import itertools
import json
import pathlib
import re
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any, Self

import pytest
import yaml

from tests.components import component
from tests.integration.controlplane import ControlPlane
from tests.integration.monitoring import Prometheus
from tests.integration.processes import Process, free_ports
from tests.integration.waiting import until
from tests.integration.workplace import CLAUDE, Workplace

pytestmark = [pytest.mark.needs("kube-state-metrics"), pytest.mark.timeout(120)]

FILES = pathlib.Path(__file__).resolve().parents[2] / "deploy/kube-state-metrics"
FLAGS = ("--resources=jobs,configmaps", "--metric-labels-allowlist=jobs=[github-user]")
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_TOKENS = itertools.count()


class StateMetrics:
    """kube-state-metrics as a ServiceAccount with the permissions of clusterrole.yaml, but not for `without`."""

    def __init__(self, plane: ControlPlane, place: Workplace, folder: pathlib.Path, *, without: str = "") -> None:
        self._port, self._own_port = free_ports(2)
        self.address, self.own_address = f"127.0.0.1:{self._port}", f"127.0.0.1:{self._own_port}"
        self._plane, self._folder = plane, folder
        self._name = f"ksm-{next(_TOKENS)}-{place.namespace}"
        account = f"/api/v1/namespaces/{place.namespace}/serviceaccounts"
        place.ask("POST", account, {"metadata": {"name": self._name}})
        role = yaml.safe_load((FILES / "clusterrole.yaml").read_text())
        role["metadata"]["name"] = self._name
        role["rules"] = [rule for rule in role["rules"] if without not in rule["resources"]]
        place.ask("POST", f"{_RBAC}/clusterroles", role)
        subject = {"kind": "ServiceAccount", "name": self._name, "namespace": place.namespace}
        named = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self._name}
        binding = {"metadata": {"name": self._name}, "roleRef": named, "subjects": [subject]}
        place.ask("POST", f"{_RBAC}/clusterrolebindings", binding)
        asked = place.ask("POST", f"{account}/{self._name}/token", {"spec": {"expirationSeconds": 3600}})
        self._token = asked["status"]["token"]

    def __enter__(self) -> Self:
        self._folder.mkdir()
        kubeconfig = self._folder / "kubeconfig"
        kubeconfig.write_text(self._plane.kubeconfig_of(self._token))
        ports = (f"--port={self._port}", f"--telemetry-port={self._own_port}")
        hosts = ("--host=127.0.0.1", "--telemetry-host=127.0.0.1", f"--kubeconfig={kubeconfig}")
        state = f"--custom-resource-state-config-file={FILES / 'custom-resource-state.yaml'}"
        argv = [component("kube-state-metrics"), *ports, *hosts, *FLAGS, state]
        self._process = Process(*argv, folder=self._folder, log=self._folder / "log")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()
        for kind in ("clusterrolebindings", "clusterroles"):
            self._plane.request("DELETE", f"{_RBAC}/{kind}/{self._name}")

    def log(self) -> str:
        """What it wrote."""
        return (self._folder / "log").read_text()

    def code(self, path: str) -> int:
        """The status of an answer of its second port, where its probes are."""
        try:
            with urllib.request.urlopen(f"http://{self.own_address}{path}", timeout=10) as answer:  # noqa: S310
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def about(self, word: str = "", *, own: bool = False) -> dict[str, float]:
        """The series of its page, or with `own` of those about itself, that have this word: without constant labels."""
        address = self.own_address if own else self.address
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:  # noqa: S310 - loopback
            lines = re.sub(r'customresource_\w+="[^"]*",', "", answer.read().decode()).splitlines()
        samples = (line.rpartition(" ") for line in lines if line[:1] not in "#" and word in line)
        return {series: float(value) for series, _, value in samples}


class Asked(Prometheus):
    """Scrapes both ports, evaluates nothing by itself, and takes a sample of now for one of the next hours."""

    def __init__(self, folder: pathlib.Path, metrics: StateMetrics) -> None:
        super().__init__(folder, exporter=metrics.address)
        self._targets = [metrics.address, metrics.own_address]

    def _flags(self) -> list[str]:
        job = {"job_name": "ksm", "honor_labels": True, "scrape_interval": "1s", "scrape_timeout": "1s"}
        job["static_configs"] = [{"targets": self._targets}]
        (self.folder / "config.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
        return ["--storage.tsdb.path=data", "--query.lookback-delta=3h"]

    def found(self, alert: str, label: str, *, hours: float = 2) -> set[str]:
        """The values of a label of what an alert of rules.yml would find, so many hours from now."""
        now = float(self.get("/api/v1/query", query="time()")["data"]["result"][1])
        return {each["metric"][label] for each in self.query(EXPRESSIONS[alert], time=now + hours * 3600)}


RULES = [each for group in yaml.safe_load((FILES / "rules.yml").read_text())["groups"] for each in group["rules"]]
EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in RULES}


@pytest.fixture(scope="module")
def place(control_plane: ControlPlane) -> Workplace:
    """Runs with a Job and without, over and not; templates that are whole, empty, and without a key."""
    place = Workplace(control_plane, f"ksm-{uuid.uuid4().hex[:8]}").open()
    place.make_run("new")
    place.make_run("wrong", spec={"contextVersion": "second", "taskId": {"is": "a map"}})
    deleted = place.make_run("deleted", finalizers=["example/held"])
    place.delete_run(deleted["metadata"]["name"])
    for name in ("running", "over", "exited"):
        place.make_job(place.make_run(name, spec={"contextVersion": 2}), labels={"github-user": "5dlabs-rex"})
        place.start_job(f"{name}-job")
        status = {"phase": "Running", "jobName": f"{name}-job", "lastUpdate": "2026-01-01T00:00:00Z"}
        _write(place, name, status | ({} if name == "running" else {"phase": "Succeeded", "workCompleted": True}))
    place.finish_job("exited-job")
    _write(place, "wrong", {"phase": 7})
    for name, data in ((CLAUDE, {"a.sh": "#!/bin/sh"}), ("empty", {}), ("lacking", {"b.sh": "#!/bin/sh"})):
        place.ask("POST", place.config_maps, {"metadata": {"name": name}, "data": data})
    return place


@pytest.fixture(scope="module")
def metrics(
    control_plane: ControlPlane, place: Workplace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StateMetrics]:
    """One that has read all of that."""
    with StateMetrics(control_plane, place, tmp_path_factory.mktemp("ksm") / "ksm") as running:
        wanted = (f'kube_job_info{{namespace="{place.namespace}"', "kube_coderun_created", 'configmap="lacking"')
        until(lambda: all(running.about(each) for each in wanted), what="it has read all", otherwise=running.log)
        yield running


def _write(place: Workplace, run: str, status: dict[str, Any]) -> None:
    kind = "application/merge-patch+json"
    place.ask("PATCH", f"{place.runs}/{run}/status", {"status": status}, content_type=kind)


def test_probe(place, metrics, control_plane, tmp_path):
    """Look."""
    print(json.dumps(metrics.about(place.namespace), indent=1))
    print(json.dumps(metrics.about("kube_state_metrics", own=True), indent=1))
    print(metrics.log()[-6000:])
    with Asked(tmp_path / "p", metrics) as prom:
        until(lambda: prom.query("kube_coderun_created"), what="x")
        for alert in EXPRESSIONS:
            print(alert, json.dumps(prom.query(EXPRESSIONS[alert]), indent=1))
        for alert in EXPRESSIONS:
            print(alert, [e["metric"] for e in prom.query(EXPRESSIONS[alert], time=__import__("time").time() + 7200)])
    with StateMetrics(control_plane, place, tmp_path / "m", without="jobs") as lame:
        until(lambda: lame.about("kube_coderun_created"), what="x")
        import time
        time.sleep(5)
        print(lame.code("/readyz"), lame.code("/livez"), lame.code("/healthz"))
        print(json.dumps(lame.about("kube_state_metrics", own=True), indent=1), lame.about("kube_job"))
        print(lame.log()[-3000:])
