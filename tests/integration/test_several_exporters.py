"""Several exporters on a real API server: installed by Helm and by kustomize, and drained."""

import json
import os
import pathlib
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab import fast_yaml
from lab.components import component
from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.deploy.rendering import (
    CHART,
    ROOT,
    of_kind,
    only_object,
    relative_path_from,
    render_chart,
    render_kustomization,
)
from tests.deploy.test_chart_nulls import PATHS, REMOVABLE, with_null
from tests.deploy.test_kustomize_labels import second_exporter
from tests.deploy.umbrella import parent_chart
from tests.integration.test_manifests import applied, kubectl, namespaces, operator  # noqa: F401 - two are fixtures

pytestmark = [pytest.mark.timeout(180), pytest.mark.needs("kubectl", "kustomize", "helm", "operator-crds.yaml")]

INVALID_WITH_NULL = {("policyLimits", "default"), ("podSecurityContext", "seccompProfile", "type")}
"""The schema and the API server reject a null here, with one line that names the field."""
TWO_ALIASES = ({"alias": "runs"}, {"alias": "docs"})


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace for one test, which is deleted afterwards."""
    name = f"parts-{uuid.uuid4().hex[:8]}"
    path = "/api/v1/namespaces"
    assert control_plane.request("POST", path, objects.namespace(name))[0] == 201
    yield name
    control_plane.request("DELETE", f"{path}/{name}")


def helm(plane: ControlPlane, home: pathlib.Path, namespace: str, *args: str, code: int = 0) -> str:
    """The standard output of helm, or its standard error if `code` is not 0."""
    flags = [f"--namespace={namespace}", f"--kubeconfig={plane.admin_kubeconfig}"]
    done = subprocess.run(
        [component("helm"), *args, *flags],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def listed(plane: ControlPlane, path: str) -> list[dict[str, Any]]:
    """The items of a list."""
    code, answer = plane.request("GET", path)
    assert code == 200, answer
    return list(answer["items"])


def drain(plane: ControlPlane, namespace: str, folder: pathlib.Path) -> None:
    """Evicts all pods of the exporters as a drain of a node does. Each pod must have one budget."""
    pods = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io/name=coderun-exporter"
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    until(
        lambda: [each["status"].get("expectedPods") for each in listed(plane, budgets)] == [1, 1],
        what="each budget has one pod",
    )
    before = {each["metadata"]["name"] for each in listed(plane, pods)}
    assert len(before) == 2
    args = ("drain", "node-1", "--pod-selector=app.kubernetes.io/name=coderun-exporter", "--force", "--timeout=60s")
    try:
        output = kubectl(plane, folder, *args, "--ignore-daemonsets", "--delete-emptydir-data")
    finally:
        kubectl(plane, folder, "uncordon", "node-1")
    assert all(f"pod/{name} evicted" in output for name in before), output
    until(
        lambda: not before & {each["metadata"]["name"] for each in listed(plane, pods)},
        what="the pods are replaced",
    )


def assert_each_service_has_its_own_pod(plane: ControlPlane, namespace: str) -> None:
    """Asserts the addresses in the EndpointSlices, which the real controller writes."""
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    def targets() -> list[list[str]]:
        return [
            [point["targetRef"]["name"] for point in each.get("endpoints") or ()] for each in listed(plane, slices)
        ]

    until(lambda: [len(names) for names in targets()] == [1, 1], what="each Service has one pod")
    assert len({name for names in targets() for name in names}) == 2


@pytest.mark.usefixtures("operator")
def test_two_exporters_of_one_release_are_drained(
    control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path
):
    """The chart has two aliases. A pod with two budgets could not be evicted. No Service may select both pods."""
    settings = {"namespaces": [namespace], "configmaps": {"namespace": namespace}}
    values = {part: {"settings": settings, "serviceMonitor": {"enabled": True}} for part in ("runs", "docs")}
    chart = parent_chart(tmp_path, *TWO_ALIASES, values=values)
    helm(control_plane, tmp_path, namespace, "install", "platform", str(chart), "--wait", "--timeout=60s")
    assert_each_service_has_its_own_pod(control_plane, namespace)
    drain(control_plane, namespace, tmp_path)
    helm(control_plane, tmp_path, namespace, "uninstall", "platform", "--wait", "--timeout=60s")


@pytest.mark.usefixtures("operator")
def test_two_exporters_of_kustomize_in_one_namespace_are_drained(
    control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path
):
    """The second exporter is installed as in deploy/README.md."""
    manifests = []
    for name, text in (("first", ""), ("second", second_exporter())):
        folder = tmp_path / name
        folder.mkdir()
        base = relative_path_from(folder)
        head = (
            f"resources: [{base}/base]\ncomponents: [{base}/components/prometheus-operator]\nnamespace: {namespace}\n"
        )
        (folder / "kustomization.yaml").write_text(head + text)
        manifests += render_kustomization(folder)
    with applied(control_plane, tmp_path, manifests):
        assert_each_service_has_its_own_pod(control_plane, namespace)
        drain(control_plane, namespace, tmp_path)


def test_a_parent_chart_can_disable_and_enable_it(
    control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path
):
    """The condition changes with each upgrade of the release. The parent has `global` values."""
    values = {"coderun-exporter": {"enabled": True, "rbac": {"create": False}}, "global": {"team": "a"}}
    chart = parent_chart(tmp_path, {"condition": "coderun-exporter.enabled"}, values=values)
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    for enabled in (True, False, True):
        flag = f"--set=coderun-exporter.enabled={str(enabled).lower()}"
        helm(control_plane, tmp_path, namespace, "upgrade", "--install", "platform", str(chart), flag)
        until(lambda enabled=enabled: bool(listed(control_plane, deployments)) == enabled, what=f"enabled={enabled}")
    helm(control_plane, tmp_path, namespace, "uninstall", "platform")


@pytest.mark.usefixtures("operator", "namespaces")
def test_the_api_server_accepts_the_chart_with_every_value_null(
    control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path
):
    """Strictly validated if a null removes a key. Other nulls have the default, as tests/deploy shows.

    Then Helm installs the chart with all values null.
    """
    different = {
        json.dumps(item, sort_keys=True): item
        for path in PATHS
        if ".".join(path).startswith(REMOVABLE) and path not in INVALID_WITH_NULL
        for item in render_chart(with_null(path), f"--namespace={namespace}")
    }
    flags = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "--filename=-")
    output = kubectl(control_plane, tmp_path, "apply", *flags, manifests=[*different.values()])
    assert len(output.splitlines()) == len(different)
    values = tmp_path / "values.json"
    values.write_text(json.dumps(dict.fromkeys(path[0] for path in PATHS) | {"rbac": {"create": False}}))
    helm(control_plane, tmp_path, namespace, "install", "nulls", str(CHART), "--values", str(values))
    helm(control_plane, tmp_path, namespace, "uninstall", "nulls")


def test_an_empty_list_of_scrapers_denies_all_scrapes(
    control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path
):
    """The API server stores the policy, and kubectl describes it."""
    policy = only_object(
        render_chart({"networkPolicy": {"prometheus": []}}, f"--namespace={namespace}"), "NetworkPolicy"
    )
    with applied(control_plane, tmp_path, [policy]):
        output = kubectl(control_plane, tmp_path, "describe", "networkpolicy", f"--namespace={namespace}")
    ingress = output.partition("Allowing ingress traffic:")[2].partition("Allowing egress traffic:")[0]
    assert ingress.split() == ["<none>", "(Selected", "pods", "are", "isolated", "for", "ingress", "connectivity)"]


def test_a_quota_limits_a_tenant(control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path):
    """It is the quota of the example with a smaller number. The error names it."""
    quota = fast_yaml.load((ROOT / "deploy/examples/tenant-quota.yaml").read_text())
    quota["metadata"]["namespace"] = namespace
    quota["spec"]["hard"] = dict.fromkeys(quota["spec"]["hard"], "2")
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    with applied(control_plane, tmp_path, [quota]):
        until(lambda: "hard" in listed(control_plane, path)[0]["status"], what="the quota is in effect")
        codes = [make_job(control_plane, namespace, number)[0] for number in range(3)]
        assert codes == [201, 201, 403]
        assert "exceeded quota: agent-runs" in make_job(control_plane, namespace, 3)[1]["message"]


def make_job(plane: ControlPlane, namespace: str, number: int) -> tuple[int, Any]:
    """Creates a suspended Job, which remains."""
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "none"}]}}
    job = {"metadata": {"name": f"flood-{number}"}, "spec": {"suspend": True, "template": pod}}
    return plane.request("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", job)


def test_the_values_of_the_example_are_valid():
    """They are for an exporter for one tenant, with limits for its memory and its scrape."""
    values = fast_yaml.load((ROOT / "deploy/examples/values-tenant.yaml").read_text())
    made = render_chart(values)
    assert only_object(made, "ServiceMonitor")["spec"]["sampleLimit"] == 50_000
    assert {item["metadata"].get("namespace") for item in of_kind(made, "Role")} == {"team-a"}
