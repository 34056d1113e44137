"""The manifests on a real API server, and an exporter that is started by them."""

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import yaml

from lab.components import component
from lab.controlplane import objects
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from lab.controlplane.pod import Pod
from lab.waiting import until
from tests.deploy.rendering import (
    HELM_VALUES,
    INSTALLATIONS,
    OTHER_NAMESPACE,
    WEB_SECRET,
    helm,
    of_kind,
    only_object,
    relative_path_from,
    render_chart,
    render_installation,
    render_kustomization,
)
from tests.web.protected import PASSWORD, TLS, USERS, Folder, basic

pytestmark = [pytest.mark.timeout(180), pytest.mark.needs("kubectl", "kustomize", "helm", "operator-crds.yaml")]

OPERATOR = ("servicemonitors", "prometheusrules")
RESTRICTED_LABELS = {"pod-security.kubernetes.io/enforce": "restricted"}
STARTED_INSTALLATIONS = [
    "overlays/one-namespace",
    "overlays/prometheus-operator",
    "overlays/two-replicas",
    "overlays/web-config",
    "helm Prometheus Operator",
    "helm one namespace",
    "helm web config",
]


@pytest.fixture
def operator(control_plane: ControlPlane, tmp_path: pathlib.Path) -> None:
    """The CRDs of the Prometheus Operator, so that the API server validates all fields."""
    kubectl(control_plane, tmp_path, "apply", "--server-side", f"--filename={component('operator-crds.yaml')}")
    for plural in OPERATOR:
        path = f"/apis/monitoring.coreos.com/v1/{plural}"
        until(lambda path=path: control_plane.request("GET", path)[0] == 200, what=f"{plural} are served")


@pytest.fixture
def namespaces(control_plane: ControlPlane) -> Iterator[None]:
    """The namespaces of the manifests. They are deleted afterwards if they did not exist before."""
    path = "/api/v1/namespaces"
    names = ("agent-platform", "monitoring", "east")
    made = [name for name in names if control_plane.request("POST", path, objects.namespace(name))[0] == 201]
    yield
    for name in made:
        control_plane.request("DELETE", f"{path}/{name}")
    for name in made:
        until(lambda name=name: control_plane.request("GET", f"{path}/{name}")[0] == 404, what=f"{name} is deleted")


@pytest.fixture
def platform(control_plane: ControlPlane) -> PlatformNamespace:
    """A platform with a run, its Job and a required ConfigMap, in a namespace that admits only restricted pods."""
    made = PlatformNamespace(control_plane, f"deploy-{uuid.uuid4().hex[:8]}").open()
    labels = {"metadata": {"labels": RESTRICTED_LABELS}}
    path = f"/api/v1/namespaces/{made.namespace}"
    made.patch(path, labels)
    made.set_templates({"code_implement.sh": "#!/bin/sh"})
    made.make_job(made.make_run("first"))
    return made


def kubectl(plane: ControlPlane, folder: pathlib.Path, *args: str, manifests: Sequence[dict[str, Any]] = ()) -> str:
    """The standard output of kubectl, which must succeed."""
    done = subprocess.run(
        [component("kubectl"), f"--kubeconfig={plane.admin_kubeconfig}", f"--cache-dir={folder / 'cache'}", *args],
        input=yaml.safe_dump_all(manifests),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def render_for(installation: str, namespace: str, folder: pathlib.Path) -> list[dict[str, Any]]:
    """The objects of an installation for a platform in this namespace, as a user would render them."""
    if installation in HELM_VALUES:
        return render_chart(values_for(installation, namespace), f"--namespace={namespace}")
    folder.mkdir()
    text = (
        OTHER_NAMESPACE.format(folder=relative_path_from(folder))
        .replace("/base]", f"/{installation}]")
        .replace("cto", namespace)
    )
    (folder / "kustomization.yaml").write_text(text)
    (folder / "exporter.yml").write_text(json.dumps({"configmaps": {"namespace": namespace}}))
    return render_kustomization(folder)


def values_for(installation: str, namespace: str) -> dict[str, Any]:
    """The values of the chart for an installation in this namespace."""
    own = {"namespaces": [namespace]} if "one" in installation else {}
    return HELM_VALUES[installation] | {"settings": own | {"configmaps": {"namespace": namespace}}}


@contextlib.contextmanager
def installed(
    plane: ControlPlane, installation: str, namespace: str, folder: pathlib.Path
) -> Iterator[list[dict[str, Any]]]:
    """Installs with `kubectl apply` or `helm install`, as a user does, and removes it afterwards."""
    manifests = render_for(installation, namespace, folder / "own")
    if installation not in HELM_VALUES:
        with applied(plane, folder, manifests):
            yield manifests
        return
    flags = (f"--namespace={namespace}", f"--kubeconfig={plane.admin_kubeconfig}", "--wait", "--timeout=60s")
    try:
        done = helm("install", values_for(installation, namespace), *flags)
        assert done.returncode == 0, done.stderr
        yield manifests
    finally:
        helm("uninstall", None, *flags)


@contextlib.contextmanager
def applied(plane: ControlPlane, folder: pathlib.Path, manifests: list[dict[str, Any]]) -> Iterator[None]:
    """Applies these objects, and deletes them afterwards, including those without a namespace."""
    try:
        kubectl(plane, folder, "apply", "--server-side", "--filename=-", manifests=manifests)
        yield
    finally:
        kubectl(plane, folder, "delete", "--ignore-not-found", "--filename=-", manifests=manifests)


def pods_of(plane: ControlPlane, service: dict[str, Any]) -> list[dict[str, Any]]:
    """The pods that a Service selects."""
    selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    path = f"/api/v1/namespaces/{service['metadata']['namespace']}/pods?labelSelector={selector}"
    _, answer = plane.request("GET", path)
    return answer["items"]


@pytest.mark.usefixtures("operator", "namespaces")
def test_the_api_server_accepts_every_installation(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """Validation is strict: unknown fields and invalid objects are errors."""
    flags = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "--filename=-")
    different = {
        json.dumps(item, sort_keys=True): item
        for installation in INSTALLATIONS
        for item in render_installation(installation)
    }
    output = kubectl(control_plane, tmp_path, "apply", *flags, manifests=[*different.values()])
    assert len(output.splitlines()) == len(different)


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("installation", STARTED_INSTALLATIONS)
def test_the_exporter_runs_as_in_the_manifests(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path, installation: str
):
    """From `kubectl apply` or `helm install` to a scrape, with pods of the real controllers.

    Every probe succeeds in time, the port of the Service serves metrics, and all resources can be read.
    """
    secured = {"scheme": "HTTPS", "headers": basic("prometheus", PASSWORD)} if "web" in installation else {}
    with contextlib.ExitStack() as stack:
        give_web_config(platform, tmp_path)
        manifests = stack.enter_context(installed(control_plane, installation, platform.namespace, tmp_path))
        deployment, service = only_object(manifests, "Deployment"), only_object(manifests, "Service")
        name = f"deployment/{deployment['metadata']['name']}"
        kubectl(
            control_plane, tmp_path, "rollout", "status", name, f"--namespace={platform.namespace}", "--timeout=60s"
        )
        found = pods_of(control_plane, service)
        assert len(found) == deployment["spec"]["replicas"]
        for number, pod in enumerate(found, 1):
            running = stack.enter_context(
                Pod(control_plane, pod, folder=tmp_path / pod["metadata"]["name"], ip=address(number))
            )
            for probe in ("startup", "readiness", "liveness"):
                running.until_succeeds(probe)
            [port] = service["spec"]["ports"]
            there, path = running.port(port["targetPort"]), path_of(manifests)
            if secured:
                assert running.get(there, path, scheme="HTTPS")[0] == 401
            code, text = running.get(there, path, **secured)
            assert code == 200
            assert f'coderun_created_timestamp{{namespace="{platform.namespace}",coderun="first"}}' in text
            assert f'job_created_timestamp{{namespace="{platform.namespace}",job_name="first-job"}}' in text
            until(lambda running=running: all_are_watched(running, **secured), what="all resources are watched")
            running.end()


def give_web_config(platform: PlatformNamespace, folder: pathlib.Path) -> None:
    """The Secret of a user: a certificate, and a password for Prometheus."""
    path = folder / "web"
    path.mkdir()
    Folder(path).write(USERS, tls_server_config=TLS)
    data = {file.name: base64.b64encode(file.read_bytes()).decode() for file in path.iterdir()}
    platform.ask(
        "POST", f"/api/v1/namespaces/{platform.namespace}/secrets", {"metadata": {"name": WEB_SECRET}, "data": data}
    )


def address(number: int) -> str:
    """A loopback address for a pod. All pods listen on the same port, so each needs its own address."""
    return f"127.{os.getpid() % 200 + 20}.91.{number}"


def path_of(manifests: list[dict[str, Any]]) -> str:
    """The path of the ServiceMonitor, or the default path of Prometheus."""
    for monitor in of_kind(manifests, "ServiceMonitor"):
        return monitor["spec"]["endpoints"][0]["path"]
    return "/metrics"


def all_are_watched(running: Pod, **secured: Any) -> bool:
    """Whether runs, Jobs, Pods, Events and ConfigMaps are watched."""
    _, text = running.get(running.port("metrics"), "/readyz", **secured)
    return text.count("[+]") == 5 and "[-]" not in text


@pytest.mark.usefixtures("operator")
def test_a_pod_without_permissions_is_alive_and_serves_metrics(
    control_plane: ControlPlane, platform: PlatformNamespace, tmp_path: pathlib.Path
):
    """Without role bindings it is not ready and is not restarted. Its metrics have the reason."""
    manifests = render_for("base", platform.namespace, tmp_path / "own")
    granted = [item for item in manifests if not item["kind"].endswith("RoleBinding")]
    with applied(control_plane, tmp_path, granted):
        service = only_object(manifests, "Service")
        [pod] = until(lambda: pods_of(control_plane, service), what="the pod is created")
        with Pod(control_plane, pod, folder=tmp_path / "pod", ip=address(9)) as running:
            running.until_succeeds("startup")
            expected = 'state="forbidden"} 1'
            until(
                lambda: expected in running.get(running.port("metrics"), "/metrics")[1],
                what="the metrics have the state",
            )
            assert (running.probe("liveness"), running.probe("readiness")) == (200, 503)
