"""An upgrade with Helm from a version before 0.3.0, whose pods have fewer labels, on a real API server."""

import pathlib
import shutil

import pytest

from lab.controlplane.plane import ControlPlane
from tests.deploy.rendering import CHART
from tests.integration.test_several_exporters import helm, listed, namespace  # noqa: F401 - one is a fixture

pytestmark = [pytest.mark.timeout(180), pytest.mark.needs("helm")]

_COMPONENT = "app.kubernetes.io/component: {{ .Values.name }}\n"
KEPT_VALUES = "--set=rbac.create=false", "--set=resources.requests.cpu=25m"


def older_chart(folder: pathlib.Path) -> str:
    """The path of a chart with the selector and a value of the versions before 0.3.0."""
    chart = folder / "coderun-exporter"
    shutil.copytree(CHART, chart)
    (chart / "values.schema.json").unlink()
    for name, old, new in (
        ("templates/_helpers.tpl", _COMPONENT, ""),
        ("values.yaml", "\nprometheus:\n", "\nprometheus:\n  runbooks: ''\n"),
    ):
        text = (chart / name).read_text()
        assert text.count(old) == 1
        (chart / name).write_text(text.replace(old, new))
    return str(chart)


def test_an_upgrade_from_an_older_version_fails_until_the_deployment_is_deleted(
    control_plane: ControlPlane,
    namespace: str,  # noqa: F811
    tmp_path: pathlib.Path,
):
    """The Service does not change, so the old pods are still scraped. The steps in docs/compatibility.md work."""
    services, deployments = (
        f"/api/v1/namespaces/{namespace}/services",
        f"/apis/apps/v1/namespaces/{namespace}/deployments",
    )
    helm(control_plane, tmp_path, namespace, "install", "old", older_chart(tmp_path), *KEPT_VALUES)
    before = [each["spec"]["selector"] for each in listed(control_plane, services)]

    error = helm(
        control_plane, tmp_path, namespace, "upgrade", "old", str(CHART), "--reset-then-reuse-values", code=1
    )
    delete = f"kubectl -n {namespace} delete deployment coderun-exporter"
    assert f"has another selector, which cannot be changed. Delete it, then upgrade again: {delete}" in error
    assert [each["spec"]["selector"] for each in listed(control_plane, services)] == before
    error = helm(control_plane, tmp_path, namespace, "upgrade", "old", str(CHART), "--reuse-values", code=1)
    assert "'runbooks' not allowed" in error

    assert control_plane.request("DELETE", f"{deployments}/coderun-exporter")[0] == 200
    arguments = ("upgrade", "old", str(CHART), "--reset-then-reuse-values", "--wait", "--timeout=60s")
    helm(control_plane, tmp_path, namespace, *arguments)
    (made,) = listed(control_plane, deployments)
    assert made["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == "coderun-exporter"
    assert made["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "25m"
    helm(control_plane, tmp_path, namespace, "upgrade", "old", str(CHART), "--reuse-values")


def test_a_deployment_of_another_release_is_an_error_of_helm(
    control_plane: ControlPlane,
    namespace: str,  # noqa: F811
    tmp_path: pathlib.Path,
):
    """The error does not recommend to delete it."""
    helm(control_plane, tmp_path, namespace, "install", "theirs", older_chart(tmp_path), *KEPT_VALUES)
    error = helm(control_plane, tmp_path, namespace, "install", "ours", str(CHART), *KEPT_VALUES, code=1)
    assert "invalid ownership metadata" in error
    assert "Delete it" not in error
