"""What every way to install it promises: kustomize with each overlay, and the chart with each choice."""

import json
import pathlib

import pytest

from exporter import __version__, cli, rbac
from exporter.commands import arguments
from lab import fast_yaml
from tests.deploy.rendering import ROOT, WEB_SECRET, by_choice, of_kind, one, rendered

pytestmark = pytest.mark.timeout(60)

POLICIES = "admissionregistration.k8s.io/v1"
OF_THE_RELEASE = ",app.kubernetes.io/instance=coderun-exporter,app.kubernetes.io/component=coderun-exporter"
WITH_WEB_CONFIG = ("overlays/web-config", "helm web config", "helm client certificates", "helm tokens")
OF_THE_CLUSTER = ("ClusterRole", "ClusterRoleBinding")


def pod_of(objects):
    """The Deployment's pod template."""
    return one(objects, "Deployment")["spec"]["template"]


def container_of(objects):
    """Its only container."""
    [container] = pod_of(objects)["spec"]["containers"]
    return container


def settings_text(objects):
    """The settings file that the pod mounts, found as the kubelet finds it: by its volume's ConfigMap."""
    volume, mount = pod_of(objects)["spec"]["volumes"][0], container_of(objects)["volumeMounts"][0]
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    maps = {item["metadata"]["name"]: item["data"] for item in of_kind(objects, "ConfigMap")}
    flags = dict(word.split("=") for word in container_of(objects)["args"] if "=" in word)
    path = pathlib.PurePath(flags["--config.file"])
    assert str(path.parent) == mount["mountPath"]
    return maps[volume["configMap"]["name"]][path.name]


def arguments_of(objects):
    """The container's arguments with its variables in them, as the exporter takes them."""
    container = container_of(objects)
    known = {"metadata.namespace": one(objects, "Deployment")["metadata"]["namespace"]}
    words = container["args"]
    for variable in container.get("env", ()):
        value = known[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        words = [word.replace(f"$({variable['name']})", value) for word in words]
    return cli._arguments(words)


def settings_of(objects, folder):
    """The settings of the mounted file, with the arguments on top."""
    given = arguments_of(objects)
    given.config_file = str(folder / "exporter.yml")
    (folder / "exporter.yml").write_text(settings_text(objects))
    return arguments.load_settings(given)


@by_choice()
def test_each_object_is_named_labelled_and_placed_once(choice):
    """Nothing goes to whatever namespace a context has, and nothing is there twice."""
    objects = [item for item in rendered(choice) if item["apiVersion"] != POLICIES]
    places = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects]
    assert len(places) == len(set(places))
    for item in objects:
        metadata = item["metadata"]
        assert metadata["labels"]["app.kubernetes.io/name"] == "coderun-exporter"
        assert ("namespace" in metadata) == (item["kind"] not in OF_THE_CLUSTER), metadata["name"]
        assert metadata["name"].startswith("coderun-exporter")


@by_choice()
def test_no_secret_is_made_and_none_is_mounted_but_the_web_configuration(choice):
    """The exporter needs no credential but its account's token; who wants TLS names a Secret."""
    objects = rendered(choice)
    assert of_kind(objects, "Secret") == []
    if choice not in WITH_WEB_CONFIG:
        assert "secret" not in json.dumps(one(objects, "Deployment")).lower()
        return
    volume, mount = pod_of(objects)["spec"]["volumes"][1], container_of(objects)["volumeMounts"][1]
    assert (volume["name"], volume["secret"]) == (mount["name"], {"secretName": WEB_SECRET})
    assert mount["readOnly"] is True
    file = pathlib.PurePath(vars(arguments_of(objects))["web.config_file"])
    assert (str(file.parent), file.name) == (mount["mountPath"], "web-config.yml")


@by_choice()
def test_the_image_is_this_version(choice):
    """Never `latest`, and no registry that is somebody's."""
    assert container_of(rendered(choice))["image"] == f"coderun-exporter:{__version__}"


@by_choice()
def test_the_pod_is_restricted(choice):
    """The Pod Security Standard "restricted" and more: nothing to write to, no capability, no root."""
    pod, container = pod_of(rendered(choice))["spec"], container_of(rendered(choice))
    assert pod["securityContext"] == {
        "runAsNonRoot": True,  # and no user: the image names one, and OpenShift's restricted-v2 another
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    kinds = [{"name", "configMap"}, {"name", "secret"}]
    assert [set(volume) for volume in pod["volumes"]] == kinds[: 1 + (choice in WITH_WEB_CONFIG)]
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()


@by_choice()
def test_only_the_exporters_pod_gets_the_token(choice):
    """Its account gives none away; the pod asks for it, and for no address of other Services."""
    objects = rendered(choice)
    account, pod = one(objects, "ServiceAccount"), pod_of(objects)["spec"]
    assert account["automountServiceAccountToken"] is False
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (True, False)
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert one(objects, "Deployment")["metadata"]["namespace"] == account["metadata"]["namespace"]


@by_choice()
def test_the_probes_ask_what_the_exporter_answers(choice):
    """Alive is not ready: an API server that is down restarts nothing."""
    container = container_of(rendered(choice))
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    asked = {
        name: {"path": path, "port": "metrics"} | ({"scheme": "HTTPS"} if choice in WITH_WEB_CONFIG else {})
        for name, path in (("startup", "/livez"), ("liveness", "/livez"), ("readiness", "/readyz"))
    }
    if choice == "helm client certificates":  # the kubelet has none
        assert [probe["tcpSocket"] for probe in probes.values()] == [{"port": "metrics"}] * 3
    else:
        assert {name: probe["httpGet"] for name, probe in probes.items()} == asked
    for probe in probes.values():
        assert probe["failureThreshold"] * probe["periodSeconds"] >= 15
        assert probe["timeoutSeconds"] == 5


@by_choice()
def test_every_selector_finds_the_pods_and_every_port_is_theirs(choice):
    """Deployment, Service, PodDisruptionBudget, NetworkPolicy and ServiceMonitor speak of the same pods and port."""
    objects = rendered(choice)
    labels, service = pod_of(objects)["metadata"]["labels"].items(), one(objects, "Service")
    spread = pod_of(objects)["spec"]["topologySpreadConstraints"]
    for selector in (
        one(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        service["spec"]["selector"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ):
        assert selector
        assert selector.items() <= labels
    assert container_of(objects)["ports"] == [{"name": "metrics", "containerPort": 10911, "protocol": "TCP"}]
    port = {"name": "metrics", "port": 10911, "targetPort": "metrics", "protocol": "TCP"}
    assert service["spec"]["ports"] == [port]
    [ingress] = one(objects, "NetworkPolicy")["spec"]["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": 10911}]
    assert all(each.keys() == {"namespaceSelector", "podSelector"} for each in ingress["from"])
    for monitor in of_kind(objects, "ServiceMonitor"):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"], "it looks in its own"
        [endpoint] = monitor["spec"]["endpoints"]
        assert (endpoint["port"], endpoint["honorLabels"]) == ("metrics", True)


@by_choice()
def test_a_pod_that_is_not_ready_is_scraped_too(choice):
    """Its metrics say what it may not read; without them the alert would be that it is down."""
    assert one(rendered(choice), "Service")["spec"]["publishNotReadyAddresses"] is True


@by_choice()
def test_a_rollout_or_a_drain_leaves_one_that_answers(choice):
    """A new pod first, one pod moved at a time, and no pod that a drain could wait for in vain."""
    spec = one(rendered(choice), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    budget = one(rendered(choice), "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 10
    assert spec["replicas"] == (2 if "two" in choice else 1)


@by_choice()
def test_memory_is_bounded_and_cpu_is_not(choice):
    """What was measured and some more; a first list may take a core."""
    assert container_of(rendered(choice))["resources"] == {
        "requests": {"cpu": "100m", "memory": "96Mi"},
        "limits": {"memory": "256Mi"},
    }


@by_choice()
def test_the_arguments_and_the_mounted_settings_are_ones_that_the_exporter_takes(choice, tmp_path):
    """The command line parses, the settings load, and they listen where the Service sends."""
    objects = rendered(choice)
    assert "command" not in container_of(objects)
    assert 'ENTRYPOINT ["coderun-exporter"]' in (ROOT / "Dockerfile").read_text()
    assert arguments_of(objects).config_file == "/etc/coderun-exporter/exporter.yml"
    assert settings_of(objects, tmp_path).web.listen_addresses == (":10911",)


@by_choice()
def test_exactly_what_the_settings_need_is_granted(choice, tmp_path):
    """The account has the permissions that `coderun-exporter rbac` makes of the settings that are mounted."""
    objects = rendered(choice)
    account = one(objects, "ServiceAccount")["metadata"]
    wanted = rbac.manifests(
        settings_of(objects, tmp_path), account=rbac.Account(name=account["name"], namespace=account["namespace"])
    )
    found = [item for item in objects if item["apiVersion"].startswith("rbac.")]
    for item in (*wanted, *found):
        item["metadata"].pop("labels", None)
    assert sorted(found, key=json.dumps) == sorted(wanted, key=json.dumps)


@by_choice("overlays/prometheus-operator", "helm Prometheus Operator")
def test_the_operator_gets_the_rules(choice):
    """The groups of all PrometheusRules are those of alerts/rules."""
    made = [group for item in of_kind(rendered(choice), "PrometheusRule") for group in item["spec"]["groups"]]
    plain = [fast_yaml.load(path.read_text())["groups"] for path in sorted(ROOT.glob("alerts/rules/*.yml"))]
    assert made == [group for groups in plain for group in groups]


@by_choice("overlays/prometheus", "helm plain Prometheus")
def test_a_plain_prometheus_gets_the_rules_and_the_scrape_job(choice):
    """As they are in alerts/, in two ConfigMaps of Prometheus' namespace."""
    maps = {item["metadata"]["name"]: item for item in of_kind(rendered(choice), "ConfigMap")}
    rules, scrape = maps["coderun-exporter-rules"], maps["coderun-exporter-scrape"]
    assert {item["metadata"]["namespace"] for item in (rules, scrape)} == {"monitoring"}
    plain = {path.name: fast_yaml.load(path.read_text()) for path in ROOT.glob("alerts/rules/*.yml")}
    assert {name: fast_yaml.load(text) for name, text in rules["data"].items()} == plain
    shipped = fast_yaml.load((ROOT / "alerts/scrape.yml").read_text())["scrape_configs"]
    texts = [scrape["data"][name] for name in ("static.yml", "pods.yml")]
    made = [fast_yaml.load(text.replace(OF_THE_RELEASE, ""))["scrape_configs"] for text in texts]
    assert made == [[job] for job in shipped]


@by_choice("overlays/grafana", "helm Grafana")
def test_grafanas_sidecar_gets_the_dashboards(choice):
    """Each file of dashboards/ in a ConfigMap with the label that the sidecar looks for."""
    maps = [
        item for item in of_kind(rendered(choice), "ConfigMap") if "grafana_dashboard" in item["metadata"]["labels"]
    ]
    assert {item["metadata"]["labels"]["grafana_dashboard"] for item in maps} == {"1"}
    assert {item["metadata"]["namespace"] for item in maps} == {"monitoring"}
    made = {name: json.loads(text) for item in maps for name, text in item["data"].items()}
    assert made == {path.name: json.loads(path.read_text()) for path in ROOT.glob("dashboards/*.json")}
    assert made
