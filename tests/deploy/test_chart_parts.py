"""Several exporters in one release, and the chart as a dependency of another."""

import itertools

import pytest

from lab import fast_yaml
from tests.deploy.rendering import charted, helm, of_kind, one
from tests.deploy.umbrella import parent, templated

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

TWO = ({"alias": "runs"}, {"alias": "docs"})
VALUES = {"runs": {"settings": {"namespaces": ["a"]}}, "docs": {"settings": {"namespaces": ["b"]}}}
NAMED = {
    "runs": {"name": "coderun-exporter-runs", "serviceMonitor": {"enabled": True}},
    "docs": {"name": "coderun-exporter-docs", "serviceMonitor": {"enabled": True}},
}
EVERYTHING = {name: {"enabled": True} for name in ("serviceMonitor", "prometheus", "prometheusRule", "dashboards")}


def objects_of(done):
    """What was rendered."""
    assert done.returncode == 0, done.stderr
    return [item for item in fast_yaml.load_all(done.stdout) if item]


def selectors_of(objects):
    """Every selector of pods with the object that has it."""
    for item in objects:
        spec = item.get("spec", {})
        match item["kind"]:
            case "Service":
                yield item, spec["selector"]
            case "Deployment" | "PodDisruptionBudget":
                yield item, spec["selector"]["matchLabels"]
            case "NetworkPolicy":
                yield item, spec["podSelector"]["matchLabels"]


@pytest.mark.parametrize(
    ("dependencies", "values"),
    [
        pytest.param(TWO, NAMED, id="two aliases with names"),
        pytest.param(TWO, VALUES, id="two aliases without names"),
        pytest.param(
            ({}, {"alias": "docs"}), {"coderun-exporter": {}, "docs": {}}, id="one with an alias, one without"
        ),
        pytest.param(({"alias": "Team_A"}, {"alias": "coderun-exporter-b"}), {}, id="aliases of other forms"),
    ],
)
def test_two_parts_of_one_release_share_no_pod(tmp_path, dependencies, values):
    """Each selector finds the pods of its own part and no others; no two objects have one name."""
    objects = objects_of(templated(parent(tmp_path, *dependencies, values=values)))
    pods = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in of_kind(objects, "Deployment")
    }
    assert len(pods) == 2
    found = [
        (
            item["kind"],
            item["metadata"]["name"],
            [name for name, labels in pods.items() if selector.items() <= labels.items()],
        )
        for item, selector in selectors_of(objects)
    ]
    assert len(found) == 8
    assert all(names == [name] for _, name, names in found), found
    places = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects]
    assert len({*places}) == len(places)


def test_a_part_is_scraped_by_its_own_servicemonitor_alone(tmp_path):
    """Also where Argo CD has put its own value into the label of the release."""
    objects = objects_of(templated(parent(tmp_path, *TWO, values=NAMED)))
    for monitor, service in itertools.product(of_kind(objects, "ServiceMonitor"), of_kind(objects, "Service")):
        labels = service["metadata"]["labels"] | {"app.kubernetes.io/instance": "argo"}
        selected = monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert selected == (monitor["metadata"]["name"] == service["metadata"]["name"])


def test_a_name_of_a_part_is_in_all_that_it_makes_and_every_pod_is_found_by_the_commands_of_the_alerts():
    """`kubectl get pods -l app.kubernetes.io/name=coderun-exporter` finds the pods of every part."""
    objects = charted({"name": "coderun-exporter-east"} | EVERYTHING)
    assert all(item["metadata"]["name"].startswith("coderun-exporter-east") for item in objects)
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "coderun-exporter"


@pytest.mark.parametrize("enabled", [True, False])
def test_a_parent_chart_may_switch_it_by_a_condition(tmp_path, enabled):
    """`condition: coderun-exporter.enabled`, as most parent charts have it, with `global` values of the parent."""
    values = {"coderun-exporter": {"enabled": enabled}, "global": {"imageRegistry": "registry.example"}}
    chart = parent(tmp_path, {"condition": "coderun-exporter.enabled"}, values=values)
    assert bool(of_kind(objects_of(templated(chart)), "Deployment")) is enabled


def test_enabled_without_a_condition_is_one_line():
    """It would have no effect, and the user would believe that nothing is installed."""
    done = helm("template", {"enabled": False})
    assert done.returncode != 0
    [line] = [line for line in done.stderr.splitlines() if line.strip()][:1]
    assert (
        "enabled: false has an effect only where the parent chart has `condition: coderun-exporter.enabled`" in line
    )


def test_what_a_parent_chart_sets_to_null_has_its_default(tmp_path):
    """As in the chart itself."""
    values = {
        "coderun-exporter": {"image": None, "replicas": None, "podLabels": None, "networkPolicy": {"apiServer": None}}
    }
    made = objects_of(templated(parent(tmp_path, {}, values=values)))
    assert made == objects_of(templated(parent_of_defaults(tmp_path)))


def parent_of_defaults(folder):
    """A parent chart that sets nothing."""
    (folder / "plain").mkdir()
    return parent(folder / "plain", {}, values={})
