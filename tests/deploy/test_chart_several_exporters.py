"""Two exporters in one release, and the chart as a dependency of another chart."""

import itertools

import pytest

from lab import fast_yaml
from tests.deploy.rendering import helm, of_kind, only_object, render_chart
from tests.deploy.umbrella import parent_chart, render_parent

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

TWO_ALIASES = ({"alias": "runs"}, {"alias": "docs"})
WITHOUT_NAMES = {"runs": {"settings": {"namespaces": ["a"]}}, "docs": {"settings": {"namespaces": ["b"]}}}
WITH_NAMES = {
    "runs": {"name": "coderun-exporter-runs", "serviceMonitor": {"enabled": True}},
    "docs": {"name": "coderun-exporter-docs", "serviceMonitor": {"enabled": True}},
}
EVERYTHING = {name: {"enabled": True} for name in ("serviceMonitor", "prometheus", "prometheusRule", "dashboards")}


def objects_of(helm_result):
    """The objects that `helm template` rendered. Fails if helm failed."""
    assert helm_result.returncode == 0, helm_result.stderr
    return [item for item in fast_yaml.load_all(helm_result.stdout) if item]


def selectors_of(objects):
    """The objects that select pods, as pairs of the object and the selector."""
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
        pytest.param(TWO_ALIASES, WITH_NAMES, id="two aliases with names"),
        pytest.param(TWO_ALIASES, WITHOUT_NAMES, id="two aliases without names"),
        pytest.param(
            ({}, {"alias": "docs"}), {"coderun-exporter": {}, "docs": {}}, id="one with an alias, one without"
        ),
        pytest.param(
            ({"alias": "Team_A"}, {"alias": "coderun-exporter-b"}),
            {},
            id="an alias with capitals, one that begins with the chart's name",
        ),
    ],
)
def test_two_exporters_of_one_release_select_only_their_own_pods(tmp_path, dependencies, values):
    """Each selector matches the pods of its own exporter. No two objects have the same name."""
    objects = objects_of(render_parent(parent_chart(tmp_path, *dependencies, values=values)))
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


def test_a_servicemonitor_selects_only_its_own_service(tmp_path):
    """Argo CD may have changed the instance label."""
    objects = objects_of(render_parent(parent_chart(tmp_path, *TWO_ALIASES, values=WITH_NAMES)))
    for monitor, service in itertools.product(of_kind(objects, "ServiceMonitor"), of_kind(objects, "Service")):
        labels = service["metadata"]["labels"] | {"app.kubernetes.io/instance": "argo"}
        selected = monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert selected == (monitor["metadata"]["name"] == service["metadata"]["name"])


def test_all_objects_have_the_name_and_all_pods_the_common_label():
    """The commands of alerts select pods by `app.kubernetes.io/name=coderun-exporter`."""
    objects = render_chart({"name": "coderun-exporter-east"} | EVERYTHING)
    assert all(item["metadata"]["name"].startswith("coderun-exporter-east") for item in objects)
    labels = only_object(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "coderun-exporter"


@pytest.mark.parametrize("enabled", [True, False])
def test_a_parent_chart_can_enable_it_by_a_condition(tmp_path, enabled):
    """It is `condition: coderun-exporter.enabled`, as in most parent charts. The parent also has `global` values."""
    values = {"coderun-exporter": {"enabled": enabled}, "global": {"imageRegistry": "registry.example"}}
    chart = parent_chart(tmp_path, {"condition": "coderun-exporter.enabled"}, values=values)
    assert bool(of_kind(objects_of(render_parent(chart)), "Deployment")) is enabled


def test_enabled_without_a_condition_is_one_line():
    """It would have no effect, although the user expects that nothing is installed."""
    done = helm("template", {"enabled": False})
    assert done.returncode != 0
    [line] = [line for line in done.stderr.splitlines() if line.strip()][:1]
    assert (
        "enabled: false has an effect only where the parent chart has `condition: coderun-exporter.enabled`" in line
    )


def test_a_null_of_a_parent_chart_has_the_default(tmp_path):
    """A null in the chart's own values has the same effect."""
    values = {
        "coderun-exporter": {"image": None, "replicas": None, "podLabels": None, "networkPolicy": {"apiServer": None}}
    }
    made = objects_of(render_parent(parent_chart(tmp_path, {}, values=values)))
    assert made == objects_of(render_parent(parent_of_defaults(tmp_path)))


def parent_of_defaults(folder):
    """A parent chart that sets no values."""
    (folder / "plain").mkdir()
    return parent_chart(folder / "plain", {}, values={})
