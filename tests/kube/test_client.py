"""One request, through a real connection: what each answer, and each way of having none, becomes."""

import asyncio
import contextlib
import socket

import pytest
import trustme
from aiohttp import web

from exporter.kube.client import KubeClient
from exporter.kube.errors import (
    BrokenAnswerError,
    ForbiddenError,
    MissingError,
    ServerError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from tests.clusters import CONFIGMAPS, a_configmap, a_server, a_status, a_stream, faults
from tests.kube.servers import api_server, connect_proxy
from tests.kube.settings import SECRET, a_kubeconfig, load


@contextlib.asynccontextmanager
async def a_client(folder, url, *, user=None, cluster=None, environ=None):
    """A client of that server."""
    path = a_kubeconfig(folder, cluster={"server": url} | (cluster or {}), user=user)
    async with KubeClient(credentials=await load(path, environ=environ)) as client:
        yield client


@pytest.fixture
async def server():
    """A stand-in with one ConfigMap."""
    async with a_server(a_configmap("a", key="value")) as running:
        yield running


@pytest.fixture
async def client(server, tmp_path):
    """A client of it."""
    async with a_client(tmp_path, server.url) as made:
        yield made


async def lines_of(client, *, idle=5.0, path=CONFIGMAPS):
    """All lines of a watch."""
    return [line async for batch in client.lines(path, {"watch": "true"}, idle=idle) for line in batch]


async def test_get_gives_the_body(client, server):
    """Of a 200 in JSON; the path and the parameters arrive as they are."""
    assert b'"value"' in await client.get(CONFIGMAPS, {"fieldSelector": "metadata.name=a"})
    assert (
        server.requests[-1].endswith("?fieldSelector=metadata.name%3Da") or "metadata.name=a" in server.requests[-1]
    )


async def test_the_token_goes_along_and_nothing_is_asked_for_compressed(client, server):
    """Bearer token, JSON, identity: decompressing a watch would hold its events back."""
    seen = {}

    async def look(request):
        seen.update(request.headers)

    server.intercept = look
    await client.get(CONFIGMAPS)
    assert seen["Authorization"] == f"Bearer {SECRET}"
    assert (seen["Accept"], seen["Accept-Encoding"]) == ("application/json", "identity")
    assert seen["User-Agent"] == "coderun-exporter"


@pytest.mark.parametrize(
    ("code", "kind", "state"),
    [
        (401, UnauthorizedError, "unauthorized"),
        (403, ForbiddenError, "forbidden"),
        (404, MissingError, "missing"),
        (429, ThrottledError, "unreachable"),
        (500, ServerError, "unreachable"),
        (504, ServerError, "unreachable"),
    ],
)
async def test_a_status_is_its_error_with_the_servers_words(client, server, code, kind, state):
    """One line: the code, the path, what the server said."""
    faults(server, a_status(code, "because\nof this"), a_status(code, "because\nof this"))
    with pytest.raises(kind) as caught:
        await client.get(CONFIGMAPS)
    assert (caught.value.code, caught.value.state) == (str(code), state)
    assert str(caught.value) == f"{code} at {CONFIGMAPS}: because of this"


async def test_a_proxys_error_page_is_an_error_and_never_read_as_lines(client, server):
    """502 with HTML."""
    page = web.Response(status=502, text="<html>\n<h1>Bad Gateway</h1>\n</html>", content_type="text/html")
    faults(server, page)
    with pytest.raises(ServerError, match=rf"502 at {CONFIGMAPS}: Bad Gateway"):
        await lines_of(client)


async def test_a_login_page_is_not_an_answer(client, server):
    """200 with HTML, as captive portals and SSO proxies give it."""
    faults(server, web.Response(text="<html>please log in</html>", content_type="text/html"))
    with pytest.raises(BrokenAnswerError, match=r"not JSON but text/html.*is there a proxy") as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "not_json"


async def test_an_empty_answer_is_not_an_answer(client, server):
    """200 with nothing in it."""
    faults(server, web.Response())
    with pytest.raises(BrokenAnswerError, match="not JSON"):
        await client.get(CONFIGMAPS)


async def test_a_redirect_is_not_followed(client, server):
    """It would carry the token to wherever it points."""
    faults(server, web.Response(status=302, headers={"Location": "/version"}))
    with pytest.raises(BrokenAnswerError, match="302"):
        await client.get(CONFIGMAPS)
    assert len(server.requests) == 1


async def test_an_endless_error_page_is_read_no_further_than_needed(client, server):
    """64 KiB are enough to know what it was."""
    faults(server, a_stream(*[b"x" * 40_000] * 3, end="open", status=500))
    with pytest.raises(ServerError, match="500"):
        await client.get(CONFIGMAPS)


async def test_a_status_that_comes_in_pieces_is_read_whole(client, server):
    """The first piece of a body is not the body."""
    faults(server, a_stream(b'{"message":"quota', b' exceeded"}', status=403))
    with pytest.raises(ForbiddenError, match="quota exceeded"):
        await client.get(CONFIGMAPS)


async def test_an_answer_over_the_limit_is_given_up(client, server, monkeypatch):
    """Rather than all memory."""
    monkeypatch.setattr("exporter.kube.client._LONGEST_BODY", 1 << 20)
    faults(server, a_stream(*[b"x" * (1 << 19)] * 3))
    with pytest.raises(BrokenAnswerError, match="over 1 MiB"):
        await client.get(CONFIGMAPS)


async def test_a_connection_that_is_cut_in_an_answer_is_unreachable(client, server):
    """Half a list is no list."""
    faults(server, a_stream(b'{"items":[', end="cut"))
    with pytest.raises(UnreachableError, match="cut in the middle") as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "cut"


async def test_nobody_listens(tmp_path):
    """Connection refused: which address, and why."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with a_client(tmp_path, f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnreachableError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused"):
            await client.get(CONFIGMAPS)


async def test_a_name_that_does_not_resolve(tmp_path):
    """As the resolver words it."""
    async with a_client(tmp_path, "http://nowhere.invalid:1") as client:
        with pytest.raises(UnreachableError, match=r"cannot connect to nowhere\.invalid:1: ") as caught:
            await client.get(CONFIGMAPS)
    assert caught.value.code == "connect"


async def test_a_certificate_that_does_not_verify(tmp_path):
    """Says so, instead of "SSLError"."""
    leaf = trustme.CA().issue_cert("127.0.0.1")
    async with api_server(leaf) as port, a_client(tmp_path, f"https://127.0.0.1:{port}") as client:
        with pytest.raises(
            UnreachableError, match=r"certificate does not verify: .*certificate verify failed"
        ) as caught:
            await client.get("/whoami")
    assert caught.value.code == "tls"


async def test_tls_to_a_server_without_tls(server, tmp_path):
    """The other way in which https goes wrong."""
    async with a_client(tmp_path, server.url.replace("http:", "https:")) as client:
        with pytest.raises(UnreachableError, match="TLS with the API server failed") as caught:
            await client.get(CONFIGMAPS)
    assert caught.value.code == "tls"


async def test_a_server_that_says_nothing(client, server):
    """Is given up after `idle` seconds: a half-open connection says nothing for ever."""
    faults(server, a_stream(b'{"a":1}\n', end="open"))
    with pytest.raises(UnreachableError, match="silence") as caught:
        await lines_of(client, idle=0.05)
    assert caught.value.code == "timeout"


async def test_what_is_not_http_is_told_in_one_line(tmp_path):
    """An SSH server's banner, say."""

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


async def test_a_refused_token_is_read_again_and_tried_once_more(tmp_path):
    """A token that was rotated costs one 401 and no error."""
    (tmp_path / "token").write_text("old")
    async with a_server(token="old") as server:
        async with a_client(tmp_path, server.url, user={"tokenFile": str(tmp_path / "token")}) as client:
            assert await client.get(CONFIGMAPS)
            server._token = "new"
            (tmp_path / "token").write_text("new")
            assert await client.get(CONFIGMAPS)
        assert len(server.requests) == 3


async def test_a_token_that_stays_refused_is_unauthorized(tmp_path):
    """After one more try, and no more; the token is not in the words."""
    async with a_server(token="right") as server, a_client(tmp_path, server.url, user={"token": SECRET}) as client:
        with pytest.raises(UnauthorizedError, match="401") as caught:
            await client.get(CONFIGMAPS)
        assert len(server.requests) == 2
        assert SECRET not in repr(caught.value)


async def test_credentials_that_cannot_be_renewed_are_unauthorized(tmp_path):
    """With the reason."""
    (tmp_path / "token").write_text("old")
    async with (
        a_server(token="right") as server,
        a_client(tmp_path, server.url, user={"tokenFile": str(tmp_path / "token")}) as client,
    ):
        (tmp_path / "token").unlink()
        with pytest.raises(UnauthorizedError, match="could not be renewed"):
            await client.get(CONFIGMAPS)


async def test_a_watch_gives_lines_as_they_come(client, server):
    """The first batch is empty and says that the server has accepted; a line may come in pieces."""
    faults(server, a_stream(b'{"a"', b':1}\n{"b":2}\n{"c', b'":3}\n'))
    batches = [batch async for batch in client.lines(CONFIGMAPS, {}, idle=5)]
    assert batches[0] == []
    assert [line for batch in batches for line in batch] == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


async def test_a_line_of_a_configmap_of_a_mebibyte_arrives_in_small_pieces(client, server):
    """1.4 MB: aiohttp's own readline gives up long before."""
    line = b'{"x":"' + b"y" * 1_400_000 + b'"}'
    faults(server, a_stream(*(line[at : at + 20_000] for at in range(0, len(line), 20_000)), b"\n"))
    assert await lines_of(client) == [line]


async def test_a_closed_watch_gives_its_connection_back(client, server):
    """Whoever stops reading leaves nothing open."""
    faults(server, a_stream(b'{"a":1}\n', end="open"))
    async with contextlib.aclosing(client.lines(CONFIGMAPS, {}, idle=5)) as batches:
        async for _ in batches:
            break
    assert not client._session.connector._acquired


async def test_a_proxy_of_the_environment_is_used(tmp_path, monkeypatch):
    """HTTPS_PROXY, as kubectl has it, unless NO_PROXY names the server."""
    authority = trustme.CA()
    (tmp_path / "ca").write_bytes(authority.cert_pem.bytes())
    async with api_server(authority.issue_cert("127.0.0.1")) as port, connect_proxy(port) as (proxy, heads):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        trust = {"certificate-authority": str(tmp_path / "ca")}
        async with a_client(tmp_path, f"https://127.0.0.1:{port}", cluster=trust) as client:
            assert await client.get("/whoami")
            assert heads[0].startswith(f"CONNECT 127.0.0.1:{port} ")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with a_client(tmp_path, f"https://127.0.0.1:{port}", cluster=trust) as client:
            assert await client.get("/whoami")
        assert len(heads) == 1


async def test_a_proxys_password_is_not_in_the_words(tmp_path):
    """A proxy that refuses us must not have its password in the log."""

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
    assert SECRET not in str(caught.value)


async def test_a_netrc_does_not_meddle(client, tmp_path, monkeypatch):
    """A password for everything in ~/.netrc made aiohttp refuse every request that carries a token."""
    (tmp_path / "netrc").write_text("default login a password b")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert await client.get(CONFIGMAPS)
