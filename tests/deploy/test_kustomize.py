"""The kustomizations: overlays, components, settings and permissions."""

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
    KUSTOMIZE,
    OTHER_NAMESPACE,
    OVERLAYS,
    ROOT,
    of_kind,
    only_object,
    relative_path_from,
    render_chart,
    render_installation,
    render_kustomization,
)

pytestmark = [pytest.mark.needs("kustomize"), pytest.mark.timeout(60)]

USER_KUSTOMIZATION = """\
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
    """`kubectl apply -k` contains its own version of kustomize."""
    folder = KUSTOMIZE / overlay
    done = subprocess.run([component("kubectl"), "kustomize", folder], capture_output=True, timeout=20, check=True)
    assert list(fast_yaml.load_all(done.stdout)) == render_installation(overlay)


def test_each_component_has_its_overlay():
    """Each component can be installed alone."""
    components = {path.name for path in (KUSTOMIZE / "components").iterdir()}
    assert components == {path.name for path in (KUSTOMIZE / "overlays").iterdir()}
    for name in components:
        overlay = fast_yaml.load((KUSTOMIZE / f"overlays/{name}/kustomization.yaml").read_text())
        assert (overlay["resources"], overlay["components"]) == (["../../base"], [f"../../components/{name}"])


def test_one_namespace_grants_nothing_for_the_cluster():
    """There are only Roles, and all are in this namespace."""
    granted = [
        item for item in render_installation("overlays/one-namespace") if item["apiVersion"].startswith("rbac.")
    ]
    assert {(item["kind"], item["metadata"]["namespace"]) for item in granted} == {
        ("Role", "agent-platform"),
        ("RoleBinding", "agent-platform"),
    }


def test_settings_and_permissions_can_be_replaced(tmp_path):
    """The output of `coderun-exporter rbac` for the user's settings is a patch, as in deploy/README.md."""
    folder = relative_path_from(tmp_path)
    (tmp_path / "kustomization.yaml").write_text(USER_KUSTOMIZATION.format(folder=folder))
    (tmp_path / "exporter.yml").write_text("configmaps: {required: [mine]}\n")
    granted = rbac.manifests(config_file.load(str(tmp_path / "exporter.yml")), account=rbac.Account())
    (tmp_path / "rbac.yaml").write_text(yaml.safe_dump_all(granted))
    objects = render_kustomization(tmp_path)
    spec = only_object(objects, "Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["template"]["spec"]["containers"][0]["image"].startswith("registry.example/coderun-exporter:")
    assert len(of_kind(objects, "ServiceMonitor")) == 1
    assert by_place(item for item in objects if item["apiVersion"].startswith("rbac.")) == by_place(granted)
    assert only_object(objects, "ConfigMap")["data"]["exporter.yml"] == "configmaps: {required: [mine]}\n"
    assert mounted_configmap(objects) != mounted_configmap(render_installation("base")), (
        "changed settings roll the pods"
    )


def test_the_component_one_namespace_does_not_replace_the_settings(tmp_path):
    """It adds a flag, so that the user can have other settings."""
    text = USER_KUSTOMIZATION.format(folder=relative_path_from(tmp_path)).replace("two-replicas", "one-namespace")
    (tmp_path / "kustomization.yaml").write_text(text)
    (tmp_path / "exporter.yml").write_text("configmaps: {required: [mine]}\n")
    settings = config_file.load(str(tmp_path / "exporter.yml"))
    settings = msgspec.structs.replace(settings, namespaces=("agent-platform",))
    granted = rbac.manifests(settings, account=rbac.Account())
    (tmp_path / "rbac.yaml").write_text(yaml.safe_dump_all(granted))
    objects = render_kustomization(tmp_path)
    assert by_place(item for item in objects if item["apiVersion"].startswith("rbac.")) == by_place(granted)
    assert "required: [mine]" in only_object(objects, "ConfigMap")["data"]["exporter.yml"]


def test_a_platform_in_another_namespace_needs_one_line(tmp_path):
    """`namespace: cto` also applies to the ServiceAccount, its bindings, and the Role for the ConfigMaps."""
    (tmp_path / "kustomization.yaml").write_text(OTHER_NAMESPACE.format(folder=relative_path_from(tmp_path)))
    (tmp_path / "exporter.yml").write_text("configmaps: {namespace: cto}\n")
    objects = render_kustomization(tmp_path)
    places = {item["metadata"].get("namespace", "cto") for item in objects}
    subjects = {subject["namespace"] for item in objects for subject in item.get("subjects", ())}
    assert places == subjects == {"cto"}
    assert only_object(objects, "ConfigMap")["data"]["exporter.yml"] == "configmaps: {namespace: cto}\n"


def mounted_configmap(objects):
    """The name of the ConfigMap that the pod mounts."""
    volume, *_ = only_object(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    return volume["configMap"]["name"]


def by_place(items):
    """The objects by kind, namespace and name."""
    return {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in items}


@pytest.mark.needs("helm")
def test_the_base_and_the_chart_are_equal():
    """Specs and permissions are equal, except the label of the release and names that the tools generate."""
    of_base = {item["kind"]: item for item in render_installation("base")}
    of_chart = {item["kind"]: item for item in render_chart({"settings": SETTINGS})}
    assert of_base.keys() == of_chart.keys()
    spec = of_chart["Deployment"]["spec"]["template"]
    assert spec["metadata"].pop("annotations").keys() == {"checksum/settings"}
    for item in of_chart.values():
        without_instance(item)
    spec["spec"]["volumes"][0]["configMap"]["name"] = of_base["ConfigMap"]["metadata"]["name"]
    for kind, item in of_base.items():
        for part in ("spec", "rules", "roleRef", "subjects", "automountServiceAccountToken"):
            assert item.get(part) == of_chart[kind].get(part), (kind, part)


SETTINGS = fast_yaml.load((KUSTOMIZE / "base/exporter.yml").read_text())


def without_instance(tree):
    """Removes the label of the release from a tree of objects."""
    if isinstance(tree, dict):
        tree.pop("app.kubernetes.io/instance", None)
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        without_instance(below)


def test_the_rules_and_dashboards_are_unchanged():
    """They include comments. Each ConfigMap is smaller than 262,144 bytes, the limit of `kubectl apply`."""
    maps = of_kind(render_installation("overlays/prometheus"), "ConfigMap")
    [rules] = [item for item in maps if item["metadata"]["name"] == "coderun-exporter-rules"]
    assert rules["data"] == {file.name: file.read_text() for file in ROOT.glob("alerts/rules/*.yml")}
    boards = [
        item for item in render_installation("overlays/grafana") if "grafana_dashboard" in item["metadata"]["labels"]
    ]
    assert {name: text for item in boards for name, text in item["data"].items()} == {
        file.name: file.read_text() for file in ROOT.glob("dashboards/*.json")
    }
    assert {item["metadata"]["namespace"] for item in [rules, *boards]} == {"monitoring"}
    assert max(len(json.dumps(item)) for item in [rules, *boards]) < 262_144


def test_each_file_is_used_by_a_kustomization():
    """deploy/kustomize contains no other files."""
    named = set()
    for file in KUSTOMIZE.rglob("kustomization.yaml"):
        tree = fast_yaml.load(file.read_text())
        files = [*tree["resources"]] if "resources" in tree else []
        files += [name for each in tree.get("configMapGenerator", ()) for name in each["files"]]
        named |= {(file.parent / name).resolve() for name in files} | {file}
    assert {path for path in KUSTOMIZE.rglob("*") if path.is_file()} <= named


def test_the_page_has_this_version():
    """Its commands build the image and the bundle of rules with the version of the manifests."""
    page = (ROOT / "deploy/README.md").read_text()
    for name in ("/coderun-exporter:", "make bundle VERSION=", "coderun-exporter-rules-"):
        assert set(re.findall(rf"{name}([\w.]+)", page)) == {__version__}, name


def test_the_patch_of_the_page_for_tls_can_be_rendered(tmp_path):
    """It is in deploy/README.md: the ServiceMonitor gets the settings of TLS, and the pod a Secret."""
    page = (ROOT / "deploy/README.md").read_text()
    text = page.partition("## TLS and passwords")[2].partition("```yaml\n")[2].partition("```")[0]
    folder = relative_path_from(tmp_path)
    text = f"resources: [{folder}/base]\n" + text.replace("deploy/kustomize", folder)
    (tmp_path / "kustomization.yaml").write_text(text)
    objects = render_kustomization(tmp_path)
    [endpoint] = only_object(objects, "ServiceMonitor")["spec"]["endpoints"]
    assert (endpoint["scheme"], endpoint["basicAuth"]["username"]["key"]) == ("https", "username")
    assert len(only_object(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]) == 2
