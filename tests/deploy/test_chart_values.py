"""The chart with values other than the defaults: image, pod, dashboards, scrape limits, replicas, notes."""

import json
import shutil
import subprocess

import pytest

from lab import fast_yaml
from lab.components import component
from tests.deploy.rendering import CHART, helm, of_kind, only_object, render_chart
from tests.deploy.umbrella import parent_chart, render_parent

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

NOTES = 'notes: |\n{{ include (print $.Template.BasePath "/NOTES.txt") . | indent 2 }}\n'
DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.fixture
def notes_of(tmp_path):
    """Renders NOTES.txt without a cluster, through a template in a copy of the chart."""
    copy = tmp_path / "coderun-exporter"
    shutil.copytree(CHART, copy)
    (copy / "templates/zz-notes.yaml").write_text(NOTES)

    def render(values):
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        command = [component("helm"), "template", "r", copy, "--values", file, "--show-only=templates/zz-notes.yaml"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, env={"HOME": str(tmp_path)}
        )
        assert done.returncode == 0, done.stderr
        return fast_yaml.load(done.stdout)["notes"]

    return render


def scrape_files(values):
    """The names of the scrape files for a plain Prometheus."""
    maps = of_kind(render_chart(values), "ConfigMap")
    [data] = [item["data"] for item in maps if item["metadata"]["name"].endswith("-scrape")]
    return [*data]


def test_the_image_can_be_named_by_its_digest():
    """The digest replaces the tag, because some container runtimes do not accept both."""
    values = {"image": {"repository": "registry.example/e", "tag": "1.2.3", "digest": DIGEST}}
    [container] = only_object(render_chart(values), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example/e@{DIGEST}"


@pytest.mark.parametrize("digest", ["sha256:12", "1.2.3", DIGEST.upper(), f"md5:{'0' * 32}"])
def test_an_invalid_digest_is_one_line(digest):
    """The error is shown before a node tries to pull the image."""
    done = helm("template", {"image": {"digest": digest}})
    assert "at '/image/digest'" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("more", [{"webConfig": {"secret": "web"}}, {"without_tls": True}])
def test_tokens_need_tls_unless_the_settings_permit_plain_http(more):
    """The exporter would not start with these settings, so that helm fails."""
    web = {"kubernetes_auth": True} | ({"kubernetes_auth_without_tls": True} if "without_tls" in more else {})
    refused = helm("template", {"settings": {"web": {"kubernetes_auth": True}}})
    assert "settings.web.kubernetes_auth requires TLS" in refused.stderr
    assert refused.returncode != 0
    assert of_kind(render_chart({"settings": {"web": web}, "webConfig": more.get("webConfig", {})}), "Deployment")


def test_openshift_may_assign_the_user():
    """restricted-v2 rejects a pod whose user is outside of the namespace's range. The chart sets no user."""
    pod = only_object(render_chart({}), "Deployment")["spec"]["template"]["spec"]
    for context in (pod["securityContext"], pod["containers"][0]["securityContext"]):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & context.keys()


def test_a_user_can_be_set():
    """A policy of the cluster may require one. The other fields of the security context remain."""
    pod = only_object(render_chart({"podSecurityContext": {"runAsUser": 10001}}), "Deployment")["spec"]["template"][
        "spec"
    ]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_parent_chart_can_remove_a_field_of_the_security_context(tmp_path):
    """A null removes it, as in the chart's own values."""
    values = {"coderun-exporter": {"podSecurityContext": {"seccompProfile": None}}}
    done = render_parent(parent_chart(tmp_path, {}, values=values))
    made = [item for item in fast_yaml.load_all(done.stdout) if item]
    assert only_object(made, "Deployment")["spec"]["template"]["spec"]["securityContext"] == {"runAsNonRoot": True}


def test_dashboards_can_have_a_folder():
    """The sidecar of Grafana reads the folder from an annotation."""
    values = {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Agents"}, "labels": {"team": "a"}}}
    maps = [
        item["metadata"] for item in of_kind(render_chart(values), "ConfigMap") if "annotations" in item["metadata"]
    ]
    assert [item["annotations"] for item in maps] == [{"grafana_folder": "Agents"}] * 3
    assert all({"grafana_dashboard": "1", "team": "a"}.items() <= item["labels"].items() for item in maps)


def test_a_scrape_can_be_limited():
    """The limit is in the ServiceMonitor and in the scrape file. A tenant must not overload Prometheus."""
    values = {
        "serviceMonitor": {"enabled": True, "spec": {"sampleLimit": 1000, "bodySizeLimit": "8MB", "selector": {}}},
        "prometheus": {"enabled": True, "scrape": {"sample_limit": 1000}},
    }
    objects = render_chart(values)
    spec = only_object(objects, "ServiceMonitor")["spec"]
    assert (spec["sampleLimit"], spec["bodySizeLimit"]) == (1000, "8MB")
    assert spec["selector"]["matchLabels"], "the values cannot change the selector"
    [jobs] = [item["data"] for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-scrape")]
    assert {fast_yaml.load(text)["scrape_configs"][0]["sample_limit"] for text in jobs.values()} == {1000}


def test_each_of_two_replicas_is_a_target():
    """With one address for both, Prometheus would mix the counters of two processes."""
    on = {"prometheus": {"enabled": True}}
    assert scrape_files(on) == ["pods.yml", "static.yml"]
    assert scrape_files(on | {"replicas": 2}) == ["pods.yml"]


def test_a_cpu_limit_can_be_set():
    """The other default resources remain."""
    values = {"resources": {"limits": {"cpu": "1"}}}
    [container] = only_object(render_chart(values), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "256Mi"}


@pytest.mark.parametrize(
    ("values", "present", "absent"),
    [
        ({}, ["then http://127.0.0.1:10911/", "Nothing scrapes it yet", "No alert fires yet"], ["https", "Mount"]),
        ({"webConfig": {"secret": "s"}}, ["then https://127.0.0.1:10911/"], ["http://"]),
        ({"replicas": 2}, ["with 2 replicas the one of pods"], []),
        (
            {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
            ["if yours selects by labels, set serviceMonitor.labels"],
            ["Nothing scrapes", "No alert fires"],
        ),
        (
            {"serviceMonitor": {"enabled": True, "labels": {"release": "kps"}}},
            ['a Prometheus that selects {"release":"kps"}', "No alert fires yet"],
            ["set serviceMonitor.labels"],
        ),
        (
            {"prometheus": {"enabled": True, "namespace": "observability"}, "replicas": 2},
            ["-rules and coderun-exporter-scrape of observability", "/scrape/pods.yml]", "name: 'observability'"],
            ["static.yml", "Nothing scrapes"],
        ),
        ({"networkPolicy": {"prometheus": []}}, ["forbids all scrapes"], ["allows scrapes from"]),
        ({"networkPolicy": {"enabled": False}}, [], ["NetworkPolicy"]),
        ({"rbac": {"create": False}}, ["bind the permissions that `coderun-exporter rbac` prints"], []),
    ],
)
def test_the_notes_describe_what_was_installed(notes_of, values, present, absent):
    """The URL, what is missing before an alert can fire, and which pods the NetworkPolicy allows."""
    notes = notes_of(values)
    assert [line for line in present if line not in notes] == []
    assert [line for line in absent if line in notes] == []
