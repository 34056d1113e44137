"""The chart's NetworkPolicy: who may scrape, and where the exporter may connect to."""

import pytest

from tests.deploy.rendering import charted, helm, of_kind, one

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

PROMETHEUS = {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["prometheus"]}]}
DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


def policy_of(**values):
    """The spec with these values of `networkPolicy`."""
    return one(charted({"networkPolicy": values}), "NetworkPolicy")["spec"]


def test_an_empty_list_of_scrapers_allows_no_scrape():
    """A rule with an empty list of peers would allow every client; without a rule none is allowed."""
    spec = policy_of(prometheus=[])
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
def test_what_would_allow_more_than_it_says_is_one_line(values, line):
    """No peer without a selector, and no list of ports that means all of them."""
    done = helm("template", {"networkPolicy": values})
    assert done.returncode != 0
    assert len([text for text in done.stderr.splitlines() if line in text]) == 1, done.stderr


def test_prometheus_may_run_in_any_namespace():
    """One value for the policy, the ConfigMaps and the dashboards."""
    on = {"prometheus": {"enabled": True, "namespace": "observability"}, "dashboards": {"enabled": True}}
    objects = charted(on)
    [rule] = one(objects, "NetworkPolicy")["spec"]["ingress"]
    space = {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}
    assert rule["from"] == [{"namespaceSelector": space, "podSelector": PROMETHEUS}]
    assert {item["metadata"]["namespace"] for item in of_kind(objects, "ConfigMap")} == {
        "observability",
        "agent-platform",
    }


def test_nothing_can_be_reached_but_the_api_server_and_names():
    """Any address on the two ports of API servers, and port 53 of kube-system."""
    api, names = policy_of()["egress"]
    assert api == {"ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)]}
    assert names == {"to": [DNS], "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}


def test_egress_can_be_held_to_the_api_server_alone():
    """An address block and a port, no names, and one proxy."""
    proxy = {"to": [{"ipBlock": {"cidr": "10.0.0.9/32"}}], "ports": [{"port": 3128}]}
    spec = policy_of(apiServer={"cidrs": ["10.0.0.1/32"], "ports": [6443]}, dns=[], egress=[proxy])
    api = {"ports": [{"protocol": "TCP", "port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}
    assert spec["egress"] == [api, proxy]
