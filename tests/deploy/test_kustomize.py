"""The kustomizations, beside what every way to install it promises."""

import json
import re
import subprocess

import msgspec
import pytest
import yaml

from exporter import __version__, config_file, rbac
from lab import fast_yaml
from lab.components import component
from tests.deploy.rendering import (
    ELSEWHERE,
    KUSTOMIZE,
    OVERLAYS,
    ROOT,
    charted,
    kustomized,
    of_kind,
    one,
    reached_from,
    rendered,
)

pytestmark = [pytest.mark.needs("kustomize"), pytest.mark.timeout(60)]

MINE = """\
resources: [{folder}/base]
components: [{folder}/components/two-replicas, {folder}/components/prometheus-operator]
configMapGenerator:
  - name: coderun-exporter
    namespace: agent-platform
    behavior: merge
    files: [exporter.yml]
patches:
  - path: rbac.yaml
images:
  - name: coderun-exporter
    newName: registry.example/coderun-exporter
"""


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubectl_renders_the_same(overlay):
    """`kubectl apply -k` has a kustomize of its own."""
    folder = KUSTOMIZE / overlay
    done = subprocess.run([component("kubectl"), "kustomize", folder], capture_output=True, timeout=20, check=True)
    assert list(fast_yaml.load_all(done.stdout)) == rendered(overlay)


def test_each_component_has_its_overlay():
    """What can be combined can also be taken alone."""
    components = {path.name for path in (KUSTOMIZE / "components").iterdir()}
    assert components == {path.name for path in (KUSTOMIZE / "overlays").iterdir()}
    for name in components:
        overlay = fast_yaml.load((KUSTOMIZE / f"overlays/{name}/kustomization.yaml").read_text())
        assert (overlay["resources"], overlay["components"]) == (["../../base"], [f"../../components/{name}"])


def test_one_namespace_grants_nothing_for_the_cluster():
    """Roles only, all of them in that namespace."""
    granted = [item for item in rendered("overlays/one-namespace") if item["apiVersion"].startswith("rbac.")]
    assert {(item["kind"], item["metadata"]["namespace"]) for item in granted} == {
        ("Role", "agent-platform"),
        ("RoleBinding", "agent-platform"),
    }


def test_components_settings_and_permissions_can_be_ones_own(tmp_path):
    """As deploy/README.md shows it: what `coderun-exporter rbac` prints for one's own settings is a patch."""
    folder = reached_from(tmp_path)
    (tmp_path / "kustomization.yaml").write_text(MINE.format(folder=folder))
    (tmp_path / "exporter.yml").write_text("configmaps: {required: [mine]}\n")
    granted = rbac.manifests(config_file.load(str(tmp_path / "exporter.yml")), account=rbac.Account())
    (tmp_path / "rbac.yaml").write_text(yaml.safe_dump_all(granted))
    objects = kustomized(tmp_path)
    spec = one(objects, "Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["template"]["spec"]["containers"][0]["image"].startswith("registry.example/coderun-exporter:")
    assert len(of_kind(objects, "ServiceMonitor")) == 1
    assert by_place(item for item in objects if item["apiVersion"].startswith("rbac.")) == by_place(granted)
    assert one(objects, "ConfigMap")["data"]["exporter.yml"] == "configmaps: {required: [mine]}\n"
    assert mounted_in(objects) != mounted_in(rendered("base")), "other settings roll the pods"


def test_one_namespace_leaves_the_settings_alone(tmp_path):
    """They can be one's own beside it: what it adds is a flag."""
    text = MINE.format(folder=reached_from(tmp_path)).replace("two-replicas", "one-namespace")
    (tmp_path / "kustomization.yaml").write_text(text)
    (tmp_path / "exporter.yml").write_text("configmaps: {required: [mine]}\n")
    settings = config_file.load(str(tmp_path / "exporter.yml"))
    settings = msgspec.structs.replace(settings, namespaces=("agent-platform",))
    granted = rbac.manifests(settings, account=rbac.Account())
    (tmp_path / "rbac.yaml").write_text(yaml.safe_dump_all(granted))
    objects = kustomized(tmp_path)
    assert by_place(item for item in objects if item["apiVersion"].startswith("rbac.")) == by_place(granted)
    assert "required: [mine]" in one(objects, "ConfigMap")["data"]["exporter.yml"]


def test_a_platform_elsewhere_is_one_line(tmp_path):
    """`namespace: cto` takes along the account, its bindings, and the Role for the ConfigMaps."""
    (tmp_path / "kustomization.yaml").write_text(ELSEWHERE.format(folder=reached_from(tmp_path)))
    (tmp_path / "exporter.yml").write_text("configmaps: {namespace: cto}\n")
    objects = kustomized(tmp_path)
    places = {item["metadata"].get("namespace", "cto") for item in objects}
    subjects = {subject["namespace"] for item in objects for subject in item.get("subjects", ())}
    assert places == subjects == {"cto"}
    assert one(objects, "ConfigMap")["data"]["exporter.yml"] == "configmaps: {namespace: cto}\n"


def mounted_in(objects):
    """The name of the ConfigMap that the pod mounts."""
    volume, *_ = one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    return volume["configMap"]["name"]


def by_place(items):
    """Objects by kind, namespace and name."""
    return {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in items}


@pytest.mark.needs("helm")
def test_the_base_and_the_chart_are_the_same_thing():
    """Specs and permissions are equal, but for the release's label and the names that follow from each tool."""
    ours = {item["kind"]: item for item in rendered("base")}
    theirs = {item["kind"]: item for item in charted({"settings": SETTINGS})}
    assert ours.keys() == theirs.keys()
    spec = theirs["Deployment"]["spec"]["template"]
    assert spec["metadata"].pop("annotations").keys() == {"checksum/settings"}
    for item in theirs.values():
        without_instance(item)
    spec["spec"]["volumes"][0]["configMap"]["name"] = ours["ConfigMap"]["metadata"]["name"]
    for kind, item in ours.items():
        for part in ("spec", "rules", "roleRef", "subjects", "automountServiceAccountToken"):
            assert item.get(part) == theirs[kind].get(part), (kind, part)


SETTINGS = fast_yaml.load((KUSTOMIZE / "base/exporter.yml").read_text())


def without_instance(tree):
    """The same without the label of the release, wherever it is."""
    if isinstance(tree, dict):
        tree.pop("app.kubernetes.io/instance", None)
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        without_instance(below)


def test_the_rules_and_the_dashboards_are_those_of_the_checkout():
    """To the letter, comments and all, and less than the 262,144 bytes that `kubectl apply` keeps of an object."""
    maps = of_kind(rendered("overlays/prometheus"), "ConfigMap")
    [rules] = [item for item in maps if item["metadata"]["name"] == "coderun-exporter-rules"]
    assert rules["data"] == {file.name: file.read_text() for file in ROOT.glob("alerts/rules/*.yml")}
    boards = [item for item in rendered("overlays/grafana") if "grafana_dashboard" in item["metadata"]["labels"]]
    assert {name: text for item in boards for name, text in item["data"].items()} == {
        file.name: file.read_text() for file in ROOT.glob("dashboards/*.json")
    }
    assert {item["metadata"]["namespace"] for item in [rules, *boards]} == {"monitoring"}
    assert max(len(json.dumps(item)) for item in [rules, *boards]) < 262_144


def test_nothing_lies_about():
    """The folders of deploy/kustomize hold nothing that no kustomization names."""
    named = set()
    for file in KUSTOMIZE.rglob("kustomization.yaml"):
        tree = fast_yaml.load(file.read_text())
        files = [*tree["resources"]] if "resources" in tree else []
        files += [name for each in tree.get("configMapGenerator", ()) for name in each["files"]]
        named |= {(file.parent / name).resolve() for name in files} | {file}
    assert {path for path in KUSTOMIZE.rglob("*") if path.is_file()} <= named


def test_the_page_speaks_of_this_version():
    """The image that its commands build is the one that the manifests name, and so are the rules that they pack."""
    page = (ROOT / "deploy/README.md").read_text()
    for name in ("/coderun-exporter:", "make bundle VERSION=", "coderun-exporter-rules-"):
        assert set(re.findall(rf"{name}([\w.]+)", page)) == {__version__}, name


def test_the_pages_patch_for_tls_is_one_that_kustomize_takes(tmp_path):
    """As deploy/README.md has it: the ServiceMonitor gets Prometheus' side, and the pod its Secret."""
    page = (ROOT / "deploy/README.md").read_text()
    text = page.partition("## TLS and passwords")[2].partition("```yaml\n")[2].partition("```")[0]
    folder = reached_from(tmp_path)
    text = f"resources: [{folder}/base]\n" + text.replace("deploy/kustomize", folder)
    (tmp_path / "kustomization.yaml").write_text(text)
    objects = kustomized(tmp_path)
    [endpoint] = one(objects, "ServiceMonitor")["spec"]["endpoints"]
    assert (endpoint["scheme"], endpoint["basicAuth"]["username"]["key"]) == ("https", "username")
    assert len(one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]) == 2
