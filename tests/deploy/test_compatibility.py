"""The table of docs/compatibility.md has the versions of this release and of the tested components."""

import json
import re

from exporter import __version__
from lab import fast_yaml
from tests.deploy.rendering import CHART, ROOT

PAGE = (ROOT / "docs/compatibility.md").read_text()


def version_of(tool, module):
    """The version of a module in the go.mod of a tool."""
    text = (ROOT / f"tools/{tool}/go.mod").read_text()
    return re.search(rf"^\t?{re.escape(module)} v(\S+)", text, re.MULTILINE)[1]


def row_of(name):
    """The tested versions in the row of this component."""
    return re.search(rf"^\| {name} \| ([^|]+) \|", PAGE, re.MULTILINE)[1]


def test_a_release_has_one_version():
    """The first row has the version of the exporter, the chart and the rules, which are equal."""
    rules = (ROOT / "alerts/VERSION").read_text().strip()
    chart = fast_yaml.load((CHART / "Chart.yaml").read_text())
    newest = re.search(r"^\| (\d\S+) \| (\S+) \| (\S+) \|", PAGE, re.MULTILINE).groups()
    assert newest == (__version__, chart["version"], rules)
    assert len({*newest}) == 1
    assert f"{chart['kubeVersion'].removeprefix('>=').removesuffix('.0-0')} or newer" in PAGE


def test_the_tested_versions_are_those_of_the_built_components():
    """The components that `make tools` builds."""
    assert version_of("kube", "k8s.io/kubernetes") in row_of("Kubernetes")
    for tool in ("prometheus", "prometheus-oldest"):  # the module of Prometheus 3.14.0 is v0.314.0
        found = version_of(tool, "github.com/prometheus/prometheus").split(".")[1]
        number = f"{found[0]}.{int(found[1:])}" if len(found) == 3 else f"2.{found}"
        assert number in row_of("Prometheus")
    for tool in ("alertmanager", "alertmanager-oldest"):
        found = version_of(tool, "github.com/prometheus/alertmanager")
        assert found.removesuffix(".0") in row_of("Alertmanager")
    assert version_of("operator", "github.com/prometheus-operator/prometheus-operator") in row_of(
        "Prometheus Operator"
    )
    assert version_of("helm", "helm.sh/helm/v3").removesuffix(".0") in row_of("Helm")
    for package, row in (("@anthropic-ai/claude-code", "Claude Code"), ("@openai/codex", "Codex")):
        found = json.loads((ROOT / "tools/agents/package.json").read_text())["dependencies"][package]
        assert found in row_of(f"{row}, if logs are read")
        assert f"{row} {found}" in (ROOT / "docs/reliability.md").read_text()
    assert version_of("kustomize", "sigs.k8s.io/kustomize/kustomize/v5") in row_of("kustomize")
