"""The chart's NetworkPolicy: who can scrape the exporter, and where it can connect to."""

import pytest

from tests.deploy.rendering import helm, of_kind, only_object, render_chart

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

PROMETHEUS = {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["prometheus"]}]}
DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


def network_policy(**values):
    """The spec of the NetworkPolicy with these values of `networkPolicy`."""
    return only_object(render_chart({"networkPolicy": values}), "NetworkPolicy")["spec"]


def test_an_empty_list_of_scrapers_allows_no_scrapes():
    """A rule with an empty list of peers allows every client. Without a rule no client is allowed."""
    spec = network_policy(prometheus=[])
    assert spec["ingress"] == []
    assert spec["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"prometheus": [{}]}, "at '/networkPolicy/prometheus/0': minProperties: got 0, want 1"),
        (
            {"prometheus": [{"podSelector": None}]},
            "at '/networkPolicy/prometheus/0/podSelector': got null, want object",
        ),
        ({"prometheus": [{"podselector": {}}]}, "additional properties 'podselector' not allowed"),
        ({"prometheus": {}}, "at '/networkPolicy/prometheus': got object, want array"),
        ({"apiServer": {"ports": []}}, "at '/networkPolicy/apiServer/ports': minItems: got 0, want 1"),
        ({"apiServer": {"ports": [0]}}, "at '/networkPolicy/apiServer/ports/0': minimum: got 0, want 1"),
        ({"apiServer": {"cidrs": ["10.0.0.1"]}}, "at '/networkPolicy/apiServer/cidrs/0'"),
        ({"dns": [{}]}, "at '/networkPolicy/dns/0': minProperties: got 0, want 1"),
    ],
)
def test_values_that_would_allow_more_than_intended_are_one_line(values, line):
    """A peer without a selector means all pods, and an empty list of ports means all ports."""
    done = helm("template", {"networkPolicy": values})
    assert done.returncode != 0
    assert len([text for text in done.stderr.splitlines() if line in text]) == 1, done.stderr


def test_prometheus_may_run_in_any_namespace():
    """One value sets the namespace for the policy, the ConfigMaps and the dashboards."""
    on = {"prometheus": {"enabled": True, "namespace": "observability"}, "dashboards": {"enabled": True}}
    objects = render_chart(on)
    [rule] = only_object(objects, "NetworkPolicy")["spec"]["ingress"]
    space = {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}
    assert rule["from"] == [{"namespaceSelector": space, "podSelector": PROMETHEUS}]
    assert {item["metadata"]["namespace"] for item in of_kind(objects, "ConfigMap")} == {
        "observability",
        "agent-platform",
    }


def test_egress_is_limited_to_the_api_server_and_dns():
    """The peers are any address on the two usual ports of API servers, and port 53 of kube-system."""
    api, names = network_policy()["egress"]
    assert api == {"ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)]}
    assert names == {"to": [DNS], "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}


def test_egress_can_be_limited_to_the_api_server_and_a_proxy():
    """The peers are an address block with a port, and one proxy. DNS is not permitted."""
    proxy = {"to": [{"ipBlock": {"cidr": "10.0.0.9/32"}}], "ports": [{"port": 3128}]}
    spec = network_policy(apiServer={"cidrs": ["10.0.0.1/32"], "ports": [6443]}, dns=[], egress=[proxy])
    api = {"ports": [{"protocol": "TCP", "port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}
    assert spec["egress"] == [api, proxy]
