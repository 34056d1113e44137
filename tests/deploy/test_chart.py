"""The Helm chart: its permissions, settings, schema and optional objects."""

import json
import re

import jsonschema
import pytest

from exporter import __version__, config_file, rbac
from lab import fast_yaml
from tests.deploy.chart_settings import SETTINGS
from tests.deploy.rendering import (
    CHART,
    HELM_VALUES,
    NAMESPACE,
    ROOT,
    helm,
    of_kind,
    only_object,
    render_chart,
    render_installation,
)

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

FORM = r"'.+' does not match pattern '.+'"
WRONG_VALUES = {
    "replicas": ({"replicas": "two"}, "at '/replicas': got string, want integer"),
    "fewer than none": ({"replicas": -1}, "at '/replicas': minimum: got -1, want 0"),
    "fewer than no scrapes": (
        {"settings": {"web": {"max_requests": -1}}},
        "at '/settings/web/max_requests': minimum: got -1, want 0",
    ),
    "no kinds": ({"settings": {"coderuns": {"kinds": []}}}, "at '/settings/coderuns/kinds': minItems: got 0, want 1"),
    "a negative duration": ({"settings": {"retention": -1}}, "at '/settings/retention': minimum: got -1, want 0"),
    "no seconds": (
        {"settings": {"thresholds": {"agents": {"rex": {"agent_silence_limit": 0}}}}},
        "at '/settings/thresholds/agents/rex/agent_silence_limit': exclusiveMinimum: got 0, want 0",
    ),
    "no dollars": (
        {"settings": {"thresholds": {"run_cost_limit": 0}}},
        "at '/settings/thresholds/run_cost_limit': exclusiveMinimum: got 0, want 0",
    ),
    "a duration for dollars": (
        {"settings": {"thresholds": {"agents": {"rex": {"hourly_cost_limit": "5m"}}}}},
        f"at '/settings/thresholds/agents/rex/hourly_cost_limit': {FORM}",
    ),
    "unknown": ({"replica": 2}, "at '': additional properties 'replica' not allowed"),
    "unknown below": ({"image": {"name": "x"}}, "at '/image': additional properties 'name' not allowed"),
    "a number as tag": ({"image": {"tag": 1}}, "at '/image/tag': got number, want string"),
    "a text as section": ({"image": "x:1"}, "at '/image': got string, want object"),
    "a switch": ({"networkPolicy": False}, "at '/networkPolicy': got boolean, want object"),
    "a text as switch": ({"dashboards": {"enabled": "yes"}}, "at '/dashboards/enabled': got string, want boolean"),
    "a choice": ({"policies": "x"}, "at '/policies': value must be one of 'deny', 'mutate', 'none', 'warn'"),
    "a name that no rule looks for": ({"name": "exporter"}, f"at '/name': {FORM}"),
    "an unknown setting": ({"settings": {"namespace": []}}, "at '/settings': additional properties 'namespace' not"),
    "a setting's type": ({"settings": {"namespaces": "a"}}, "at '/settings/namespaces': got string, want array"),
    "a duration": ({"settings": {"retention": "6 hours"}}, f"at '/settings/retention': {FORM}"),
    "a duration's type": ({"settings": {"retention": True}}, "at '/settings/retention': got boolean, want number or"),
    "the port": ({"settings": {"web": {"listen_addresses": []}}}, "at '/settings/web': additional properties"),
    "the web configuration's place": ({"settings": {"web": {"config_file": "x"}}}, "at '/settings/web': additional"),
    "a file that the pod does not have, of a log format": (
        {"settings": {"logs": {"formats": ["mine.yml"]}}},
        "at '/settings/logs/formats/0': got string, want object",
    ),
    "a file with a profile": (
        {"settings": {"coderuns": {"kinds": ["tasks.kelos.dev", "mine.yaml"]}}},
        "at '/settings/coderuns/kinds/1': 'not' failed",
    ),
    "a version": (
        {"settings": {"coderuns": {"kinds": [{"plural": "xs", "version": "v1/x"}]}}},
        f"at '/settings/coderuns/kinds/0/version': {FORM}",
    ),
    "a Secret": ({"webConfig": {"secret": {"name": "x"}}}, "at '/webConfig/secret': got object, want string"),
    "an endpoint": ({"serviceMonitor": {"endpoint": "https"}}, "at '/serviceMonitor/endpoint': got string, want obj"),
    "a kubeconfig": (
        {"settings": {"kubernetes": {}}},
        "at '/settings': additional properties 'kubernetes' not allowed",
    ),
    "every resource": (
        {"settings": {"coderuns": {"kinds": [{"plural": "*"}]}}},
        f"/coderuns/kinds/0/plural': {FORM}",
    ),
    "every group": ({"settings": {"coderuns": {"kinds": [{"group": "*"}]}}}, f"/coderuns/kinds/0/group': {FORM}"),
    "every ConfigMap": (
        {"settings": {"configmaps": {"required": [""]}}},
        r"/configmaps/required/0': '' does not match",
    ),
    "a ConfigMap": ({"settings": {"configmaps": {"required": [{"keys": []}]}}}, "missing property 'name'"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_the_permissions_are_those_that_rbac_prints(case, tmp_path):
    """They are equal if the settings and the account are equal."""
    values = {"settings": SETTINGS[case], "serviceAccount": {"name": "reader"}}
    found = [item for item in render_chart(values) if item["apiVersion"].startswith("rbac.")]
    for item in found:
        item["metadata"]["labels"] = {"app.kubernetes.io/name": "coderun-exporter"}
    (tmp_path / "exporter.yml").write_text(json.dumps(SETTINGS[case]))
    settings = config_file.load(str(tmp_path / "exporter.yml"))
    expected = rbac.manifests(settings, account=rbac.Account(name="reader", namespace=NAMESPACE))
    assert sorted(map(json.dumps, sort_keys_of(found))) == sorted(map(json.dumps, sort_keys_of(expected)))


def sort_keys_of(items):
    """The same objects with sorted keys."""
    return json.loads(json.dumps(items, sort_keys=True))


@pytest.mark.parametrize("case", SETTINGS)
def test_the_settings_are_unchanged_in_the_configmap(case):
    """Numbers stay numbers, also large ones. Text that looks like another type stays text."""
    settings = SETTINGS[case] | {"retention": 1000000, "jobs": {"match_labels": {"a": "on", "b": "007", "c": "1e3"}}}
    data = only_object(render_chart({"settings": settings}), "ConfigMap")["data"]
    assert fast_yaml.load(data["exporter.yml"]) == settings


def test_changed_settings_roll_the_pods():
    """The exporter reads them only at startup, so an annotation of the pods has their checksum."""
    sums = {
        only_object(render_chart({"settings": settings}), "Deployment")["spec"]["template"]["metadata"][
            "annotations"
        ]["checksum/settings"]
        for settings in SETTINGS.values()
    }
    assert len(sums) == len(SETTINGS)


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_a_wrong_value_is_one_line_with_its_path(case):
    """The error is that of the schema. Helm prints two lines before it."""
    values, expected = WRONG_VALUES[case]
    done = helm("template", values)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.lstrip().startswith("- at ")]
    assert len(lines) == 1, done.stderr
    assert re.search(expected, lines[0]), lines[0]


def test_the_schema_has_exactly_the_keys_of_values_yaml():
    """Each value has a type, and no type is left of a removed value."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    values = fast_yaml.load((CHART / "values.yaml").read_text())

    def compare(tree, kind):
        kind = schema["$defs"][kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind
        if "properties" not in kind or kind.get("title") == "Settings":
            return
        assert kind["properties"].keys() - {"global"} == tree.keys()
        for key, below in tree.items():
            compare(below, kind["properties"][key])

    compare(values, schema)


@pytest.mark.parametrize("installation", HELM_VALUES)
def test_helm_lint_passes(installation):
    """With `--strict` a warning is an error."""
    done = helm("lint", HELM_VALUES[installation], "--strict", "--kube-version=1.36")
    assert done.returncode == 0, done.stdout


def test_the_version_of_the_chart_is_that_of_the_exporter():
    """`version` and `appVersion` are equal to it."""
    chart = fast_yaml.load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize(
    ("mode", "actions"),
    [
        ("none", []),
        ("warn", [["Warn", "Audit"], ["Warn", "Audit"]]),
        ("deny", [["Deny", "Audit"], ["Warn", "Audit"]]),
    ],
)
def test_policies_warn_or_deny(mode, actions):
    """`deny` replaces the binding that warns about Jobs. Workflow steps only cause warnings."""
    bindings = of_kind(render_chart({"policies": mode}), "ValidatingAdmissionPolicyBinding")
    assert [item["spec"]["validationActions"] for item in bindings] == actions


def test_mutating_policies_need_kubernetes_1_36():
    """On older versions the error is one line. With mutation no policy denies Jobs."""
    made = render_installation("helm policies mutate")
    assert len(of_kind(made, "MutatingAdmissionPolicy")) == 1
    assert [item["metadata"]["name"] for item in of_kind(made, "ValidatingAdmissionPolicy")] == [
        "workflow-run-limits"
    ]
    done = helm("template", {"policies": "mutate"}, "--kube-version=1.35.2")
    assert "policies: mutate needs Kubernetes 1.36, and this is v1.35.2: take warn or deny" in done.stderr


def test_the_values_set_the_url_of_the_runbooks():
    """They are in the PrometheusRule and in the ConfigMap of the rules. A slash at the end of the URL is removed."""
    on = {"enabled": True}
    objects = render_chart({"prometheusRule": on, "prometheus": on, "runbooks": "https://wiki.example/r/"})
    trees = [item["spec"] for item in of_kind(objects, "PrometheusRule")]
    maps = [item for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-rules")]
    trees += [fast_yaml.load(text) for item in maps for text in item["data"].values()]
    alerts = [rule for tree in trees for group in tree["groups"] for rule in group["rules"] if "alert" in rule]
    shipped = (ROOT / "alerts/rules").glob("*.yml")
    assert len(alerts) == 2 * sum(file.read_text().count("- alert:") for file in shipped)
    for alert in alerts:
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example/r/{alert['alert']}"


def test_optional_objects_can_be_disabled():
    """The ServiceAccount, RBAC, the NetworkPolicy and the PodDisruptionBudget may be managed elsewhere."""
    off = {
        "serviceAccount": {"create": False, "name": "theirs"},
        "rbac": {"create": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    }
    made = render_chart(off)
    assert sorted(item["kind"] for item in made) == ["ConfigMap", "Deployment", "Service"]
    assert only_object(made, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "theirs"


def test_pod_values_are_copied_to_the_pod():
    """`podLabels` cannot override the labels of the selector."""
    pod = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
    }
    values = pod | {
        "podLabels": {"team": "a", "app.kubernetes.io/name": "x"},
        "podAnnotations": {"note": "b"},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "image": {"repository": "registry.example/e", "tag": "1.2.3", "pullSecrets": [{"name": "s"}]},
    }
    template = only_object(render_chart(values), "Deployment")["spec"]["template"]
    assert pod.items() <= template["spec"].items()
    assert template["spec"]["imagePullSecrets"] == [{"name": "s"}]
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "coderun-exporter"
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["metadata"]["annotations"]["note"] == "b"
    [container] = template["spec"]["containers"]
    assert (container["image"], container["env"]) == ("registry.example/e:1.2.3", values["env"])


def test_egress_can_be_limited_to_the_api_server():
    """An address block and a port replace the default, which is any address."""
    values = {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [6443]}}}
    egress = only_object(render_chart(values), "NetworkPolicy")["spec"]["egress"][0]
    assert egress == {"ports": [{"protocol": "TCP", "port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}


@pytest.mark.parametrize("name", ["123", "true", "1e3"])
def test_names_of_releases_and_namespaces_that_look_like_numbers_are_text(name):
    """The API server rejects an object if a label value is not text."""
    values = {part: {"enabled": True} for part in ("serviceMonitor", "prometheusRule", "dashboards")}
    done = helm("template", values | {"policies": "warn"}, f"--namespace={name}", "--kube-version=1.36", name=name)
    assert done.returncode == 0, done.stderr
    objects = [item for item in fast_yaml.load_all(done.stdout) if item]
    texts = [text for item in objects for text in _texts(item["metadata"])]
    texts += list(only_object(objects, "Deployment")["spec"]["selector"]["matchLabels"].values())
    assert name in texts
    assert [text for text in texts if not isinstance(text, str)] == []


def _texts(metadata):
    """The namespace and the label values."""
    return [metadata.get("namespace", ""), *metadata.get("labels", {}).values()]
