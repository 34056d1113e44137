"""`profile` on a real API server: drafts of other platforms, compared with the shipped profiles."""

import pathlib
import subprocess
import sys
from typing import Any

import pytest

from exporter.profiles import shipped_profiles
from lab import fast_yaml
from lab.controlplane.plane import ADMIN_TOKEN, EXPORTER_TOKEN, ControlPlane
from lab.waiting import until
from lab.worlds.loading import documents
from tests.drafting.drafts import read
from tests.kube.settings import a_kubeconfig
from tests.objects import CREATED

pytestmark = [pytest.mark.needs("etcd", "kube-apiserver"), pytest.mark.timeout(180)]

OBJECTS = pathlib.Path(__file__).parents[1] / "profiles/objects"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SET_BY_THE_SERVER = ("uid", "creationTimestamp", "deletionTimestamp", "ownerReferences", "finalizers")


class Cluster:
    """Creates the objects of a platform with the real UIDs of their owners."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._uids: dict[str, str] = {}

    def define(self, folder: str, name: str) -> None:
        """Creates the CRD with this name."""
        crds = fast_yaml.load_all((OBJECTS / folder / "00-crd.yaml").read_text())
        (crd,) = [one for one in crds if one["metadata"]["name"] == name]
        self._plane.request("POST", CRDS, crd)
        version = crd["spec"]["versions"][0]["name"]
        path = f"/apis/{crd['spec']['group']}/{version}/{crd['spec']['names']['plural']}"
        until(lambda: self._plane.request("GET", path)[0] == 200, what=f"{name} is served")

    def load(self, folder: str, plurals: dict[str, str]) -> int:
        """Creates the objects of these kinds. Returns the number of objects that the server has accepted."""
        files = sorted((OBJECTS / folder).glob("[1-9]*.yaml"))
        items = [one for file in files for one in documents(file, snapshot=CREATED)]
        return sum(self._create(one, plurals) for one in items if one["kind"] in plurals)

    def _create(self, item: dict[str, Any], plurals: dict[str, str]) -> bool:
        meta, base = item["metadata"], "api" if item["apiVersion"] == "v1" else "apis"
        space = meta["namespace"]
        self._plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
        kept = {key: value for key, value in meta.items() if key not in SET_BY_THE_SERVER}
        owners = [
            one | {"uid": self._uids[one["uid"]]}
            for one in meta.get("ownerReferences", ())
            if one["uid"] in self._uids
        ]
        path = f"/{base}/{item['apiVersion']}/namespaces/{space}/{plurals[item['kind']]}"
        body = item | {"metadata": kept | ({"ownerReferences": owners} if owners else {})}
        code, made = self._plane.request("POST", path, body)
        if code != 201:
            return False
        self._uids[meta["uid"]] = made["metadata"]["uid"]
        if item.get("status") and item["kind"] not in {"Job", "Pod"}:
            status = made | {"status": item["status"]}
            assert self._plane.request("PUT", f"{path}/{meta['name']}/status", status)[0] == 200
        return True


def profile(plane: ControlPlane, folder: pathlib.Path, *args: str, token: str = ADMIN_TOKEN) -> Any:
    """The finished process of the command."""
    cluster = {"server": plane.url, "certificate-authority": str(plane.ca)}
    kubeconfig = a_kubeconfig(folder, cluster=cluster, user={"token": token})
    command = [sys.executable, "-m", "exporter", "profile", "--kubeconfig", kubeconfig, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("folder", "name", "kinds", "worker"),
    [
        ("kubeopencode", "tasks.kubeopencode.io", {"Task": "tasks", "Pod": "pods"}, "Pod"),
        ("kelos", "tasks.kelos.dev", {"Task": "tasks", "Job": "jobs"}, "Job"),
        ("agent-sandbox", "sandboxes.agents.x-k8s.io", {"Sandbox": "sandboxes", "Pod": "pods"}, "Pod"),
    ],
)
def test_a_draft_from_a_real_cluster_is_close_to_the_shipped_profile(
    control_plane: ControlPlane, tmp_path: pathlib.Path, folder, name, kinds, worker
):
    """The worker, the time of the end, and the path of a state rule are equal."""
    cluster = Cluster(control_plane)
    cluster.define(folder, name)
    assert cluster.load(folder, kinds) > 10
    done = profile(control_plane, tmp_path, name)
    assert (done.returncode, done.stderr) == (0, "")
    drafted, _ = read(done.stdout, tmp_path)
    shipped = shipped_profiles()[name]
    assert drafted.resource is None
    assert (drafted.kind, drafted.worker.is_) == (shipped.kind, worker)
    assert drafted.times.finished == shipped.times.finished
    assert {rule.path for rule in drafted.state} & {rule.path for rule in shipped.state}
    assert f"s with an owner of kind {shipped.kind}; first container: " in done.stdout


def test_wrong_names_and_missing_permissions_are_one_line(control_plane: ControlPlane, tmp_path: pathlib.Path):
    """The line has the nearest name by discovery, or the missing verb."""
    Cluster(control_plane).define("kelos", "tasks.kelos.dev")
    until(lambda: "tasks.kelos.dev" in profile(control_plane, tmp_path, "task.kelos.dev").stderr, what="discovery")
    done = profile(control_plane, tmp_path, "task.kelos.dev")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "coderun-exporter: there is no CRD task.kelos.dev; did you mean tasks.kelos.dev?\n"
    done = profile(control_plane, tmp_path, "tasks.kelos.dev", token=EXPORTER_TOKEN)
    assert (done.returncode, done.stdout) == (2, "")
    assert "customresourcedefinitions tasks.kelos.dev: not permitted: grant the verb get (403" in done.stderr
    assert done.stderr.count("\n") == 1
