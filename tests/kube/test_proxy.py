"""Which proxy the environment asks for."""

import pytest

from exporter.kube.proxy import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A proxy for https, and none else."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)


@pytest.mark.parametrize(
    "server", ["https://api.example:6443", "https://10.96.0.1:443", "https://[2001:db8::1]:6443"]
)
def test_a_server_elsewhere_is_asked_for_through_the_proxy(server):
    """By name or address."""
    assert proxy_for(server) == PROXY


def test_another_scheme_has_a_proxy_of_its_own(monkeypatch):
    """HTTP_PROXY is for http."""
    assert proxy_for("http://api.example:8080") is None
    monkeypatch.setenv("HTTP_PROXY", "http://other.example:1")
    assert proxy_for("http://api.example:8080") == "http://other.example:1"


@pytest.mark.parametrize("server", ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"])
def test_this_machine_is_never_asked_for_through_a_proxy(server):
    """As in kubectl: kind and minikube are there."""
    assert proxy_for(server) is None


@pytest.mark.parametrize(
    ("no_proxy", "server"),
    [
        ("10.0.0.0/8,192.168.0.0/16", "https://10.96.0.1:443"),
        (" 10.96.0.1 ", "https://10.96.0.1:443"),
        ("2001:db8::/32", "https://[2001:db8::1]:6443"),
        ("api.example", "https://api.example:6443"),
        (".example", "https://api.example:6443"),
        ("example", "https://api.example:6443"),
        ("*", "https://api.example:6443"),
    ],
)
def test_no_proxy_names_hosts_domains_and_networks(monkeypatch, no_proxy, server):
    """A cluster's own settings mostly name its networks."""
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for(server) is None
    monkeypatch.setenv("NO_PROXY", "172.16.0.0/12,.other,2001:dead::/32")
    assert proxy_for(server) == PROXY
