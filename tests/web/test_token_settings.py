"""Settings of tokens of the cluster: TLS is required, an audience can be."""

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
def test_tokens_without_tls_are_one_line_at_the_start(tmp_path):
    """And exit 2; a web configuration without TLS changes nothing of that."""
    assert wrong("run", "--web.kubernetes-auth") == LINE
    (tmp_path / "web.yml").write_text("http_server_config: {}\n")
    assert wrong("run", "--web.kubernetes-auth", f"--web.config.file={tmp_path}/web.yml") == LINE


@pytest.mark.parametrize("way", ["TLS", "chosen"])
async def test_with_tls_or_where_it_is_chosen_tokens_are_required(folder, caplog, way):
    """What was chosen is one line in the log."""
    async with a_server() as server:
        web = {
            "TLS": {"config_file": str(folder.write(tls_server_config=TLS))},
            "chosen": {"kubernetes_auth_without_tls": True},
        }[way]
        settings = Settings(
            kubernetes=Kubernetes(kubeconfig=str(a_kubeconfig(folder.path, cluster={"server": server.url}))),
            web=Web(listen_addresses=("127.0.0.1:0",), kubernetes_auth=True, **web),
            configmaps=ConfigMaps(required=()),
        )
        async with serve(settings) as app:
            assert (await ask(app.url, trust=folder.trust()))[0] == 401
    lines = [record.message for record in caplog.records if "plain HTTP" in record.message]
    assert lines == ["Bearer tokens are accepted over plain HTTP: web.kubernetes_auth_without_tls is set"] * (
        way != "TLS"
    )


async def test_a_web_configuration_that_protects_nothing_is_a_warning(tmp_path, caplog):
    """It may have been read half-written; nothing else would show it."""
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
