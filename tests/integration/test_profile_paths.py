"""kubectl and the compiled profile read the same values at each path of the shipped profiles."""

import datetime as dt
import json
import pathlib
import subprocess

import msgspec
import pytest

from exporter.kube.decode import Decoder
from exporter.profiles import resolve
from exporter.profiles.fields import field_types
from exporter.profiles.paths import parse
from exporter.profiles.sources import format_value
from exporter.profiles.wire import Wire
from lab import fast_yaml
from lab.components import component
from lab.controlplane.plane import ControlPlane
from lab.worlds.loading import documents
from tests.objects import CREATED, raw

pytestmark = [pytest.mark.needs("etcd", "kube-apiserver", "kubectl"), pytest.mark.timeout(300)]

ROOT = pathlib.Path(__file__).parents[2]
PLATFORMS = [
    ("tests/profiles/objects/kelos", "tasks.kelos.dev"),
    ("tests/profiles/objects/kubeopencode", "tasks.kubeopencode.io"),
    ("tests/profiles/objects/agent-sandbox", "sandboxes.agents.x-k8s.io"),
    ("tests/profiles/objects/agent-sandbox", "sandboxclaims.extensions.agents.x-k8s.io"),
    ("lab/worlds/objects", "coderuns.agents.platform"),
]
"""Pairs: the folder with the objects of a platform, and the name of a CRD in it."""
CRDS = {"lab/worlds/objects": "03-crd-newest.yaml"}
"""The files of CRDs with another name than the usual one, by folder."""
OBJECTS = {"lab/worlds/objects": "2[01]*.yaml"}
"""The files of objects with other names than the usual ones, by folder."""


def paths_in(value):
    """All paths of a profile, including those in conditions."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_in(key)
            yield from paths_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from paths_in(inner)
    elif isinstance(value, str) and value.startswith("."):
        yield value


def shown(value):
    """The value as kubectl prints it."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, dt.datetime) else format_value(value)


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A separate API server, because other tests need another CRD for runs."""
    folder = tmp_path_factory.mktemp("control-plane")
    started = ControlPlane(folder, etcd=component("etcd"), kube_apiserver=component("kube-apiserver"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.mark.parametrize(("folder", "name"), PLATFORMS)
def test_kubectl_and_the_compiled_profile_read_the_same_values(plane: ControlPlane, tmp_path, folder, name):
    """Missing values are equal as well."""
    profile = resolve(name)

    def kubectl(*args: str, given: object = None) -> str:
        argv = [component("kubectl"), f"--kubeconfig={plane.admin_kubeconfig}", *args]
        text = None if given is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": given})
        return subprocess.run(argv, check=True, capture_output=True, text=True, input=text, timeout=120).stdout

    definitions = [
        item
        for item in fast_yaml.load_all((ROOT / folder / CRDS.get(folder, "00-crd.yaml")).read_text())
        if item["metadata"]["name"] == name
    ]
    kubectl("apply", "-f", "-", given=definitions)
    kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
    files = sorted((ROOT / folder).glob(OBJECTS.get(folder, "[1-9]*.yaml")))
    items = [item for file in files for item in documents(file, snapshot=CREATED)]
    items = [
        item | {"apiVersion": f"{profile.group}/{profile.version}"}
        for item in items
        if (item["apiVersion"].partition("/")[0], item["kind"]) == (profile.group, profile.kind)
    ]
    for item in items:  # fields that a server sets or waits for
        for key in ("uid", "creationTimestamp", "deletionTimestamp", "ownerReferences", "finalizers"):
            item["metadata"].pop(key, None)
    spaces = sorted({item["metadata"]["namespace"] for item in items})
    kubectl("apply", "-f", "-", given=[_namespace(space) for space in spaces])
    kubectl("apply", "--server-side", "-f", "-", given=items)
    kubectl("apply", "--server-side", "--subresource=status", "-f", "-", given=[i for i in items if i.get("status")])
    types = field_types(profile)
    texts = sorted({text for text in paths_in(msgspec.to_builtins(profile)) if parse(text) in types})
    columns = "".join(f'{{"\\t"}}{{{text}}}' for text in texts)
    resource = f"{profile.plural}.{profile.version}.{profile.group}"
    lines = kubectl(
        "get", resource, "-A", "-o", f'jsonpath={{range .items[*]}}{{.metadata.name}}{columns}{{"\\n"}}{{end}}'
    )
    wire = Wire(types)
    expected = {}
    for item in json.loads(kubectl("get", resource, "-A", "-o", "json"))["items"]:
        values = wire.values(Decoder(wire.type).decode(raw(item))[0])
        expected[item["metadata"]["name"]] = [shown(values[wire.index[parse(text)]]) for text in texts]
    assert {line.split("\t")[0]: line.split("\t")[1:] for line in lines.splitlines()} == expected
    assert len(expected) == len(items)


def _namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
