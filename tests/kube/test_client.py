"""One request, through a real connection: what each answer, and each way of having none, becomes."""

import contextlib

import pytest
from aiohttp import web

from exporter.kube.budget import Budget
from exporter.kube.errors import (
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    ServerError,
    TooLargeError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from tests.clusters import CONFIGMAPS, a_configmap, a_server, a_status, a_stream, faults
from tests.kube.clients import a_client
from tests.kube.settings import SECRET


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
        (404, NotFoundError, "missing"),
        (429, TooManyRequestsError, "unreachable"),
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
    with pytest.raises(InvalidResponseError, match=r"not JSON but text/html.*is there a proxy") as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x"])
async def test_an_answer_that_is_compressed_is_refused(client, server, encoding):
    """It was not requested, and a few kilobytes of it could become gigabytes. Not one byte of it is read."""
    headers = {"Content-Encoding": encoding}
    faults(server, web.Response(body=b"{}", content_type="application/json", headers=headers))
    with pytest.raises(
        InvalidResponseError, match=rf"is compressed \({encoding}\), which was not requested"
    ) as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "encoding"


async def test_cookies_are_not_kept(client, server):
    """A proxy's cookie would be a second identity; Kubernetes uses none."""
    seen = []

    async def intercept(request):
        seen.append(request.headers.get("Cookie"))
        answer = web.json_response({})
        answer.set_cookie("session", "x" * 4000)
        return answer

    server.intercept = intercept
    for _ in range(2):
        await client.get(CONFIGMAPS)
    assert seen == [None, None]


async def test_an_empty_answer_is_not_an_answer(client, server):
    """200 with nothing in it."""
    faults(server, web.Response())
    with pytest.raises(InvalidResponseError, match="not JSON"):
        await client.get(CONFIGMAPS)


async def test_a_redirect_is_not_followed(client, server):
    """It would carry the token to wherever it points."""
    faults(server, web.Response(status=302, headers={"Location": "/version"}))
    with pytest.raises(InvalidResponseError, match="302"):
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


async def test_an_answer_over_the_budget_is_given_up(client, server):
    """Rather than all memory; the share is given back."""
    client.budget = Budget(max_bytes=1 << 20, reason="a third of the memory limit of 2 MiB")
    faults(server, a_stream(*[b"x" * (1 << 19)] * 3))
    with pytest.raises(TooLargeError, match=r"too large: .* 1 MiB \(a third of the memory limit of 2 MiB\); raise"):
        await client.get(CONFIGMAPS)
    assert client.budget.used == 0


async def test_an_answer_may_have_a_limit_of_its_own(client, server):
    """Where it is decoded as a whole, which takes many times its size."""
    faults(server, a_stream(b'"' + b"x" * (1 << 20) + b'"'), a_stream(b'{"a":1}'))
    with pytest.raises(TooLargeError, match="is larger than 1 MiB"):
        await client.get(CONFIGMAPS, max_bytes=1 << 20)
    assert await client.get(CONFIGMAPS, max_bytes=7) == b'{"a":1}'


async def test_a_connection_that_is_cut_in_an_answer_is_unreachable(client, server):
    """Half a list is no list."""
    faults(server, a_stream(b'{"items":[', end="cut"))
    with pytest.raises(UnreachableError, match="cut in the middle") as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "cut"


async def test_a_server_that_sends_nothing(client, server):
    """Is given up after `idle` seconds: a half-open connection sends nothing for ever."""
    faults(server, a_stream(end="open"))
    with pytest.raises(UnreachableError, match="timeout: no data") as caught:
        await lines_of(client, idle=0.05)
    assert caught.value.code == "timeout"


async def test_an_accepted_watch_that_becomes_silent_has_ended(client, server):
    """Between two lines nothing is lost, so it is watched again and no error; in the middle of a line it is one."""
    faults(server, a_stream(b'{"a":1}\n', end="open"), a_stream(b'{"a":1}\n{', end="open"))
    assert await lines_of(client, idle=0.05) == [b'{"a":1}']
    with pytest.raises(UnreachableError, match="timeout: no data"):
        await lines_of(client, idle=0.05)


@pytest.mark.parametrize(("last", "whole"), [(b"", True), (b" ", True), (b'{"b"', False)])
@pytest.mark.parametrize("end", ["clean", "cut"])
async def test_a_watch_has_ended_only_between_two_lines(client, server, last, whole, end):
    """However it ends."""
    faults(server, a_stream(b'{"a":1}\n', last, end=end))
    if whole:
        assert await lines_of(client) == [b'{"a":1}']
        return
    with pytest.raises(UnreachableError, match="cut in the middle") as caught:
        await lines_of(client)
    assert caught.value.code == "cut"


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
    """A line may come in pieces."""
    faults(server, a_stream(b'{"a"', b':1}\n{"b":2}\n{"c', b'":3}\n'))
    assert await lines_of(client) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


async def test_a_quiet_watch_is_accepted_after_a_while(client, server, monkeypatch):
    """An empty batch says so."""
    monkeypatch.setattr("exporter.kube.client._ACCEPT_SECONDS", 0.02)
    faults(server, a_stream(end="open"))
    async with contextlib.aclosing(client.lines(CONFIGMAPS, {}, idle=5)) as batches:
        assert await anext(batches) == []


@pytest.mark.parametrize("begun", [b"", b'{"a":'])
async def test_a_watch_that_is_broken_off_at_once_was_not_accepted(client, server, begun):
    """Or each try against a server that always does so would look like a recovery."""
    faults(server, a_stream(begun, end="cut"))
    batches = []
    with pytest.raises(UnreachableError, match="cut in the middle"):
        batches += [batch async for batch in client.lines(CONFIGMAPS, {}, idle=5)]
    assert batches == []


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


async def test_a_netrc_does_not_meddle(client, tmp_path, monkeypatch):
    """A password for everything in ~/.netrc made aiohttp refuse every request that carries a token."""
    (tmp_path / "netrc").write_text("default login a password b")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert await client.get(CONFIGMAPS)
