"""Requests that are no requests, or not for us: each gets a line of an answer, and costs no more than that."""

import asyncio
import contextlib
import gzip
import re
import tracemalloc

import pytest

from tests.clusters import until
from tests.web.hostile import SOON, a_client, answer_to, attacked, server_tasks, the_rest
from tests.web.serving import a_site

CLOSE = b"Host: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 2**20, b"400", "bad_request"),
        (b"GET /" + b"x" * 2**20, b"400", "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000, b"400", "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"A: %b\r\n" % (b"x" * 1000)) * 1_000, b"400", "bad_request"),
    ],
    ids=["a header of 1 MB", "a path of 1 MB", "10,000 headers", "1,000 headers of 1 kB"],
)
async def test_a_huge_head_is_refused(head, status, reason):
    """In one line, and without having been read to its end."""
    async with attacked(linger_seconds=SOON) as site:
        answer = await answer_to(site, head + b"\r\n\r\n")
        assert answer.split()[1:2] == [status]
        assert site.refused() == {reason: 1}


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"TRACE", b"DELETE", b"OPTIONS"])
async def test_another_method_is_told_which_there_are(method):
    """405 and Allow."""
    async with attacked() as site:
        answer = await answer_to(site, method + b" /metrics HTTP/1.1\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert b"\r\nAllow: GET,HEAD\r\n" in answer


@pytest.mark.parametrize(
    "length",
    [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked", b"Expect: 100-continue\r\nContent-Length: 9"],
)
async def test_a_body_without_end_is_not_read(length):
    """405 at once, and the connection is closed although the client goes on."""
    async with attacked(linger_seconds=SOON) as site:
        head = b"POST /metrics HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n"
        async with a_client(site, head) as (reader, writer):
            answer = asyncio.create_task(the_rest(reader))
            while not answer.done():
                writer.write(
                    b"5\r\nhello\r\n" * 1000 if b"chunked" in length else b"x" * 10_000 * (b"1000" in length)
                )
                await asyncio.sleep(0.005)
    head = (await answer).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")


async def test_a_body_is_not_unpacked():
    """Neither one that would be a thousand times as large, nor one that is not what it says it is."""
    bomb = gzip.compress(bytes(10_000_000))
    async with attacked() as site:
        for body in (bomb, b"hello"):
            head = b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            answer = await answer_to(site, head + body + b"GET /livez HTTP/1.1\r\n" + CLOSE)
            assert answer.count(b"\r\n\r\nok\n") == 2
    assert site.refused() == {}


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(505),
        b"GET /met\x00rics HTTP/1.1\r\n" + CLOSE,
        b"GET /metrics HTTP/1.1\r\nA: b\x00c\r\n" + CLOSE,
        b"GET /metrics HTTP/9.9\r\n" + CLOSE,
        b"BREW /metrics HTTP/1.1\r\n" + CLOSE,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + CLOSE,
    ],
    ids=["garbage", "TLS", "NUL in the path", "NUL in a header", "HTTP/9.9", "no method", "HTTP/2", "two lengths"],
)
async def test_what_is_not_http_is_told_so_in_one_line(text):
    """It is not repeated, and neither a library nor a line of code is named."""
    async with attacked() as site:
        answer = await answer_to(site, text)
        assert answer.endswith(b"\r\n\r\n400: Bad Request\n")
        assert b"\r\nServer: coderun-exporter\r\n" in answer
        assert site.refused() == {"bad_request": 1}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"http://elsewhere.example/livez", b"200"),
        (b"/../../etc/passwd", b"404"),
        (b"/livez/../livez", b"404"),
        (b"/%2e%2e/%2e%2e/etc/passwd", b"404"),
        (b"//livez", b"404"),
        (b"/%00", b"404"),
        (b"*", b"400"),
    ],
)
async def test_a_path_leads_to_what_is_served_and_to_nothing_else(path, status):
    """Absolute as to a proxy, out of the root, with NUL; no file is ever looked for."""
    async with attacked() as site:
        answer = await answer_to(site, b"GET " + path + b" HTTP/1.1\r\n" + CLOSE)
    assert answer.split()[1] == status
    assert answer.partition(b"\r\n\r\n")[2].count(b"\n") <= 1
    assert b"Python" not in answer
    assert b"aiohttp" not in answer


async def test_a_tunnel_is_not_dug():
    """CONNECT is 404, and what is sent into the tunnel is a wrong request."""
    async with attacked() as site:
        answer = await answer_to(site, b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(10_000))
    assert re.findall(rb"HTTP/1\.\d (\d+) ", answer) == [b"404", b"400"]


async def test_requests_at_once_are_answered_one_by_one():
    """As many as fit into what is read of them."""
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    async with attacked() as site, a_client(site, request * 500) as (reader, _):
        for _ in range(500):
            await reader.readuntil(b"ok\n")


async def test_unfinished_heads_cost_little_memory():
    """Headers of 240 kB, each within its limit, are neither kept nor waited for."""
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: %b\r\n" % (number, b"x" * 8000) for number in range(30))
    count = 20
    async with a_site(idle_seconds=SOON) as site, contextlib.AsyncExitStack() as stack:
        sent = [await stack.enter_async_context(a_client(site)) for _ in range(count)]
        await until(lambda: len(server_tasks()) == count)
        tracemalloc.start()
        try:
            for _, writer in sent:
                writer.write(head)
                await asyncio.sleep(0.001)
            del writer
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < count * (2 * 64 * 1024 + len(head))  # what the clients have not sent is in there too
        for reader, _ in sent:
            assert await the_rest(reader) == b""


async def test_who_expects_to_be_asked_on_is():
    """Expect: 100-continue, which curl sends of itself."""
    async with attacked() as site:
        answer = await answer_to(site, b"GET /livez HTTP/1.1\r\nExpect: 100-continue\r\n" + CLOSE)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        answer = await answer_to(site, b"GET /livez HTTP/1.1\r\nExpect: <b>\r\n" + CLOSE)
        assert answer.startswith(b"HTTP/1.1 417 ")
