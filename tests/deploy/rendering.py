"""The manifests as kustomize and Helm render them."""

import copy
import functools
import json
import os
import pathlib
import subprocess
import tempfile
from typing import Any

import pytest

from lab import fast_yaml
from lab.components import component

__all__ = [
    "CHART",
    "CHOICES",
    "ELSEWHERE",
    "HELM",
    "KUSTOMIZE",
    "NAMESPACE",
    "OVERLAYS",
    "ROOT",
    "WEB_SECRET",
    "by_choice",
    "charted",
    "helm",
    "kustomized",
    "of_kind",
    "one",
    "reached_from",
    "rendered",
]

Object = dict[str, Any]

ELSEWHERE = """\
resources: [{folder}/base]
namespace: cto
configMapGenerator:
  - name: coderun-exporter
    namespace: agent-platform
    behavior: merge
    files: [exporter.yml]
"""
"""A platform in the namespace cto, with settings of its own; to be formatted."""

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUSTOMIZE = ROOT / "deploy/kustomize"
CHART = ROOT / "deploy/helm/coderun-exporter"
NAMESPACE = "agent-platform"
WEB_SECRET = "coderun-exporter-web"
OVERLAYS = ["base", *sorted(f"overlays/{path.name}" for path in (KUSTOMIZE / "overlays").iterdir())]
HELM: dict[str, Object] = {
    "helm": {},
    "helm two replicas": {"replicas": 2},
    "helm one namespace": {"settings": {"namespaces": [NAMESPACE]}},
    "helm plain Prometheus": {"prometheus": {"enabled": True}},
    "helm Prometheus Operator": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
    "helm Grafana": {"dashboards": {"enabled": True}},
    "helm policies warn": {"policies": "warn"},
    "helm policies deny": {"policies": "deny"},
    "helm policies mutate": {"policies": "mutate"},
    "helm web config": {"webConfig": {"secret": WEB_SECRET}},
    "helm client certificates": {"webConfig": {"secret": WEB_SECRET, "clientCertificates": True}},
    "helm tokens": {"settings": {"web": {"kubernetes_auth": True}}, "webConfig": {"secret": WEB_SECRET}},
    "helm a second exporter": {"name": "coderun-exporter-east", "settings": {"namespaces": ["east"]}},
}
CHOICES = [*OVERLAYS, *HELM]


def by_choice(*names: str) -> pytest.MarkDecorator:
    """One case for each way to install it, or for those that are named; asks for kustomize or helm by name."""
    return pytest.mark.parametrize(
        "choice",
        [
            pytest.param(name, marks=pytest.mark.needs("helm" if name in HELM else "kustomize"))
            for name in (names or CHOICES)
        ],
    )


def rendered(choice: str) -> list[Object]:
    """The objects of a choice: a test may change its own."""
    return copy.deepcopy(_rendered(choice))


@functools.cache
def _rendered(choice: str) -> list[Object]:
    return charted(HELM[choice]) if choice in HELM else kustomized(KUSTOMIZE / choice)


def kustomized(folder: pathlib.Path) -> list[Object]:
    """The objects of a kustomization."""
    done = subprocess.run(
        [component("kustomize"), "build", folder], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(fast_yaml.load_all(done.stdout))


def charted(values: Object, *flags: str) -> list[Object]:
    """The objects of the chart with these values."""
    done = helm("template", values, "--kube-version=1.36", *flags)
    assert done.returncode == 0, done.stderr
    return [item for item in fast_yaml.load_all(done.stdout) if item]


def helm(
    command: str, values: Object | None, *flags: str, name: str = "coderun-exporter"
) -> subprocess.CompletedProcess[str]:
    """What helm says of the chart, or without values of the release of it; `command` is helm's own."""
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home) / "values.yaml"
        file.write_text(json.dumps(values))
        release = [] if command == "lint" else [name]
        chart = [] if values is None else [CHART, "--values", file]
        return subprocess.run(
            [component("helm"), command, *release, *chart, "--namespace", NAMESPACE, *flags],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env={"HOME": home},
        )


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """Those of a kind."""
    return [item for item in objects if item["kind"] == kind]


def one(objects: list[Object], kind: str) -> Object:
    """The only one of a kind."""
    [item] = of_kind(objects, kind)
    return item


def reached_from(folder: pathlib.Path) -> str:
    """The way from a folder to the kustomizations: they cannot be named by an absolute path."""
    return os.path.relpath(KUSTOMIZE, folder.resolve())
