"""The log of a container, through a real connection: its text as it arrives, and no text of an error."""

import pytest
from aiohttp import web

from exporter.kube.errors import (
    BadRequestError,
    ForbiddenError,
    InvalidResponseError,
    NoContentError,
    NotFoundError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from tests.clusters import a_server, a_status, a_stream, faults
from tests.kube.clients import a_client

PATH = "/api/v1/namespaces/n/pods/p/log"


@pytest.fixture
async def server():
    """A stand-in."""
    async with a_server() as running:
        yield running


@pytest.fixture
async def client(server, tmp_path):
    """A client of it."""
    async with a_client(tmp_path, server.url) as made:
        yield made


async def read(client):
    """The whole text."""
    return b"".join([piece async for piece in client.log(PATH, {"container": "c"})])


async def test_the_text_is_as_it_was_sent(client, server):
    """No line is changed, whatever its bytes."""
    faults(server, a_stream(b"a\xff\x00", b"\r\n", content_type="text/plain"))
    assert await read(client) == b"a\xff\x00\r\n"
    assert server.requests[-1] == f"GET {PATH}?container=c"
    faults(server, a_stream(content_type="text/plain"))
    assert await read(client) == b""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (204, NoContentError),
        (400, BadRequestError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (500, ServerError),
        (503, ServerError),
    ],
)
async def test_an_error_has_its_code_and_no_text_of_the_response(client, server, code, kind):
    """The kubelet's message may have text of the container."""
    faults(server, *(a_status(code, "password-of-a-user") if code != 204 else web.Response(status=204) for _ in "12"))
    with pytest.raises(kind) as caught:
        await read(client)
    assert caught.value.code == str(code)
    assert "password" not in str(caught.value)


async def test_a_page_of_a_proxy_is_no_log(client, server):
    """Only plain text is."""
    faults(server, a_stream(b"<html>login-here", content_type="text/html"))
    with pytest.raises(InvalidResponseError) as caught:
        await read(client)
    assert "login-here" not in str(caught.value)


async def test_a_log_that_is_cut_is_an_error(client, server):
    """Its end, with the newest lines, is missing."""
    faults(server, a_stream(b"a\n", end="cut", content_type="text/plain"))
    with pytest.raises(UnreachableError) as caught:
        await read(client)
    assert caught.value.code == "cut"
