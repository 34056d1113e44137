"""What the chart installs besides its defaults: image, pod, dashboards, bounds of a scrape, replicas, notes."""

import json
import shutil
import subprocess

import pytest

from lab import fast_yaml
from lab.components import component
from tests.deploy.rendering import CHART, charted, helm, of_kind, one
from tests.deploy.umbrella import parent, templated

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

NOTES = 'notes: |\n{{ include (print $.Template.BasePath "/NOTES.txt") . | indent 2 }}\n'
DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.fixture
def notes_of(tmp_path):
    """What helm prints after an installation, rendered without a cluster: by a template of a copy of the chart."""
    copy = tmp_path / "coderun-exporter"
    shutil.copytree(CHART, copy)
    (copy / "templates/zz-notes.yaml").write_text(NOTES)

    def rendered(values):
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        words = [component("helm"), "template", "r", copy, "--values", file, "--show-only=templates/zz-notes.yaml"]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=30, check=False, env={"HOME": str(tmp_path)}
        )
        assert done.returncode == 0, done.stderr
        return fast_yaml.load(done.stdout)["notes"]

    return rendered


def scrape_files(values):
    """The names of the scrape jobs that are given to a plain Prometheus."""
    maps = of_kind(charted(values), "ConfigMap")
    [data] = [item["data"] for item in maps if item["metadata"]["name"].endswith("-scrape")]
    return [*data]


def test_the_image_can_be_named_by_its_digest():
    """In the place of the tag: some runtimes do not take both."""
    values = {"image": {"repository": "registry.example/e", "tag": "1.2.3", "digest": DIGEST}}
    [container] = one(charted(values), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example/e@{DIGEST}"


@pytest.mark.parametrize("digest", ["sha256:12", "1.2.3", DIGEST.upper(), f"md5:{'0' * 32}"])
def test_a_digest_that_is_none_is_one_line(digest):
    """Before a node tries to pull it."""
    done = helm("template", {"image": {"digest": digest}})
    assert "at '/image/digest'" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("more", [{"webConfig": {"secret": "web"}}, {"without_tls": True}])
def test_tokens_are_taken_over_tls_alone_unless_the_values_say_otherwise(more):
    """The exporter would not start: helm says so before it is installed."""
    web = {"kubernetes_auth": True} | ({"kubernetes_auth_without_tls": True} if "without_tls" in more else {})
    refused = helm("template", {"settings": {"web": {"kubernetes_auth": True}}})
    assert "settings.web.kubernetes_auth requires TLS" in refused.stderr
    assert refused.returncode != 0
    assert of_kind(charted({"settings": {"web": web}, "webConfig": more.get("webConfig", {})}), "Deployment")


def test_openshift_may_assign_the_user():
    """restricted-v2 refuses a pod that names a user outside of the namespace's range: this one names none."""
    pod = one(charted({}), "Deployment")["spec"]["template"]["spec"]
    for context in (pod["securityContext"], pod["containers"][0]["securityContext"]):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & context.keys()


def test_a_cluster_that_needs_a_user_gets_one():
    """As a policy of its own may demand it; the rest of the context stays."""
    pod = one(charted({"podSecurityContext": {"runAsUser": 10001}}), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_parent_chart_may_take_a_field_of_the_security_context_away(tmp_path):
    """By a null, as in the chart itself."""
    values = {"coderun-exporter": {"podSecurityContext": {"seccompProfile": None}}}
    done = templated(parent(tmp_path, {}, values=values))
    made = [item for item in fast_yaml.load_all(done.stdout) if item]
    assert one(made, "Deployment")["spec"]["template"]["spec"]["securityContext"] == {"runAsNonRoot": True}


def test_dashboards_can_be_sorted_into_a_folder():
    """By an annotation that the sidecar reads."""
    values = {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Agents"}, "labels": {"team": "a"}}}
    maps = [item["metadata"] for item in of_kind(charted(values), "ConfigMap") if "annotations" in item["metadata"]]
    assert [item["annotations"] for item in maps] == [{"grafana_folder": "Agents"}] * 3
    assert all({"grafana_dashboard": "1", "team": "a"}.items() <= item["labels"].items() for item in maps)


def test_a_scrape_can_be_bounded():
    """So that a tenant who floods costs Prometheus no more than that: for the Operator and for a plain Prometheus."""
    values = {
        "serviceMonitor": {"enabled": True, "spec": {"sampleLimit": 1000, "bodySizeLimit": "8MB", "selector": {}}},
        "prometheus": {"enabled": True, "scrape": {"sample_limit": 1000}},
    }
    objects = charted(values)
    spec = one(objects, "ServiceMonitor")["spec"]
    assert (spec["sampleLimit"], spec["bodySizeLimit"]) == (1000, "8MB")
    assert spec["selector"]["matchLabels"], "the selector is the chart's"
    [jobs] = [item["data"] for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-scrape")]
    assert {fast_yaml.load(text)["scrape_configs"][0]["sample_limit"] for text in jobs.values()} == {1000}


def test_two_replicas_are_scraped_each():
    """One address for both would show each scrape the counters of another one."""
    on = {"prometheus": {"enabled": True}}
    assert scrape_files(on) == ["pods.yml", "static.yml"]
    assert scrape_files(on | {"replicas": 2}) == ["pods.yml"]


def test_cpu_can_be_limited_where_a_policy_requires_it():
    """Over the defaults, which stay."""
    values = {"resources": {"limits": {"cpu": "1"}}}
    [container] = one(charted(values), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "256Mi"}


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
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
def test_the_notes_fit_what_was_installed(notes_of, values, said, unsaid):
    """Addresses, what is missing until an alert can fire, and whom the NetworkPolicy allows."""
    notes = notes_of(values)
    assert [line for line in said if line not in notes] == []
    assert [line for line in unsaid if line in notes] == []
