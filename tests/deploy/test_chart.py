"""The chart, beside what every way to install it promises."""

import json
import re

import jsonschema
import pytest

from exporter import __version__, config_file, rbac
from lab import fast_yaml
from tests.deploy.chart_settings import SETTINGS
from tests.deploy.rendering import CHART, HELM, NAMESPACE, ROOT, charted, helm, of_kind, one, rendered

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

FORM = r"'.+' does not match pattern '.+'"
WRONG = {
    "replicas": ({"replicas": "two"}, "at '/replicas': got string, want integer"),
    "fewer than none": ({"replicas": -1}, "at '/replicas': minimum: got -1, want 0"),
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
def test_the_permissions_are_those_that_the_exporter_would_print(case, tmp_path):
    """For the same settings and account `helm template` and `coderun-exporter rbac` grant the same."""
    values = {"settings": SETTINGS[case], "serviceAccount": {"name": "reader"}}
    found = [item for item in charted(values) if item["apiVersion"].startswith("rbac.")]
    for item in found:
        item["metadata"]["labels"] = {"app.kubernetes.io/name": "coderun-exporter"}
    (tmp_path / "exporter.yml").write_text(json.dumps(SETTINGS[case]))
    settings = config_file.load(str(tmp_path / "exporter.yml"))
    wanted = rbac.manifests(settings, account=rbac.Account(name="reader", namespace=NAMESPACE))
    assert sorted(map(json.dumps, unordered(found))) == sorted(map(json.dumps, unordered(wanted)))


def unordered(items):
    """The same with sorted keys."""
    return json.loads(json.dumps(items, sort_keys=True))


@pytest.mark.parametrize("case", SETTINGS)
def test_the_settings_arrive_as_they_were_given(case):
    """Numbers stay numbers, the large ones too, and text that looks like something else stays text."""
    settings = SETTINGS[case] | {"retention": 1000000, "jobs": {"match_labels": {"a": "on", "b": "007", "c": "1e3"}}}
    data = one(charted({"settings": settings}), "ConfigMap")["data"]
    assert fast_yaml.load(data["exporter.yml"]) == settings


def test_other_settings_roll_the_pods():
    """They are read once, at the start."""
    sums = {
        one(charted({"settings": settings}), "Deployment")["spec"]["template"]["metadata"]["annotations"][
            "checksum/settings"
        ]
        for settings in SETTINGS.values()
    }
    assert len(sums) == len(SETTINGS)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_one_line_with_its_path(case):
    """Before anything is rendered; helm puts two lines of its own before it."""
    values, said = WRONG[case]
    done = helm("template", values)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.lstrip().startswith("- at ")]
    assert len(lines) == 1, done.stderr
    assert re.search(said, lines[0]), lines[0]


def test_the_schema_knows_exactly_the_values_that_there_are():
    """Every value of values.yaml is typed, and no type is left over from one that is gone."""
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


@pytest.mark.parametrize("choice", HELM)
def test_helm_lints_it(choice):
    """Strictly: a warning is an error."""
    done = helm("lint", HELM[choice], "--strict", "--kube-version=1.36")
    assert done.returncode == 0, done.stdout


def test_the_chart_is_this_version():
    """Of the chart and of what it installs, as the exporter says it."""
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
    """Each binding once: `deny` takes the place of what warns of Jobs. Workflow steps are always warned of."""
    bindings = of_kind(charted({"policies": mode}), "ValidatingAdmissionPolicyBinding")
    assert [item["spec"]["validationActions"] for item in bindings] == actions


def test_policies_that_give_limits_need_a_kubernetes_that_can():
    """One line where it cannot, and no Job is refused where it can."""
    made = rendered("helm policies mutate")
    assert len(of_kind(made, "MutatingAdmissionPolicy")) == 1
    assert [item["metadata"]["name"] for item in of_kind(made, "ValidatingAdmissionPolicy")] == [
        "workflow-run-limits"
    ]
    done = helm("template", {"policies": "mutate"}, "--kube-version=1.35.2")
    assert "policies: mutate needs Kubernetes 1.36, and this is v1.35.2: take warn or deny" in done.stderr


def test_runbooks_are_where_the_values_say():
    """In the Operator's rules and in the plain ones; a slash at the end is one too many."""
    on = {"enabled": True}
    objects = charted({"prometheusRule": on, "prometheus": on, "runbooks": "https://wiki.example/r/"})
    trees = [item["spec"] for item in of_kind(objects, "PrometheusRule")]
    maps = [item for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-rules")]
    trees += [fast_yaml.load(text) for item in maps for text in item["data"].values()]
    alerts = [rule for tree in trees for group in tree["groups"] for rule in group["rules"] if "alert" in rule]
    shipped = (ROOT / "alerts/rules").glob("*.yml")
    assert len(alerts) == 2 * sum(file.read_text().count("- alert:") for file in shipped)
    for alert in alerts:
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example/r/{alert['alert']}"


def test_what_is_not_wanted_is_not_made():
    """Account, permissions, policy and budget can be somebody else's; what is left still runs."""
    off = {
        "serviceAccount": {"create": False, "name": "theirs"},
        "rbac": {"create": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    }
    made = charted(off)
    assert sorted(item["kind"] for item in made) == ["ConfigMap", "Deployment", "Service"]
    assert one(made, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "theirs"


def test_a_pods_own_things_are_taken_over():
    """Labels cannot take away the ones that find the pod."""
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
    template = one(charted(values), "Deployment")["spec"]["template"]
    assert pod.items() <= template["spec"].items()
    assert template["spec"]["imagePullSecrets"] == [{"name": "s"}]
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "coderun-exporter"
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["metadata"]["annotations"]["note"] == "b"
    [container] = template["spec"]["containers"]
    assert (container["image"], container["env"]) == ("registry.example/e:1.2.3", values["env"])


def test_the_policy_can_be_held_to_the_api_server():
    """An address block and a port instead of any address."""
    values = {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [6443]}}}
    egress = one(charted(values), "NetworkPolicy")["spec"]["egress"][0]
    assert egress == {"ports": [{"protocol": "TCP", "port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}


@pytest.mark.parametrize("name", ["123", "true", "1e3"])
def test_a_release_and_a_namespace_may_have_names_that_yaml_takes_for_numbers(name):
    """A label that is no text is refused by the API server, and with it the object."""
    values = {part: {"enabled": True} for part in ("serviceMonitor", "prometheusRule", "dashboards")}
    done = helm("template", values | {"policies": "warn"}, f"--namespace={name}", "--kube-version=1.36", name=name)
    assert done.returncode == 0, done.stderr
    objects = [item for item in fast_yaml.load_all(done.stdout) if item]
    texts = [text for item in objects for text in _texts(item["metadata"])]
    texts += list(one(objects, "Deployment")["spec"]["selector"]["matchLabels"].values())
    assert name in texts
    assert [text for text in texts if not isinstance(text, str)] == []


def _texts(metadata):
    """Its namespace, and the values of its labels."""
    return [metadata.get("namespace", ""), *metadata.get("labels", {}).values()]
