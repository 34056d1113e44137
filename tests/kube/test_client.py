"""How the client handles each response, and each failure to get one, over a real connection."""

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
    """A stand-in API server with one ConfigMap."""
    async with a_server(a_configmap("a", key="value")) as running:
        yield running


@pytest.fixture
async def client(server, tmp_path):
    """A client of the server."""
    async with a_client(tmp_path, server.url) as made:
        yield made


async def lines_of(client, *, idle=5.0, path=CONFIGMAPS):
    """All lines of a watch."""
    return [line async for batch in client.lines(path, {"watch": "true"}, idle=idle) for line in batch]


async def test_get_returns_the_body(client, server):
    """The path and the parameters are sent unchanged."""
    assert b'"value"' in await client.get(CONFIGMAPS, {"fieldSelector": "metadata.name=a"})
    assert (
        server.requests[-1].endswith("?fieldSelector=metadata.name%3Da") or "metadata.name=a" in server.requests[-1]
    )


async def test_requests_have_the_token_and_accept_no_compression(client, server):
    """Decompression would delay the events of a watch."""
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
async def test_a_status_object_becomes_an_error(client, server, code, kind, state):
    """The error is one line with the code, the path and the message of the server."""
    faults(server, a_status(code, "because\nof this"), a_status(code, "because\nof this"))
    with pytest.raises(kind) as caught:
        await client.get(CONFIGMAPS)
    assert (caught.value.code, caught.value.state) == (str(code), state)
    assert str(caught.value) == f"{code} at {CONFIGMAPS}: because of this"


async def test_an_error_page_of_a_proxy_is_an_error(client, server):
    """Its HTML is not parsed as lines of a watch."""
    page = web.Response(status=502, text="<html>\n<h1>Bad Gateway</h1>\n</html>", content_type="text/html")
    faults(server, page)
    with pytest.raises(ServerError, match=rf"502 at {CONFIGMAPS}: Bad Gateway"):
        await lines_of(client)


async def test_a_login_page_is_an_error(client, server):
    """Captive portals and SSO proxies respond with 200 and HTML."""
    faults(server, web.Response(text="<html>please log in</html>", content_type="text/html"))
    with pytest.raises(InvalidResponseError, match=r"not JSON but text/html.*is there a proxy") as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x"])
async def test_a_compressed_response_is_rejected(client, server, encoding):
    """It was not requested, and a few kilobytes can expand to gigabytes. Its body is not read."""
    headers = {"Content-Encoding": encoding}
    faults(server, web.Response(body=b"{}", content_type="application/json", headers=headers))
    with pytest.raises(
        InvalidResponseError, match=rf"is compressed \({encoding}\), which was not requested"
    ) as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "encoding"


async def test_cookies_are_not_stored(client, server):
    """The cookie of a proxy would be another credential. Kubernetes uses no cookies."""
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


async def test_an_empty_response_is_an_error(client, server):
    """The response is 200 without a body."""
    faults(server, web.Response())
    with pytest.raises(InvalidResponseError, match="not JSON"):
        await client.get(CONFIGMAPS)


async def test_a_redirect_is_not_followed(client, server):
    """It would send the token to another server."""
    faults(server, web.Response(status=302, headers={"Location": "/version"}))
    with pytest.raises(InvalidResponseError, match="302"):
        await client.get(CONFIGMAPS)
    assert len(server.requests) == 1


async def test_at_most_64_kib_of_an_error_page_are_read(client, server):
    """They suffice to find the message."""
    faults(server, a_stream(*[b"x" * 40_000] * 3, end="open", status=500))
    with pytest.raises(ServerError, match="500"):
        await client.get(CONFIGMAPS)


async def test_a_status_object_that_arrives_in_chunks_is_read_completely(client, server):
    """The message may be in the second chunk."""
    faults(server, a_stream(b'{"message":"quota', b' exceeded"}', status=403))
    with pytest.raises(ForbiddenError, match="quota exceeded"):
        await client.get(CONFIGMAPS)


async def test_a_response_that_exceeds_the_memory_budget_is_aborted(client, server):
    """The memory that it used is returned to the budget."""
    client.budget = Budget(max_bytes=1 << 20, reason="a third of the memory limit of 2 MiB")
    faults(server, a_stream(*[b"x" * (1 << 19)] * 3))
    with pytest.raises(TooLargeError, match=r"too large: .* 1 MiB \(a third of the memory limit of 2 MiB\); raise"):
        await client.get(CONFIGMAPS)
    assert client.budget.used == 0


async def test_a_request_can_have_its_own_maximum_size(client, server):
    """It is set for responses that are decoded at once, which takes many times their size."""
    faults(server, a_stream(b'"' + b"x" * (1 << 20) + b'"'), a_stream(b'{"a":1}'))
    with pytest.raises(TooLargeError, match="is larger than 1 MiB"):
        await client.get(CONFIGMAPS, max_bytes=1 << 20)
    assert await client.get(CONFIGMAPS, max_bytes=7) == b'{"a":1}'


async def test_a_connection_that_is_cut_within_a_response_is_unreachable(client, server):
    """A truncated list is not a list."""
    faults(server, a_stream(b'{"items":[', end="cut"))
    with pytest.raises(UnreachableError, match="cut in the middle") as caught:
        await client.get(CONFIGMAPS)
    assert caught.value.code == "cut"


async def test_a_server_that_sends_nothing_times_out(client, server):
    """The timeout is `idle` seconds: a half-open connection would never end."""
    faults(server, a_stream(end="open"))
    with pytest.raises(UnreachableError, match="timeout: no data") as caught:
        await lines_of(client, idle=0.05)
    assert caught.value.code == "timeout"


async def test_an_accepted_watch_that_becomes_silent_has_ended(client, server):
    """Between two lines nothing was lost, so this is no error. Within a line it is an error."""
    faults(server, a_stream(b'{"a":1}\n', end="open"), a_stream(b'{"a":1}\n{', end="open"))
    assert await lines_of(client, idle=0.05) == [b'{"a":1}']
    with pytest.raises(UnreachableError, match="timeout: no data"):
        await lines_of(client, idle=0.05)


@pytest.mark.parametrize(("last", "complete"), [(b"", True), (b" ", True), (b'{"b"', False)])
@pytest.mark.parametrize("end", ["clean", "cut"])
async def test_a_watch_ends_normally_only_between_two_lines(client, server, last, complete, end):
    """This holds however the connection is closed."""
    faults(server, a_stream(b'{"a":1}\n', last, end=end))
    if complete:
        assert await lines_of(client) == [b'{"a":1}']
        return
    with pytest.raises(UnreachableError, match="cut in the middle") as caught:
        await lines_of(client)
    assert caught.value.code == "cut"


async def test_after_a_401_the_token_is_read_again_and_the_request_is_repeated(tmp_path):
    """A rotated token costs one additional request and causes no error."""
    (tmp_path / "token").write_text("old")
    async with a_server(token="old") as server:
        async with a_client(tmp_path, server.url, user={"tokenFile": str(tmp_path / "token")}) as client:
            assert await client.get(CONFIGMAPS)
            server._token = "new"
            (tmp_path / "token").write_text("new")
            assert await client.get(CONFIGMAPS)
        assert len(server.requests) == 3


async def test_a_second_401_is_unauthorized(tmp_path):
    """The request is not repeated again. The error does not contain the token."""
    async with a_server(token="right") as server, a_client(tmp_path, server.url, user={"token": SECRET}) as client:
        with pytest.raises(UnauthorizedError, match="401") as caught:
            await client.get(CONFIGMAPS)
        assert len(server.requests) == 2
        assert SECRET not in repr(caught.value)


async def test_credentials_that_cannot_be_renewed_are_unauthorized(tmp_path):
    """The error contains the reason."""
    (tmp_path / "token").write_text("old")
    async with (
        a_server(token="right") as server,
        a_client(tmp_path, server.url, user={"tokenFile": str(tmp_path / "token")}) as client,
    ):
        (tmp_path / "token").unlink()
        with pytest.raises(UnauthorizedError, match="could not be renewed"):
            await client.get(CONFIGMAPS)


async def test_a_watch_yields_lines_as_they_arrive(client, server):
    """A line can arrive in several chunks."""
    faults(server, a_stream(b'{"a"', b':1}\n{"b":2}\n{"c', b'":3}\n'))
    assert await lines_of(client) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


async def test_a_quiet_watch_is_accepted_after_a_while(client, server, monkeypatch):
    """An empty batch means that the server has accepted the watch."""
    monkeypatch.setattr("exporter.kube.client._ACCEPT_SECONDS", 0.02)
    faults(server, a_stream(end="open"))
    async with contextlib.aclosing(client.lines(CONFIGMAPS, {}, idle=5)) as batches:
        assert await anext(batches) == []


@pytest.mark.parametrize("beginning", [b"", b'{"a":'])
async def test_a_watch_that_is_cut_at_once_was_not_accepted(client, server, beginning):
    """Otherwise each attempt against such a server would look like a recovery."""
    faults(server, a_stream(beginning, end="cut"))
    batches = []
    with pytest.raises(UnreachableError, match="cut in the middle"):
        batches += [batch async for batch in client.lines(CONFIGMAPS, {}, idle=5)]
    assert batches == []


async def test_a_line_of_more_than_a_mebibyte_can_arrive_in_small_chunks(client, server):
    """The line has 1.4 MB. The readline method of aiohttp has a smaller limit."""
    line = b'{"x":"' + b"y" * 1_400_000 + b'"}'
    faults(server, a_stream(*(line[at : at + 20_000] for at in range(0, len(line), 20_000)), b"\n"))
    assert await lines_of(client) == [line]


async def test_a_closed_watch_releases_its_connection(client, server):
    """This also holds if the caller stops before the end."""
    faults(server, a_stream(b'{"a":1}\n', end="open"))
    async with contextlib.aclosing(client.lines(CONFIGMAPS, {}, idle=5)) as batches:
        async for _ in batches:
            break
    assert not client._session.connector._acquired


async def test_netrc_is_ignored(client, tmp_path, monkeypatch):
    """With a default entry in ~/.netrc, aiohttp would reject every request that has a token."""
    (tmp_path / "netrc").write_text("default login a password b")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert await client.get(CONFIGMAPS)
