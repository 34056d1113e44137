"""Runs one installation method of docs/five-minutes.md, from an empty cluster to firing alerts, timing each step."""

import contextlib
import json
import os
import pathlib
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from lab.components import CLUSTER, component
from lab.controlplane.nodes import Nodes
from lab.controlplane.plane import ControlPlane
from lab.controlplane.pod import Pod
from lab.processes import Process
from lab.waiting import until
from tools.five_minutes import page
from tools.five_minutes.prometheus_operator import PrometheusOperator

__all__ = ["WAYS", "walk"]

WAYS = {"kustomize": "With kustomize", "helm": "With Helm", "operator": "With the Prometheus Operator"}
"""The installation methods, with their headings in docs/five-minutes.md."""
WANTED = {"RequiredConfigMapUnhealthy": 6, "CodeRunNotReconciled": 1}
"""The number of firing alerts of each name, once the page is done."""
LIMIT_SECONDS = 300.0
MOUNT = "/etc/prometheus/coderun-exporter"
SERVICE = "coderun-exporter.agent-platform.svc"
PROMETHEUS = "127.0.0.1:9090"


class Walk:
    """The steps of the page. Prints each step with the seconds since the first one."""

    def __init__(self, folder: pathlib.Path, plane: ControlPlane) -> None:
        self._started = time.monotonic()
        self._folder = folder
        self._plane = plane
        self._environment = os.environ | {
            "KUBECONFIG": str(plane.admin_kubeconfig),
            "HOME": str(folder),
            "PATH": f"{component('kubectl').parent}:{os.environ['PATH']}",
        }

    def log(self, what: str) -> None:
        """Prints a line with the seconds since the first step."""
        print(f"{time.monotonic() - self._started:6.1f} s  {what}", flush=True)

    def run(self, heading: str) -> None:
        """Runs the commands below a heading. Raises RuntimeError with the standard error of a failed command."""
        for command in page.commands(heading):
            done = subprocess.run(  # noqa: S603 - the page's own commands
                ["/bin/bash", "-euo", "pipefail", "-c", command],
                cwd=page.ROOT,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{command}: {done.stderr.strip()}")
            self.log(command.replace("\\\n", "").replace("  ", " "))

    def list_objects(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list."""
        return list(self._plane.request("GET", path)[1]["items"])

    @contextlib.contextmanager
    def run_exporter(self) -> Iterator[None]:
        """Runs the exporter's container at the address of its pod. Enters when the container is ready."""
        pods = self.list_objects("/api/v1/namespaces/agent-platform/pods")
        # The page sets an image, so a pod of the previous ReplicaSet may still be terminating.
        [pod] = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
        address = pod["status"]["podIP"]
        pathlib.Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{address} {SERVICE}\n")
        with Pod(self._plane, pod, folder=self._folder / "pod", ip=address) as running:
            running.until_succeeds("readiness")
            self.log(f"pod {pod['metadata']['name']} is ready at {address}")
            yield

    def configuration(self) -> pathlib.Path:
        """Writes the page's Prometheus configuration and its ConfigMaps, to a folder instead of /etc/prometheus."""
        config = page.block("Prometheus", "yaml").replace(MOUNT, str(self._folder / "mounted"))
        for name in ("rules", "scrape"):
            folder = self._folder / "mounted" / name
            folder.mkdir(parents=True)
            path = f"/api/v1/namespaces/monitoring/configmaps/coderun-exporter-{name}"
            for file, text in self._plane.request("GET", path)[1]["data"].items():
                (folder / file).write_text(text)
        file = self._folder / "prometheus.yml"
        file.write_text(f"global: {{evaluation_interval: 30s}}\n{config}")
        return file

    @contextlib.contextmanager
    def prometheus(self, config: pathlib.Path, environment: Sequence[str] = ()) -> Iterator[None]:
        """Runs Prometheus with this configuration. Enters after its first scrape of the exporter."""
        flags = [f"--config.file={config}", f"--web.listen-address={PROMETHEUS}"]
        argv = ["env", *environment, component("prometheus"), *flags]
        process = Process(*argv, folder=self._folder, log=self._folder / "prometheus.log")
        try:
            until(
                lambda: _query("query?query=up")["result"],
                what="Prometheus has scraped",
                seconds=60,
                otherwise=lambda: f"{_query('targets')}\n{process.last_output()}",
            )
            self.log("Prometheus has scraped the exporter")
            yield
        finally:
            process.stop()

    def wait_for_alerts(self) -> None:
        """Waits until exactly the alerts of the page fire, and prints each. Raises AssertionError if they do not."""
        fired: list[str] = []

        def all_fired() -> bool:
            firing = [alert for alert in _query("alerts")["alerts"] if alert["state"] == "firing"]
            for alert in firing:
                summary = alert["annotations"]["summary"]
                if summary not in fired:
                    fired.append(summary)
                    self.log(f"{alert['labels']['alertname']}: {summary}")
            names = [alert["labels"]["alertname"] for alert in firing]
            return {name: names.count(name) for name in names} == WANTED

        left = LIMIT_SECONDS - (time.monotonic() - self._started)
        until(all_fired, what=f"exactly {WANTED} fire", seconds=left, otherwise=lambda: f"fired: {fired}")


def walk(way: str, folder: pathlib.Path) -> None:
    """Runs all steps of a method, in the current network namespace. All files are in `folder`."""
    etcd, kube_apiserver, kube_controller_manager, kwok = (component(name) for name in CLUSTER)
    plane = ControlPlane(folder, etcd=etcd, kube_apiserver=kube_apiserver)
    nodes = Nodes(plane, folder / "nodes", kube_controller_manager=kube_controller_manager, kwok=kwok)
    try:
        plane.start()
        nodes.start()
        steps = Walk(folder, plane)
        steps.log(f"an empty cluster, Kubernetes {plane.request('GET', '/version')[1]['gitVersion']}")
        steps.run("A cluster without the platform")
        with contextlib.ExitStack() as stack:
            operator = (
                stack.enter_context(PrometheusOperator(folder / "operator", plane)) if way == "operator" else None
            )
            if operator:
                operator.prepare()
                steps.log("the Prometheus Operator runs, and a Prometheus object exists")
            steps.run(WAYS[way])
            stack.enter_context(steps.run_exporter())
            if operator:
                stack.enter_context(steps.prometheus(operator.configuration(), operator.environment))
            else:
                stack.enter_context(steps.prometheus(steps.configuration()))
            steps.wait_for_alerts()
        dashboards = steps.list_objects("/api/v1/namespaces/monitoring/configmaps?labelSelector=grafana_dashboard=1")
        if not dashboards:
            raise RuntimeError("no ConfigMap has the label that Grafana's sidecar selects")
        steps.log(f"all alerts fire, and Grafana's sidecar finds {len(dashboards)} dashboards")
    finally:
        nodes.stop()
        plane.stop()


def _query(path: str) -> Any:
    """The `data` of a response of the Prometheus API."""
    with urllib.request.urlopen(f"http://{PROMETHEUS}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)["data"]
