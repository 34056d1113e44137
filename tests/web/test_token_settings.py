"""The settings of token reviews: TLS is required, and an audience can be required."""

import pytest

from exporter.app import serve
from exporter.config import ConfigMaps, Kubernetes, Settings, Web
from tests.clusters import a_server
from tests.commands.in_process import logs_as_before, wrong
from tests.kube.settings import a_kubeconfig
from tests.web.protected import TLS, ask

__all__ = ["logs_as_before"]

LINE = (
    "web.kubernetes_auth requires TLS, because tokens can be read on the network: set web.config_file to a file"
    " with tls_server_config, or set web.kubernetes_auth_without_tls if another component encrypts the traffic"
)


@pytest.mark.usefixtures("logs_as_before")
def test_token_reviews_without_tls_are_an_error_at_startup(tmp_path):
    """The exit code is 2. A web configuration without TLS does not help."""
    assert wrong("run", "--web.kubernetes-auth") == LINE
    (tmp_path / "web.yml").write_text("http_server_config: {}\n")
    assert wrong("run", "--web.kubernetes-auth", f"--web.config.file={tmp_path}/web.yml") == LINE


@pytest.mark.parametrize("case", ["TLS", "explicitly without TLS"])
async def test_tokens_are_required_with_tls_or_if_plain_http_is_allowed(folder, caplog, case):
    """If plain HTTP is allowed, one line is logged."""
    async with a_server() as server:
        web = {
            "TLS": {"config_file": str(folder.write(tls_server_config=TLS))},
            "explicitly without TLS": {"kubernetes_auth_without_tls": True},
        }[case]
        settings = Settings(
            kubernetes=Kubernetes(kubeconfig=str(a_kubeconfig(folder.path, cluster={"server": server.url}))),
            web=Web(listen_addresses=("127.0.0.1:0",), kubernetes_auth=True, **web),
            configmaps=ConfigMaps(required=()),
        )
        async with serve(settings) as app:
            assert (await ask(app.url, trust=folder.trust()))[0] == 401
    lines = [record.message for record in caplog.records if "plain HTTP" in record.message]
    assert lines == ["Bearer tokens are accepted over plain HTTP: web.kubernetes_auth_without_tls is set"] * (
        case != "TLS"
    )


async def test_a_web_configuration_without_protection_is_a_warning(tmp_path, caplog):
    """The file may have been incomplete when it was read."""
    empty = tmp_path / "web.yml"
    empty.write_text("")
    async with a_server() as server:
        settings = Settings(
            kubernetes=Kubernetes(kubeconfig=str(a_kubeconfig(tmp_path, cluster={"server": server.url}))),
            web=Web(listen_addresses=("127.0.0.1:0",), config_file=str(empty)),
            configmaps=ConfigMaps(required=()),
        )
        async with serve(settings):
            pass
    assert [record.file for record in caplog.records if "neither TLS nor users" in record.message] == [str(empty)]
