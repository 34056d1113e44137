"""Names and labels of the user's own: what kustomize does with them leaves every selector right."""

import pytest

from tests.deploy.rendering import ROOT, kustomized, of_kind, one, reached_from

pytestmark = [pytest.mark.needs("kustomize"), pytest.mark.timeout(60)]

COMPONENTS = "components: [{folder}/components/prometheus-operator, {folder}/components/grafana]\n"
OWN = {
    "a prefix and common labels": "namePrefix: prod-\ncommonLabels: {team: agents}\n",
    "labels that selectors include": "labels: [{pairs: {team: agents}, includeSelectors: true}]\nnameSuffix: -x\n",
    "labels for objects alone": "labels: [{pairs: {team: agents}}]\n",
}


@pytest.fixture
def built(tmp_path):
    """The objects of the base and two components in a kustomization with more text."""

    def build(text):
        folder = reached_from(tmp_path)
        head = f"resources: [{folder}/base]\n{COMPONENTS.format(folder=folder)}"
        (tmp_path / "kustomization.yaml").write_text(head + text.replace("deploy/kustomize", folder))
        return kustomized(tmp_path)

    return build


def second_exporter():
    """What deploy/README.md shows for a second exporter, without the lines that are there already."""
    page = (ROOT / "deploy/README.md").read_text()
    text = page.partition("### A second exporter\n")[2].partition("```yaml\n")[2].partition("```")[0]
    return text.partition("nameSuffix")[1] + text.partition("nameSuffix")[2]


@pytest.mark.parametrize("case", OWN)
def test_names_and_labels_of_ones_own_keep_every_selector_right(built, case):
    """Pods are found by Service, budget and policy, and Prometheus by its own label alone."""
    objects = built(OWN[case])
    service = one(objects, "Service")
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    [rule] = one(objects, "NetworkPolicy")["spec"]["ingress"]
    [peer] = rule["from"]
    assert peer["podSelector"] == {
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["prometheus"]}]
    }
    for selector in (
        service["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    monitor = one(objects, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert "coderun-exporter" in service["metadata"]["name"], "the rules select the job by the Service's name"


def test_a_second_exporter_shares_no_pod_with_the_first(built):
    """As deploy/README.md has it: names, labels and selectors of its own, and the rules once."""
    first, second = built(""), built(second_exporter())
    assert of_kind(second, "PrometheusRule") == []
    for mine, others in ((first, second), (second, first)):
        pods = one(others, "Deployment")["spec"]["template"]["metadata"]["labels"]
        service = one(others, "Service")["metadata"]["labels"]
        for selector in (
            one(mine, "Service")["spec"]["selector"],
            one(mine, "Deployment")["spec"]["selector"]["matchLabels"],
            one(mine, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            one(mine, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        ):
            assert not selector.items() <= pods.items()
        assert not one(mine, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items() <= service.items()
    places = [(item["kind"], item["metadata"]["name"]) for item in (*first, *second) if item["kind"] != "ConfigMap"]
    assert len({*places}) == len(places)


def test_prometheus_may_run_in_any_namespace(built):
    """The page's patch for `observability`."""
    page = (ROOT / "deploy/README.md").read_text()
    text = page.partition("### Prometheus in another namespace\n")[2].partition("```yaml\n")[2].partition("```")[0]
    objects = built(text)
    [rule] = one(objects, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"][0]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}
    boards = [item for item in of_kind(objects, "ConfigMap") if "grafana_dashboard" in item["metadata"]["labels"]]
    assert {item["metadata"]["namespace"] for item in boards} == {"observability"}
