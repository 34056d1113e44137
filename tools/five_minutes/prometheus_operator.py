"""Runs the Prometheus Operator, which configures a Prometheus from ServiceMonitors and PrometheusRules."""

import base64
import gzip
import http
import json
import os
import pathlib
import subprocess
from typing import Any, Self

from lab.components import component
from lab.controlplane.plane import ControlPlane
from lab.processes import Process
from lab.waiting import until

__all__ = ["PrometheusOperator"]

NAME = "wall"
MONITORING = "/apis/monitoring.coreos.com/v1/namespaces/monitoring"
ACCOUNT = pathlib.Path("/run/secrets/kubernetes.io/serviceaccount")
DISCOVERY = [
    {"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
]
"""The RBAC rules for a Prometheus, from the documentation of the Operator."""
PROMETHEUS = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "Prometheus",
    "metadata": {"name": NAME},
    "spec": {
        "serviceAccountName": "prometheus",
        "serviceMonitorSelector": {},
        "serviceMonitorNamespaceSelector": {},
        "ruleSelector": {},
        "ruleNamespaceSelector": {},
    },
}
"""This Prometheus selects every ServiceMonitor and PrometheusRule, in all namespaces."""


class PrometheusOperator:
    """A context manager that runs the process of the Operator, without the pods that it would create.

    `environment` has the variables with the API server's address, which the kubelet sets in a pod: the service
    discovery of Prometheus reads them.
    """

    def __init__(self, folder: pathlib.Path, plane: ControlPlane) -> None:
        self._folder = folder
        self._plane = plane
        host, _, port = plane.url.removeprefix("https://").partition(":")
        self.environment = [f"KUBERNETES_SERVICE_HOST={host}", f"KUBERNETES_SERVICE_PORT={port}"]

    def __enter__(self) -> Self:
        self._folder.mkdir()
        subprocess.run(  # noqa: S603 - a user installs the CRDs with the same command
            [component("kubectl"), "apply", "--server-side", "--filename", component("operator-crds.yaml")],
            env=os.environ | {"KUBECONFIG": str(self._plane.admin_kubeconfig), "HOME": str(self._folder)},
            check=True,
            capture_output=True,
        )
        until(self._are_served, what="the Operator's custom resources are served")
        argv = ["env", f"KUBECONFIG={self._plane.admin_kubeconfig}", component("operator")]
        flags = ["--web.listen-address=127.0.0.1:9080"]
        self._process = Process(*argv, *flags, folder=self._folder, log=self._folder / "operator.log")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def prepare(self) -> None:
        """Creates the Prometheus object and a service account with permissions for service discovery."""
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        grant = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "prometheus"}
        subject = {"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}
        named = {"metadata": {"name": "prometheus"}}
        self._create("/api/v1/namespaces/monitoring/serviceaccounts", named)
        self._create(f"{rbac}/clusterroles", named | {"rules": DISCOVERY})
        self._create(f"{rbac}/clusterrolebindings", named | {"roleRef": grant, "subjects": [subject]})
        self._create(f"{MONITORING}/prometheuses", PROMETHEUS)

    def configuration(self) -> pathlib.Path:
        """Waits until the Operator's configuration has the exporter's job and rules; writes it with local paths."""
        path = f"/api/v1/namespaces/monitoring/secrets/prometheus-{NAME}"

        def read_configuration() -> str:
            secret = self._plane.request("GET", path)[1]
            compressed = secret.get("data", {}).get("prometheus.yaml.gz", "")
            text = gzip.decompress(base64.b64decode(compressed)).decode() if compressed else ""
            return text if "coderun-exporter" in text and "rulefiles" in text else ""

        text = until(
            read_configuration,
            what="the Operator has written a configuration",
            seconds=60,
            otherwise=self._process.last_output,
        )
        self._write_rules()
        self._mount_token()
        # In a pod, the config-reloader sidecar replaces the variables. The paths are those of a pod.
        for placeholder, value in {
            "$(POD_NAME)": f"prometheus-{NAME}-0",
            "$(SHARD)": "0",
            "/etc/prometheus": str(self._folder),
            "/var/run/secrets": "/run/secrets",
        }.items():
            text = text.replace(placeholder, value)
        file = self._folder / "prometheus.yml"
        file.write_text(text)
        return file

    def _are_served(self) -> bool:
        code, _ = self._plane.request("GET", f"{MONITORING}/prometheuses")
        return code == http.HTTPStatus.OK

    def _write_rules(self) -> None:
        """Writes each ConfigMap with rules to a folder."""
        path = "/api/v1/namespaces/monitoring/configmaps"
        for item in self._plane.request("GET", path)[1]["items"]:
            name = item["metadata"]["name"]
            if name.startswith(f"prometheus-{NAME}-rulefiles"):
                folder = self._folder / "rules" / name
                folder.mkdir(parents=True)
                for file, text in item["data"].items():
                    (folder / file).write_text(text)

    def _mount_token(self) -> None:
        """Writes the token of the service account to the path where a pod has it."""
        subprocess.run(["/bin/mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        ACCOUNT.mkdir(parents=True)
        path = "/api/v1/namespaces/monitoring/serviceaccounts/prometheus/token"
        answer = self._create(path, {"spec": {"expirationSeconds": 3600}})
        (ACCOUNT / "token").write_text(answer["status"]["token"])
        (ACCOUNT / "ca.crt").write_bytes(self._plane.ca.read_bytes())

    def _create(self, path: str, item: dict[str, Any]) -> Any:
        code, answer = self._plane.request("POST", path, item)
        if code not in {http.HTTPStatus.OK, http.HTTPStatus.CREATED}:
            raise RuntimeError(f"POST {path}: {json.dumps(answer)}")
        return answer
