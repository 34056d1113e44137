"""TLS handshakes that fail or never complete, and what they leave behind."""

import asyncio
import socket

import pytest

from tests.clusters import until
from tests.web.hostile import BigSite, a_client, descriptors, read_all
from tests.web.protected import TLS, Plain, ask, refused
from tests.web.serving import a_site


@pytest.mark.parametrize(
    ("request_line", "reason"),
    [
        (b"GET / HTTP/1.1", "http request"),
        (b"HEAD /metrics HTTP/1.0", "http request"),
        (b"OPTIONS * HTTP/1.1", "wrong version number"),
        (b"PRI * HTTP/2.0", "wrong version number"),
        (b"CONNECT x:443 HTTP/1.1", "https proxy request"),
        (b"GE", "wrong version number"),
    ],
)
async def test_plain_http_to_a_tls_port_is_closed_at_once_and_logged(folder, caplog, request_line, reason):
    """The log line says that it was an HTTP request."""
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        async with a_client(Plain(site), request_line + b"\r\nHost: x\r\n\r\n") as (reader, _):
            async with asyncio.timeout(1):
                assert await read_all(reader) == b""
        await until(lambda: refused(site) == 1)
    assert [(record.reason, record.detail) for record in caplog.records if hasattr(record, "detail")] == [
        ("bad_handshake", reason)
    ]


async def test_a_handshake_that_does_not_complete_times_out(folder):
    """It is counted, and leaves no connection open."""
    async with a_site(web_file=folder.load(tls_server_config=TLS), handshake_seconds=0.1) as site:
        before, tasks = descriptors(), len(asyncio.all_tasks())
        for beginning in (b"", b"\x16\x03\x01\x02"):
            async with a_client(Plain(site), beginning) as (reader, _):
                assert await read_all(reader) == b""
        await until(lambda: descriptors() == before)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        value = site.telemetry.registry.get_sample_value
        assert value("coderun_exporter_clients_refused_total", {"reason": "bad_handshake"}) == 2


async def test_incomplete_handshakes_do_not_block_new_clients(folder):
    """They count as connections, so new connections displace them."""
    web_file = folder.load(tls_server_config=TLS)
    async with a_site(web_file=web_file, connections=10) as site:
        writers = [
            (await asyncio.open_connection(*site.url.removeprefix("https://").split(":")))[1] for _ in range(30)
        ]
        assert (await ask(site.url, trust=folder.trust()))[0] == 200
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_connection_that_closes_without_data_is_no_failed_handshake(folder):
    """A TCP probe of the port does so."""
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        before = descriptors()
        async with a_client(Plain(site)) as (_, writer):
            writer.close()
        await until(lambda: descriptors() == before)
        assert refused(site) == 0


async def test_an_incomplete_handshake_does_not_delay_the_shutdown(folder):
    """No task is left afterwards."""
    loop, tasks = asyncio.get_running_loop(), len(asyncio.all_tasks())
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        _, writer = await asyncio.open_connection(*site.url.removeprefix("https://").split(":"))
        await asyncio.sleep(0.05)
        started = loop.time()
    assert loop.time() - started < 0.5
    await until(lambda: len(asyncio.all_tasks()) == tasks)
    writer.transport.abort()
    await asyncio.sleep(0)


async def test_a_slow_reader_over_tls_is_disconnected(folder):
    """The data that it has not received is discarded."""
    web_file = folder.load(tls_server_config=TLS)
    async with a_site(BigSite(megabytes=20), web_file=web_file, response_seconds=0.3) as site:
        before = descriptors()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # otherwise the kernel buffers everything
        slow.setblocking(False)
        host, port = site.url.removeprefix("https://").split(":")
        await asyncio.get_running_loop().sock_connect(slow, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=slow, ssl=folder.trust(), server_hostname=host, limit=1)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        value = site.telemetry.registry.get_sample_value
        await until(lambda: value("coderun_exporter_clients_refused_total", {"reason": "slow_reader"}) == 1)
        writer.transport.abort()
        await until(lambda: descriptors() <= before)
        assert reader
