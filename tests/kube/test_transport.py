"""Failures before the API server responds: ports, names, certificates and proxies."""

import asyncio
import socket
import traceback

import pytest
import trustme

from exporter.kube.errors import UnreachableError
from tests.clusters import CONFIGMAPS, a_server
from tests.kube.clients import a_client
from tests.kube.servers import api_server, connect_proxy
from tests.kube.settings import SECRET


async def test_connection_refused(tmp_path):
    """The error states the address and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with a_client(tmp_path, f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnreachableError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused"):
            await client.get(CONFIGMAPS)


async def test_a_name_that_does_not_resolve(tmp_path):
    """The reason is that of the resolver."""
    async with a_client(tmp_path, "http://nowhere.invalid:1") as client:
        with pytest.raises(UnreachableError, match=r"cannot connect to nowhere\.invalid:1: ") as caught:
            await client.get(CONFIGMAPS)
    assert caught.value.code == "connect"
    assert str(caught.value).startswith("cannot connect to ")
    assert "Errno" not in str(caught.value)


async def test_a_certificate_that_does_not_verify(tmp_path):
    """The error says so, instead of "SSLError"."""
    leaf = trustme.CA().issue_cert("127.0.0.1")
    async with api_server(leaf) as port, a_client(tmp_path, f"https://127.0.0.1:{port}") as client:
        with pytest.raises(
            UnreachableError, match=r"certificate does not verify: .*certificate verify failed"
        ) as caught:
            await client.get("/whoami")
    assert caught.value.code == "tls"


async def test_tls_to_a_server_without_tls(tmp_path):
    """The error names TLS as well."""
    async with a_server() as server, a_client(tmp_path, server.url.replace("http:", "https:")) as client:
        with pytest.raises(
            UnreachableError, match=r"^TLS with the API server failed: wrong version number$"
        ) as caught:
            await client.get(CONFIGMAPS)
    assert caught.value.code == "tls"


async def test_a_response_that_is_not_http_is_one_line(tmp_path):
    """For example, the banner of an SSH server."""

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, a_client(tmp_path, f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnreachableError, match="the request failed") as caught:
            await client.get(CONFIGMAPS)
    assert "\n" not in str(caught.value)
    assert caught.value.code == "request"


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_the_proxy_of_the_environment_is_used(tmp_path, scheme):
    """HTTPS_PROXY is used unless NO_PROXY contains the server."""
    authority = trustme.CA()
    (tmp_path / "ca").write_bytes(authority.cert_pem.bytes())
    async with api_server(authority.issue_cert("api.invalid")) as port, connect_proxy(port) as (proxy, heads):
        environ = {"HTTPS_PROXY": f"{scheme}127.0.0.1:{proxy}"}
        where = {"url": "https://api.invalid:6443", "cluster": {"certificate-authority": str(tmp_path / "ca")}}
        async with a_client(tmp_path, **where, environ=environ) as client:
            assert await client.get("/whoami")
            assert heads[0].startswith("CONNECT api.invalid:6443 ")
        environ["NO_PROXY"] = "x.example,*.invalid"
        async with a_client(tmp_path, **where, environ=environ) as client:
            with pytest.raises(UnreachableError, match=r"cannot connect to api\.invalid:6443"):
                await client.get("/elsewhere")
        assert len(heads) == 1


async def test_the_password_of_a_proxy_is_not_in_the_error(tmp_path):
    """The error is logged."""

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    proxy = {"proxy-url": f"http://me:{SECRET}@127.0.0.1:{port}"}
    async with listener, a_client(tmp_path, "https://127.0.0.1:1", cluster=proxy) as client:
        with pytest.raises(UnreachableError, match="407") as caught:
            await client.get(CONFIGMAPS)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
