"""The manifests on the real API server, and the exporter started as they say."""

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
from lab.controlplane.pod import Pod
from lab.controlplane.workplace import Workplace
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
STRICT = {"pod-security.kubernetes.io/enforce": "restricted"}
RUN = [
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
    """The Prometheus Operator's resources, as it ships them: the API server knows every field."""
    kubectl(control_plane, tmp_path, "apply", "--server-side", f"--filename={component('operator-crds.yaml')}")
    for plural in OPERATOR:
        path = f"/apis/monitoring.coreos.com/v1/{plural}"
        until(lambda path=path: control_plane.request("GET", path)[0] == 200, what=f"{plural} are served")


@pytest.fixture
def namespaces(control_plane: ControlPlane) -> Iterator[None]:
    """Those that the manifests name; what is made here is gone afterwards, for other tests make them too."""
    path = "/api/v1/namespaces"
    names = ("agent-platform", "monitoring", "east")
    made = [name for name in names if control_plane.request("POST", path, objects.namespace(name))[0] == 201]
    yield
    for name in made:
        control_plane.request("DELETE", f"{path}/{name}")
    for name in made:
        until(lambda name=name: control_plane.request("GET", f"{path}/{name}")[0] == 404, what=f"{name} is gone")


@pytest.fixture
def place(control_plane: ControlPlane) -> Workplace:
    """A platform with a run, its Job and a required ConfigMap, where only restricted pods are let in."""
    made = Workplace(control_plane, f"deploy-{uuid.uuid4().hex[:8]}").open()
    labels = {"metadata": {"labels": STRICT}}
    path = f"/api/v1/namespaces/{made.namespace}"
    made.ask("PATCH", path, labels, content_type="application/merge-patch+json")
    made.set_templates({"code_implement.sh": "#!/bin/sh"})
    made.make_job(made.make_run("first"))
    return made


def kubectl(plane: ControlPlane, folder: pathlib.Path, *words: str, manifests: Sequence[dict[str, Any]] = ()) -> str:
    """What it prints; fails with what it says."""
    done = subprocess.run(
        [component("kubectl"), f"--kubeconfig={plane.admin_kubeconfig}", f"--cache-dir={folder / 'cache'}", *words],
        input=yaml.safe_dump_all(manifests),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def placed(installation: str, namespace: str, folder: pathlib.Path) -> list[dict[str, Any]]:
    """The objects of an installation for a platform in that namespace, as a user would have them rendered."""
    if installation in HELM_VALUES:
        return render_chart(valued(installation, namespace), f"--namespace={namespace}")
    folder.mkdir()
    text = (
        OTHER_NAMESPACE.format(folder=relative_path_from(folder))
        .replace("/base]", f"/{installation}]")
        .replace("cto", namespace)
    )
    (folder / "kustomization.yaml").write_text(text)
    (folder / "exporter.yml").write_text(json.dumps({"configmaps": {"namespace": namespace}}))
    return render_kustomization(folder)


def valued(installation: str, namespace: str) -> dict[str, Any]:
    """The chart's values for a installation there."""
    own = {"namespaces": [namespace]} if "one" in installation else {}
    return HELM_VALUES[installation] | {"settings": own | {"configmaps": {"namespace": namespace}}}


@contextlib.contextmanager
def installed(
    plane: ControlPlane, installation: str, namespace: str, folder: pathlib.Path
) -> Iterator[list[dict[str, Any]]]:
    """A installation as a user would install it, by `kubectl apply` or by `helm install`, and gone afterwards."""
    manifests = placed(installation, namespace, folder / "own")
    if installation not in HELM_VALUES:
        with applied(plane, folder, manifests):
            yield manifests
        return
    flags = (f"--namespace={namespace}", f"--kubeconfig={plane.admin_kubeconfig}", "--wait", "--timeout=60s")
    try:
        done = helm("install", valued(installation, namespace), *flags)
        assert done.returncode == 0, done.stderr
        yield manifests
    finally:
        helm("uninstall", None, *flags)


@contextlib.contextmanager
def applied(plane: ControlPlane, folder: pathlib.Path, manifests: list[dict[str, Any]]) -> Iterator[None]:
    """All of them, and gone afterwards: what is the cluster's would outlive the namespace."""
    try:
        kubectl(plane, folder, "apply", "--server-side", "--filename=-", manifests=manifests)
        yield
    finally:
        kubectl(plane, folder, "delete", "--ignore-not-found", "--filename=-", manifests=manifests)


def pods_of(plane: ControlPlane, service: dict[str, Any]) -> list[dict[str, Any]]:
    """The pods that a Service sends to."""
    selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    path = f"/api/v1/namespaces/{service['metadata']['namespace']}/pods?labelSelector={selector}"
    _, answer = plane.request("GET", path)
    return answer["items"]


@pytest.mark.usefixtures("operator", "namespaces")
def test_the_api_server_takes_every_choice(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """With strict validation: no field that it does not know, and no object of a wrong form."""
    flags = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "--filename=-")
    different = {
        json.dumps(item, sort_keys=True): item
        for installation in INSTALLATIONS
        for item in render_installation(installation)
    }
    told = kubectl(control_plane, tmp_path, "apply", *flags, manifests=[*different.values()])
    assert len(told.splitlines()) == len(different)


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("installation", RUN)
def test_the_exporter_runs_as_the_manifests_say(
    control_plane: ControlPlane, place: Workplace, tmp_path: pathlib.Path, installation: str
):
    """From `kubectl apply` or `helm install` to a scrape: the pods are real controllers', and started as they say.

    Every probe succeeds in the time that it has, the Service's port gives the page, and all may be read.
    """
    secured = {"scheme": "HTTPS", "headers": basic("prometheus", PASSWORD)} if "web" in installation else {}
    with contextlib.ExitStack() as stack:
        give_web_config(place, tmp_path)
        manifests = stack.enter_context(installed(control_plane, installation, place.namespace, tmp_path))
        deployment, service = only_object(manifests, "Deployment"), only_object(manifests, "Service")
        name = f"deployment/{deployment['metadata']['name']}"
        kubectl(control_plane, tmp_path, "rollout", "status", name, f"--namespace={place.namespace}", "--timeout=60s")
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
            code, page = running.get(there, path, **secured)
            assert code == 200
            assert f'coderun_created_timestamp{{namespace="{place.namespace}",coderun="first"}}' in page
            assert f'job_created_timestamp{{namespace="{place.namespace}",job_name="first-job"}}' in page
            until(lambda running=running: everything_is_watched(running, **secured), what="everything is watched")
            running.end()


def give_web_config(place: Workplace, folder: pathlib.Path) -> None:
    """The Secret that a user makes: a certificate, and a password for Prometheus."""
    path = folder / "web"
    path.mkdir()
    Folder(path).write(USERS, tls_server_config=TLS)
    data = {file.name: base64.b64encode(file.read_bytes()).decode() for file in path.iterdir()}
    place.ask(
        "POST", f"/api/v1/namespaces/{place.namespace}/secrets", {"metadata": {"name": WEB_SECRET}, "data": data}
    )


def address(number: int) -> str:
    """One of the loopback interface for a pod of this test run: all pods listen on the same port."""
    return f"127.{os.getpid() % 200 + 20}.91.{number}"


def path_of(manifests: list[dict[str, Any]]) -> str:
    """Where the ServiceMonitor has it scraped, or Prometheus by itself."""
    for monitor in of_kind(manifests, "ServiceMonitor"):
        return monitor["spec"]["endpoints"][0]["path"]
    return "/metrics"


def everything_is_watched(running: Pod, **secured: Any) -> bool:
    """Runs, Jobs, Pods, Events and ConfigMaps: nothing is forbidden."""
    _, told = running.get(running.port("metrics"), "/readyz", **secured)
    return told.count("[+]") == 5 and "[-]" not in told


@pytest.mark.usefixtures("operator")
def test_a_pod_that_may_not_read_is_alive_and_tells_why(
    control_plane: ControlPlane, place: Workplace, tmp_path: pathlib.Path
):
    """Without its bindings it is not ready and not restarted, and the Service's port still gives its metrics."""
    manifests = placed("base", place.namespace, tmp_path / "own")
    granted = [item for item in manifests if not item["kind"].endswith("RoleBinding")]
    with applied(control_plane, tmp_path, granted):
        service = only_object(manifests, "Service")
        [pod] = until(lambda: pods_of(control_plane, service), what="the pod is made")
        with Pod(control_plane, pod, folder=tmp_path / "pod", ip=address(9)) as running:
            running.until_succeeds("startup")
            told = 'state="forbidden"} 1'
            until(lambda: told in running.get(running.port("metrics"), "/metrics")[1], what="it is told")
            assert (running.probe("liveness"), running.probe("readiness")) == (200, 503)
