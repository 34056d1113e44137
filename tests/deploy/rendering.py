"""Renders the manifests with kustomize and Helm."""

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
    "HELM_VALUES",
    "INSTALLATIONS",
    "KUSTOMIZE",
    "NAMESPACE",
    "OTHER_NAMESPACE",
    "OVERLAYS",
    "ROOT",
    "WEB_SECRET",
    "for_each_installation",
    "helm",
    "of_kind",
    "only_object",
    "relative_path_from",
    "render_chart",
    "render_installation",
    "render_kustomization",
]

Object = dict[str, Any]

OTHER_NAMESPACE = """\
resources: [{folder}/base]
namespace: cto
configMapGenerator:
  - name: coderun-exporter
    namespace: agent-platform
    behavior: merge
    files: [exporter.yml]
"""
"""A kustomization for a platform in namespace `cto`, with its own settings; `{folder}` is to be replaced."""

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUSTOMIZE = ROOT / "deploy/kustomize"
CHART = ROOT / "deploy/helm/coderun-exporter"
NAMESPACE = "agent-platform"
WEB_SECRET = "coderun-exporter-web"
OVERLAYS = ["base", *sorted(f"overlays/{path.name}" for path in (KUSTOMIZE / "overlays").iterdir())]
HELM_VALUES: dict[str, Object] = {
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
INSTALLATIONS = [*OVERLAYS, *HELM_VALUES]


def for_each_installation(*names: str) -> pytest.MarkDecorator:
    """Parametrizes a test with the named installations, or with all. A case needs kustomize or Helm."""
    return pytest.mark.parametrize(
        "installation",
        [
            pytest.param(name, marks=pytest.mark.needs("helm" if name in HELM_VALUES else "kustomize"))
            for name in (names or INSTALLATIONS)
        ],
    )


def render_installation(installation: str) -> list[Object]:
    """The objects of an installation. Each call returns a copy, which a test may change."""
    return copy.deepcopy(_rendered(installation))


@functools.cache
def _rendered(installation: str) -> list[Object]:
    return (
        render_chart(HELM_VALUES[installation])
        if installation in HELM_VALUES
        else render_kustomization(KUSTOMIZE / installation)
    )


def render_kustomization(folder: pathlib.Path) -> list[Object]:
    """The objects that `kustomize build` prints for a folder."""
    done = subprocess.run(
        [component("kustomize"), "build", folder], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(fast_yaml.load_all(done.stdout))


def render_chart(values: Object, *flags: str) -> list[Object]:
    """The objects of the chart with these values."""
    done = helm("template", values, "--kube-version=1.36", *flags)
    assert done.returncode == 0, done.stderr
    return [item for item in fast_yaml.load_all(done.stdout) if item]


def helm(
    command: str, values: Object | None, *flags: str, name: str = "coderun-exporter"
) -> subprocess.CompletedProcess[str]:
    """Runs `helm COMMAND` for the chart with these values; without values for an installed release."""
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
    """The objects of this kind."""
    return [item for item in objects if item["kind"] == kind]


def only_object(objects: list[Object], kind: str) -> Object:
    """The only object of this kind."""
    [item] = of_kind(objects, kind)
    return item


def relative_path_from(folder: pathlib.Path) -> str:
    """The relative path from a folder to `deploy/kustomize`. Kustomizations cannot name an absolute path."""
    return os.path.relpath(KUSTOMIZE, folder.resolve())
