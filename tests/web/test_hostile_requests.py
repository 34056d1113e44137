"""Invalid requests and requests for other servers get a short response and use few resources."""

import asyncio
import contextlib
import gzip
import re
import tracemalloc

import pytest

from tests.clusters import until
from tests.web.hostile import SHORT_TIMEOUT, a_client, a_site_under_attack, read_all, response_to, server_tasks
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
async def test_a_huge_head_is_rejected(head, status, reason):
    """The response is one line. The rest of the head is not read."""
    async with a_site_under_attack(linger_seconds=SHORT_TIMEOUT) as site:
        answer = await response_to(site, head + b"\r\n\r\n")
        assert answer.split()[1:2] == [status]
        assert site.refused() == {reason: 1}


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"TRACE", b"DELETE", b"OPTIONS"])
async def test_another_method_is_rejected_with_the_allowed_ones(method):
    """The status is 405, with the header Allow."""
    async with a_site_under_attack() as site:
        answer = await response_to(site, method + b" /metrics HTTP/1.1\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert b"\r\nAllow: GET,HEAD\r\n" in answer


@pytest.mark.parametrize(
    "length",
    [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked", b"Expect: 100-continue\r\nContent-Length: 9"],
)
async def test_an_endless_body_is_not_read(length):
    """The response is 405 at once, and the connection is closed while the client still sends."""
    async with a_site_under_attack(linger_seconds=SHORT_TIMEOUT) as site:
        head = b"POST /metrics HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n"
        async with a_client(site, head) as (reader, writer):
            answer = asyncio.create_task(read_all(reader))
            while not answer.done():
                writer.write(
                    b"5\r\nhello\r\n" * 1000 if b"chunked" in length else b"x" * 10_000 * (b"1000" in length)
                )
                await asyncio.sleep(0.005)
    head = (await answer).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")


async def test_a_body_is_not_decompressed():
    """It might expand a thousand times, or not be compressed at all."""
    bomb = gzip.compress(bytes(10_000_000))
    async with a_site_under_attack() as site:
        for body in (bomb, b"hello"):
            head = b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            answer = await response_to(site, head + body + b"GET /livez HTTP/1.1\r\n" + CLOSE)
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
async def test_invalid_http_is_rejected_in_one_line(text):
    """The response contains neither the request nor the name of a library."""
    async with a_site_under_attack() as site:
        answer = await response_to(site, text)
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
async def test_a_path_is_served_or_404(path, status):
    """This includes absolute URLs, `..` and NUL. No file is read."""
    async with a_site_under_attack() as site:
        answer = await response_to(site, b"GET " + path + b" HTTP/1.1\r\n" + CLOSE)
    assert answer.split()[1] == status
    assert answer.partition(b"\r\n\r\n")[2].count(b"\n") <= 1
    assert b"Python" not in answer
    assert b"aiohttp" not in answer


async def test_connect_is_rejected():
    """CONNECT is 404. The data that follows is a bad request."""
    async with a_site_under_attack() as site:
        answer = await response_to(site, b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(10_000))
    assert re.findall(rb"HTTP/1\.\d (\d+) ", answer) == [b"404", b"400"]


async def test_pipelined_requests_are_served_in_order():
    """There are 500 of them on one connection."""
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    async with a_site_under_attack() as site, a_client(site, request * 500) as (reader, _):
        for _ in range(500):
            await reader.readuntil(b"ok\n")


async def test_incomplete_heads_use_little_memory():
    """Each has 240 kB of headers of a valid size. They are neither stored nor waited for."""
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: %b\r\n" % (number, b"x" * 8000) for number in range(30))
    count = 20
    async with a_site(idle_seconds=SHORT_TIMEOUT) as site, contextlib.AsyncExitStack() as stack:
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
        assert held < count * (2 * 64 * 1024 + len(head))  # includes the data that the clients have not sent yet
        for reader, _ in sent:
            assert await read_all(reader) == b""


async def test_expect_100_continue_is_supported():
    """Curl sends this header by default."""
    async with a_site_under_attack() as site:
        answer = await response_to(site, b"GET /livez HTTP/1.1\r\nExpect: 100-continue\r\n" + CLOSE)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        answer = await response_to(site, b"GET /livez HTTP/1.1\r\nExpect: <b>\r\n" + CLOSE)
        assert answer.startswith(b"HTTP/1.1 417 ")
