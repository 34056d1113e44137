"""Names and labels that a user adds with kustomize: the selectors still match."""

import pytest

from tests.deploy.rendering import ROOT, of_kind, only_object, relative_path_from, render_kustomization

pytestmark = [pytest.mark.needs("kustomize"), pytest.mark.timeout(60)]

COMPONENTS = "components: [{folder}/components/prometheus-operator, {folder}/components/grafana]\n"
ADDED_NAMES_AND_LABELS = {
    "a prefix and common labels": "namePrefix: prod-\ncommonLabels: {team: agents}\n",
    "labels that selectors include": "labels: [{pairs: {team: agents}, includeSelectors: true}]\nnameSuffix: -x\n",
    "labels for objects alone": "labels: [{pairs: {team: agents}}]\n",
}


@pytest.fixture
def built(tmp_path):
    """Builds the base and two components with more lines of a kustomization."""

    def build(text):
        folder = relative_path_from(tmp_path)
        head = f"resources: [{folder}/base]\n{COMPONENTS.format(folder=folder)}"
        (tmp_path / "kustomization.yaml").write_text(head + text.replace("deploy/kustomize", folder))
        return render_kustomization(tmp_path)

    return build


def second_exporter():
    """The lines of deploy/README.md for a second exporter that `built` does not already have."""
    page = (ROOT / "deploy/README.md").read_text()
    text = page.partition("### A second exporter\n")[2].partition("```yaml\n")[2].partition("```")[0]
    return text.partition("nameSuffix")[1] + text.partition("nameSuffix")[2]


@pytest.mark.parametrize("case", ADDED_NAMES_AND_LABELS)
def test_with_added_names_and_labels_every_selector_matches(built, case):
    """The Service, the budget and the policy select the pods. The peer of the policy is only Prometheus."""
    objects = built(ADDED_NAMES_AND_LABELS[case])
    service = only_object(objects, "Service")
    labels = only_object(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    [rule] = only_object(objects, "NetworkPolicy")["spec"]["ingress"]
    [peer] = rule["from"]
    assert peer["podSelector"] == {
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["prometheus"]}]
    }
    for selector in (
        service["spec"]["selector"],
        only_object(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only_object(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    monitor = only_object(objects, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert "coderun-exporter" in service["metadata"]["name"], "the rules select the job by the Service's name"


def test_a_second_exporter_selects_only_its_own_pods(built):
    """It has its own names, labels and selectors, as in deploy/README.md. The rules are installed once."""
    first, second = built(""), built(second_exporter())
    assert of_kind(second, "PrometheusRule") == []
    for mine, others in ((first, second), (second, first)):
        pods = only_object(others, "Deployment")["spec"]["template"]["metadata"]["labels"]
        service = only_object(others, "Service")["metadata"]["labels"]
        for selector in (
            only_object(mine, "Service")["spec"]["selector"],
            only_object(mine, "Deployment")["spec"]["selector"]["matchLabels"],
            only_object(mine, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            only_object(mine, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        ):
            assert not selector.items() <= pods.items()
        assert not only_object(mine, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items() <= service.items()
    places = [(item["kind"], item["metadata"]["name"]) for item in (*first, *second) if item["kind"] != "ConfigMap"]
    assert len({*places}) == len(places)


def test_prometheus_may_run_in_any_namespace(built):
    """The page has a patch for the namespace `observability`."""
    page = (ROOT / "deploy/README.md").read_text()
    text = page.partition("### Prometheus in another namespace\n")[2].partition("```yaml\n")[2].partition("```")[0]
    objects = built(text)
    [rule] = only_object(objects, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"][0]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}
    boards = [item for item in of_kind(objects, "ConfigMap") if "grafana_dashboard" in item["metadata"]["labels"]]
    assert {item["metadata"]["namespace"] for item in boards} == {"observability"}
