"""One way of the page, from an empty cluster to alerts that fire, with the seconds that have passed."""

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
from tools.five_minutes.operated import Operated

__all__ = ["WAYS", "walk"]

WAYS = {"kustomize": "With kustomize", "helm": "With Helm", "operator": "With the Prometheus Operator"}
WANTED = {"RequiredConfigMapUnhealthy": 6, "CodeRunNotReconciled": 1}
LIMIT_SECONDS = 300.0
MOUNT = "/etc/prometheus/coderun-exporter"
SERVICE = "coderun-exporter.agent-platform.svc"
PROMETHEUS = "127.0.0.1:9090"


class Walk:
    """Counts the seconds since the first command, and tells each step."""

    def __init__(self, folder: pathlib.Path, plane: ControlPlane) -> None:
        self._begun = time.monotonic()
        self._folder = folder
        self._plane = plane
        self._environment = os.environ | {
            "KUBECONFIG": str(plane.admin_kubeconfig),
            "HOME": str(folder),
            "PATH": f"{component('kubectl').parent}:{os.environ['PATH']}",
        }

    def tell(self, what: str) -> None:
        """One line."""
        print(f"{time.monotonic() - self._begun:6.1f} s  {what}", flush=True)

    def run(self, heading: str) -> None:
        """The commands below a heading. Raises RuntimeError with what a failed one says."""
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
            self.tell(command.replace("\\\n", "").replace("  ", " "))

    def listed(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection."""
        return list(self._plane.request("GET", path)[1]["items"])

    @contextlib.contextmanager
    def exporting(self) -> Iterator[None]:
        """The pod's container, at the pod's address."""
        pods = self.listed("/api/v1/namespaces/agent-platform/pods")
        [pod] = [each for each in pods if "deletionTimestamp" not in each["metadata"]]  # an image was set: one goes
        address = pod["status"]["podIP"]
        pathlib.Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{address} {SERVICE}\n")
        with Pod(self._plane, pod, folder=self._folder / "pod", ip=address) as running:
            running.until_succeeds("readiness")
            self.tell(f"pod {pod['metadata']['name']} is ready at {address}")
            yield

    def configuration(self) -> pathlib.Path:
        """Prometheus' own: the ConfigMaps mounted and named as the page says, elsewhere than in /etc/prometheus."""
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
        """With that configuration, until it has scraped."""
        flags = [f"--config.file={config}", f"--web.listen-address={PROMETHEUS}"]
        argv = ["env", *environment, component("prometheus"), *flags]
        process = Process(*argv, folder=self._folder, log=self._folder / "prometheus.log")
        try:
            until(
                lambda: _asked("query?query=up")["result"],
                what="it scrapes",
                seconds=60,
                otherwise=lambda: f"{_asked('targets')}\n{process.last_words()}",
            )
            self.tell("Prometheus has scraped the exporter")
            yield
        finally:
            process.stop()

    def until_fired(self) -> None:
        """All alerts that the page promises, each told as it fires. An AssertionError names what is missing."""
        told: list[str] = []

        def all_fired() -> bool:
            firing = [alert for alert in _asked("alerts")["alerts"] if alert["state"] == "firing"]
            for alert in firing:
                summary = alert["annotations"]["summary"]
                if summary not in told:
                    told.append(summary)
                    self.tell(f"{alert['labels']['alertname']}: {summary}")
            names = [alert["labels"]["alertname"] for alert in firing]
            return {name: names.count(name) for name in names} == WANTED

        left = LIMIT_SECONDS - (time.monotonic() - self._begun)
        until(all_fired, what=f"exactly {WANTED} fire", seconds=left, otherwise=lambda: f"fired: {told}")


def walk(way: str, folder: pathlib.Path) -> None:
    """The whole way; in a network of its own, where `folder` is where all of it lies."""
    etcd, kube_apiserver, kube_controller_manager, kwok = (component(name) for name in CLUSTER)
    plane = ControlPlane(folder, etcd=etcd, kube_apiserver=kube_apiserver)
    nodes = Nodes(plane, folder / "nodes", kube_controller_manager=kube_controller_manager, kwok=kwok)
    try:
        plane.start()
        nodes.start()
        steps = Walk(folder, plane)
        steps.tell(f"an empty cluster, Kubernetes {plane.request('GET', '/version')[1]['gitVersion']}")
        steps.run("A cluster without the platform")
        with contextlib.ExitStack() as stack:
            operated = stack.enter_context(Operated(folder / "operator", plane)) if way == "operator" else None
            if operated:
                operated.prepare()
                steps.tell("the Prometheus Operator has a Prometheus to configure")
            steps.run(WAYS[way])
            stack.enter_context(steps.exporting())
            if operated:
                stack.enter_context(steps.prometheus(operated.configuration(), operated.environment))
            else:
                stack.enter_context(steps.prometheus(steps.configuration()))
            steps.until_fired()
        dashboards = steps.listed("/api/v1/namespaces/monitoring/configmaps?labelSelector=grafana_dashboard=1")
        if not dashboards:
            raise RuntimeError("Grafana's sidecar finds no dashboard")
        steps.tell(f"all of it fires, and Grafana's sidecar has {len(dashboards)} dashboards")
    finally:
        nodes.stop()
        plane.stop()


def _asked(path: str) -> Any:
    """What Prometheus answers."""
    with urllib.request.urlopen(f"http://{PROMETHEUS}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)["data"]
