"""Tokens of scrapers are reviewed by a real API server, with the permissions of `coderun-exporter rbac`."""

import json
import pathlib
from collections.abc import Iterator

import pytest

from lab import components
from lab.controlplane.account import ServiceAccount
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import PlatformNamespace
from tests.integration.in_process import an_exporter
from tests.web.protected import ask

pytestmark = [pytest.mark.needs(*components.CLUSTER), pytest.mark.timeout(120)]

ROLES = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
def settings_file(platform: PlatformNamespace, tmp_path: pathlib.Path) -> pathlib.Path:
    """One namespace, with reviews of tokens."""
    path = tmp_path / "settings.yml"
    settings = {"namespaces": [platform.namespace], "configmaps": {"namespace": platform.namespace, "required": []}}
    path.write_text(json.dumps(settings | {"web": {"kubernetes_auth": True}}))
    return path


@pytest.fixture
def prometheus(platform: PlatformNamespace, account: ServiceAccount) -> Iterator[str]:
    """The name of another ServiceAccount, which can get /metrics."""
    name = f"{platform.namespace}-prometheus"
    platform.ask("POST", f"/api/v1/namespaces/{platform.namespace}/serviceaccounts", {"metadata": {"name": name}})
    rules = [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    platform.ask("POST", f"{ROLES}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": platform.namespace}],
    }
    platform.ask("POST", f"{ROLES}/clusterrolebindings", binding)
    yield name
    platform.ask("DELETE", f"{ROLES}/clusterrolebindings/{name}")
    platform.ask("DELETE", f"{ROLES}/clusterroles/{name}")


async def test_only_an_account_that_can_get_metrics_can_scrape(
    platform: PlatformNamespace,
    account: ServiceAccount,
    prometheus: str,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
):
    """The account of Prometheus can. The exporter's account and invalid tokens cannot.

    By the audit log, reviews are the only POST requests of the exporter.
    """
    path = f"/api/v1/namespaces/{platform.namespace}/serviceaccounts/{prometheus}/token"
    token = platform.ask("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    own = account.token("exporter").text
    kubeconfig = account.kubeconfig(tmp_path, token=own)
    async with an_exporter(
        settings_file, kubeconfig=kubeconfig, kubernetes_auth=True, kubernetes_auth_without_tls=True
    ) as app:
        for given, url_path, status in (
            (token, "/metrics", 200),
            (token, "/metrics", 200),
            (token, "/", 401),
            (own, "/metrics", 401),
            (f"{token}x", "/metrics", 401),
            ("made-up", "/metrics", 401),
            ("", "/metrics", 401),
            ("", "/livez", 200),
        ):
            headers = {"Authorization": f"Bearer {given}"} if given else {}
            assert (await ask(app.url, path=url_path, headers=headers))[0] == status, (given[:7], url_path)
    posts = [event["objectRef"]["resource"] for event in account.requests() if event["verb"] == "create"]
    assert sorted(posts) == ["subjectaccessreviews"] * 3 + ["tokenreviews"] * 5


async def test_a_token_for_another_audience_is_rejected(
    control_plane: ControlPlane,
    platform: PlatformNamespace,
    account: ServiceAccount,
    prometheus: str,
    settings_file: pathlib.Path,
    tmp_path: pathlib.Path,
):
    """The exporter rejects tokens for the API server, and the API server rejects tokens for the exporter."""
    path = f"/api/v1/namespaces/{platform.namespace}/serviceaccounts/{prometheus}/token"
    specs = ({"expirationSeconds": 3600}, {"expirationSeconds": 3600, "audiences": ["coderun-exporter"]})
    for_api_server, for_exporter = (platform.ask("POST", path, {"spec": spec})["status"]["token"] for spec in specs)
    kubeconfig = account.kubeconfig(tmp_path, token=account.token("exporter").text)
    async with an_exporter(
        settings_file,
        kubeconfig=kubeconfig,
        kubernetes_auth=True,
        kubernetes_auth_audience="coderun-exporter",
        kubernetes_auth_without_tls=True,
    ) as app:
        for given, status in ((for_exporter, 200), (for_api_server, 401), (for_exporter, 200)):
            assert (await ask(app.url, headers={"Authorization": f"Bearer {given}"}))[0] == status
    assert control_plane.request("GET", "/api", token=for_api_server)[0] == 200
    assert control_plane.request("GET", "/api", token=for_exporter)[0] == 401
