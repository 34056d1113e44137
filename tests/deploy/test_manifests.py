"""What every installation must have: kustomize with each overlay, and the chart with each set of values."""

import json
import pathlib

import pytest

from exporter import __version__, cli, rbac
from exporter.commands import arguments
from lab import fast_yaml
from tests.deploy.rendering import ROOT, WEB_SECRET, for_each_installation, of_kind, only_object, render_installation

pytestmark = pytest.mark.timeout(60)

POLICIES = "admissionregistration.k8s.io/v1"
RELEASE_SELECTORS = ",app.kubernetes.io/instance=coderun-exporter,app.kubernetes.io/component=coderun-exporter"
WITH_WEB_CONFIG = ("overlays/web-config", "helm web config", "helm client certificates", "helm tokens")
CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding")


def pod_of(objects):
    """The pod template of the Deployment."""
    return only_object(objects, "Deployment")["spec"]["template"]


def container_of(objects):
    """The only container of the pod."""
    [container] = pod_of(objects)["spec"]["containers"]
    return container


def settings_text(objects):
    """The text of the mounted settings file, found through the volume."""
    volume, mount = pod_of(objects)["spec"]["volumes"][0], container_of(objects)["volumeMounts"][0]
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    maps = {item["metadata"]["name"]: item["data"] for item in of_kind(objects, "ConfigMap")}
    flags = dict(word.split("=") for word in container_of(objects)["args"] if "=" in word)
    path = pathlib.PurePath(flags["--config.file"])
    assert str(path.parent) == mount["mountPath"]
    return maps[volume["configMap"]["name"]][path.name]


def arguments_of(objects):
    """The parsed arguments of the container, with its environment variables replaced."""
    container = container_of(objects)
    known = {"metadata.namespace": only_object(objects, "Deployment")["metadata"]["namespace"]}
    args = container["args"]
    for variable in container.get("env", ()):
        value = known[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        args = [word.replace(f"$({variable['name']})", value) for word in args]
    return cli._arguments(args)


def settings_of(objects, folder):
    """The settings of the mounted file, overridden by the arguments."""
    given = arguments_of(objects)
    given.config_file = str(folder / "exporter.yml")
    (folder / "exporter.yml").write_text(settings_text(objects))
    return arguments.load_settings(given)


@for_each_installation()
def test_each_object_has_a_name_a_label_and_a_namespace(installation):
    """Without a namespace, kubectl would use that of the context. No two objects are the same."""
    objects = [item for item in render_installation(installation) if item["apiVersion"] != POLICIES]
    places = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects]
    assert len(places) == len(set(places))
    for item in objects:
        metadata = item["metadata"]
        assert metadata["labels"]["app.kubernetes.io/name"] == "coderun-exporter"
        assert ("namespace" in metadata) == (item["kind"] not in CLUSTER_SCOPED), metadata["name"]
        assert metadata["name"].startswith("coderun-exporter")


@for_each_installation()
def test_the_only_secret_is_the_web_configuration(installation):
    """The manifests create no Secret. The user creates one for TLS."""
    objects = render_installation(installation)
    assert of_kind(objects, "Secret") == []
    if installation not in WITH_WEB_CONFIG:
        assert "secret" not in json.dumps(only_object(objects, "Deployment")).lower()
        return
    volume, mount = pod_of(objects)["spec"]["volumes"][1], container_of(objects)["volumeMounts"][1]
    assert (volume["name"], volume["secret"]) == (mount["name"], {"secretName": WEB_SECRET})
    assert mount["readOnly"] is True
    file = pathlib.PurePath(vars(arguments_of(objects))["web.config_file"])
    assert (str(file.parent), file.name) == (mount["mountPath"], "web-config.yml")


@for_each_installation()
def test_the_image_is_this_version(installation):
    """The tag is never `latest`, and the image has no registry."""
    assert container_of(render_installation(installation))["image"] == f"coderun-exporter:{__version__}"


@for_each_installation()
def test_the_pod_is_restricted(installation):
    """It complies with the Pod Security Standard "restricted", and its root is read-only."""
    pod, container = (
        pod_of(render_installation(installation))["spec"],
        container_of(render_installation(installation)),
    )
    assert pod["securityContext"] == {
        "runAsNonRoot": True,  # without a user: the image has one, and restricted-v2 of OpenShift assigns another
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    kinds = [{"name", "configMap"}, {"name", "secret"}]
    assert [set(volume) for volume in pod["volumes"]] == kinds[: 1 + (installation in WITH_WEB_CONFIG)]
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()


@for_each_installation()
def test_only_the_exporters_pod_gets_the_token(installation):
    """The ServiceAccount does not mount its token, and the pod does. No Service variables are set."""
    objects = render_installation(installation)
    account, pod = only_object(objects, "ServiceAccount"), pod_of(objects)["spec"]
    assert account["automountServiceAccountToken"] is False
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (True, False)
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert only_object(objects, "Deployment")["metadata"]["namespace"] == account["metadata"]["namespace"]


@for_each_installation()
def test_the_probes_use_the_health_endpoints(installation):
    """Liveness is not readiness: an API server that is down must not restart the pod."""
    container = container_of(render_installation(installation))
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    expected = {
        name: {"path": path, "port": "metrics"} | ({"scheme": "HTTPS"} if installation in WITH_WEB_CONFIG else {})
        for name, path in (("startup", "/livez"), ("liveness", "/livez"), ("readiness", "/readyz"))
    }
    if installation == "helm client certificates":  # the kubelet has no client certificate
        assert [probe["tcpSocket"] for probe in probes.values()] == [{"port": "metrics"}] * 3
    else:
        assert {name: probe["httpGet"] for name, probe in probes.items()} == expected
    for probe in probes.values():
        assert probe["failureThreshold"] * probe["periodSeconds"] >= 15
        assert probe["timeoutSeconds"] == 5


@for_each_installation()
def test_every_selector_and_port_matches_the_pods(installation):
    """They are those of the Deployment, Service, PodDisruptionBudget, NetworkPolicy and ServiceMonitor."""
    objects = render_installation(installation)
    labels, service = pod_of(objects)["metadata"]["labels"].items(), only_object(objects, "Service")
    spread = pod_of(objects)["spec"]["topologySpreadConstraints"]
    for selector in (
        only_object(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only_object(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only_object(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        service["spec"]["selector"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ):
        assert selector
        assert selector.items() <= labels
    assert container_of(objects)["ports"] == [{"name": "metrics", "containerPort": 10911, "protocol": "TCP"}]
    port = {"name": "metrics", "port": 10911, "targetPort": "metrics", "protocol": "TCP"}
    assert service["spec"]["ports"] == [port]
    [ingress] = only_object(objects, "NetworkPolicy")["spec"]["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": 10911}]
    assert all(each.keys() == {"namespaceSelector", "podSelector"} for each in ingress["from"])
    for monitor in of_kind(objects, "ServiceMonitor"):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"], (
            "a ServiceMonitor selects Services of its own namespace"
        )
        [endpoint] = monitor["spec"]["endpoints"]
        assert (endpoint["port"], endpoint["honorLabels"]) == ("metrics", True)


@for_each_installation()
def test_a_pod_that_is_not_ready_is_scraped(installation):
    """Its metrics say what it cannot read. Without them, Prometheus would report it as down."""
    assert only_object(render_installation(installation), "Service")["spec"]["publishNotReadyAddresses"] is True


@for_each_installation()
def test_a_rollout_or_a_drain_does_not_stop_the_scrapes(installation):
    """A new pod starts first, one pod is evicted at a time, and a pod that is not ready does not block a drain."""
    spec = only_object(render_installation(installation), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    budget = only_object(render_installation(installation), "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 10
    assert spec["replicas"] == (2 if "two" in installation else 1)


@for_each_installation()
def test_memory_has_a_limit_and_cpu_has_none(installation):
    """The limit is above the measured use. The initial list may need a full core."""
    assert container_of(render_installation(installation))["resources"] == {
        "requests": {"cpu": "100m", "memory": "96Mi"},
        "limits": {"memory": "256Mi"},
    }


@for_each_installation()
def test_the_arguments_and_the_settings_are_valid(installation, tmp_path):
    """The exporter listens on the port of the Service."""
    objects = render_installation(installation)
    assert "command" not in container_of(objects)
    assert 'ENTRYPOINT ["coderun-exporter"]' in (ROOT / "Dockerfile").read_text()
    assert arguments_of(objects).config_file == "/etc/coderun-exporter/exporter.yml"
    assert settings_of(objects, tmp_path).web.listen_addresses == (":10911",)


@for_each_installation()
def test_the_permissions_are_exactly_those_of_the_settings(installation, tmp_path):
    """They equal the output of `coderun-exporter rbac` for the mounted settings."""
    objects = render_installation(installation)
    account = only_object(objects, "ServiceAccount")["metadata"]
    expected = rbac.manifests(
        settings_of(objects, tmp_path), account=rbac.Account(name=account["name"], namespace=account["namespace"])
    )
    found = [item for item in objects if item["apiVersion"].startswith("rbac.")]
    for item in (*expected, *found):
        item["metadata"].pop("labels", None)
    assert sorted(found, key=json.dumps) == sorted(expected, key=json.dumps)


@for_each_installation("overlays/prometheus-operator", "helm Prometheus Operator")
def test_the_operator_has_the_rules(installation):
    """The groups of all PrometheusRules are those of alerts/rules."""
    made = [
        group
        for item in of_kind(render_installation(installation), "PrometheusRule")
        for group in item["spec"]["groups"]
    ]
    plain = [fast_yaml.load(path.read_text())["groups"] for path in sorted(ROOT.glob("alerts/rules/*.yml"))]
    assert made == [group for groups in plain for group in groups]


@for_each_installation("overlays/prometheus", "helm plain Prometheus")
def test_a_plain_prometheus_has_the_rules_and_the_scrape_jobs(installation):
    """Two ConfigMaps in the namespace of Prometheus have the files of alerts/."""
    maps = {item["metadata"]["name"]: item for item in of_kind(render_installation(installation), "ConfigMap")}
    rules, scrape = maps["coderun-exporter-rules"], maps["coderun-exporter-scrape"]
    assert {item["metadata"]["namespace"] for item in (rules, scrape)} == {"monitoring"}
    plain = {path.name: fast_yaml.load(path.read_text()) for path in ROOT.glob("alerts/rules/*.yml")}
    assert {name: fast_yaml.load(text) for name, text in rules["data"].items()} == plain
    shipped = fast_yaml.load((ROOT / "alerts/scrape.yml").read_text())["scrape_configs"]
    texts = [scrape["data"][name] for name in ("static.yml", "pods.yml")]
    made = [fast_yaml.load(text.replace(RELEASE_SELECTORS, ""))["scrape_configs"] for text in texts]
    assert made == [[job] for job in shipped]


@for_each_installation("overlays/grafana", "helm Grafana")
def test_the_sidecar_of_grafana_has_the_dashboards(installation):
    """Each file of dashboards/ is in a ConfigMap with the label of the sidecar."""
    maps = [
        item
        for item in of_kind(render_installation(installation), "ConfigMap")
        if "grafana_dashboard" in item["metadata"]["labels"]
    ]
    assert {item["metadata"]["labels"]["grafana_dashboard"] for item in maps} == {"1"}
    assert {item["metadata"]["namespace"] for item in maps} == {"monitoring"}
    made = {name: json.loads(text) for item in maps for name, text in item["data"].items()}
    assert made == {path.name: json.loads(path.read_text()) for path in ROOT.glob("dashboards/*.json")}
    assert made
