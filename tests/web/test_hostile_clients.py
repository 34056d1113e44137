"""Clients that misuse connections. Each test ends with the checks of `a_site_under_attack`."""

import asyncio
import contextlib
import resource
import socket
import struct
import time
import tracemalloc

import pytest

from exporter.web import server
from tests.clusters import until
from tests.web.hostile import (
    GET,
    SHORT_TIMEOUT,
    BigSite,
    a_client,
    a_site_under_attack,
    a_small_socket,
    descriptors,
    open_clients,
    read_all,
    response_to,
    server_tasks,
)
from tests.web.protected import TLS, Plain, refused
from tests.web.serving import LINES, Site, a_site, fetch


async def test_a_client_that_reads_one_byte_at_a_time_is_disconnected():
    """The timeout is for the whole response."""
    async with a_site_under_attack(megabytes=20, response_seconds=SHORT_TIMEOUT) as site:
        with a_small_socket(site) as slow:
            while not site.refused():
                with contextlib.suppress(BlockingIOError):
                    assert len(slow.recv(1)) == 1
                await asyncio.sleep(0.01)
        assert site.refused() == {"slow_reader": 1}


async def test_clients_that_never_read_are_disconnected():
    """Their responses, and the data in their connections, are freed."""
    async with (
        a_site_under_attack(megabytes=20, response_seconds=SHORT_TIMEOUT) as site,
        contextlib.AsyncExitStack() as stack,
    ):
        await open_clients(stack, site, 20, GET, reads=False)
        await until(lambda: site.refused() == {"slow_reader": 20})


async def test_a_slow_reader_costs_a_compressed_response_and_a_few_chunks():
    """Its response may consist of blocks that nothing else references. It never holds uncompressed text."""
    count, megabytes = 6, 5
    site = BigSite(megabytes=megabytes)
    packed = sum(len(block.data) for block in site.blocks()[0])
    async with a_site(site), contextlib.AsyncExitStack() as stack:
        tracemalloc.start()
        try:
            for index in range(count):
                site.family = site.blocks()
                await open_clients(stack, site, 1, GET, reads=False)
                await until(lambda index=index: len(server_tasks()) == 2 * (index + 1))
            await asyncio.sleep(0.1)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # A chunk has 256 KiB, and at most as much waits to be sent. Objects around a block have less than 300 bytes.
    assert held < count * (packed + 4 * 256 * 1024 + 100 * megabytes * 300)
    assert held < count * megabytes * 1_000_000 / 4


@pytest.mark.parametrize("begin", [b"", b"GET", b"GET /metrics HTTP/1.1\r\n", b"GET /metrics\r\n"])
async def test_an_incomplete_request_is_closed_like_an_idle_connection(begin):
    """The client sends nothing, a word, or a line (a request of HTTP/0.9), and then no more."""
    async with a_site_under_attack(idle_seconds=SHORT_TIMEOUT) as site:
        assert await response_to(site, begin) == b""
        assert site.refused() == {}


async def test_a_slow_header_does_not_extend_its_timeout():
    """This attack is known as Slowloris."""
    async with a_site_under_attack(idle_seconds=SHORT_TIMEOUT) as site, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(a_client(site, GET[:-2] + b"X: ")) for _ in range(50)]
        readers = [asyncio.create_task(read_all(reader)) for reader, _ in clients]
        while not all(reader.done() for reader in readers):
            for _, writer in clients:
                writer.write(b"x")
            await asyncio.sleep(0.01)


async def test_the_second_request_of_a_connection_has_the_same_timeout():
    """The connection has received a response before."""
    async with (
        a_site_under_attack(idle_seconds=SHORT_TIMEOUT) as site,
        a_client(site, GET.replace(b"metrics", b"livez")) as (reader, writer),
    ):
        await reader.readuntil(b"ok\n")
        writer.write(GET[:5])
        assert await read_all(reader) == b""


async def test_an_idle_connection_is_closed():
    """The timeout is longer than the interval of Prometheus. It is not counted as a rejected client."""
    async with a_site_under_attack(idle_seconds=SHORT_TIMEOUT) as site, a_client(site, GET) as (reader, _):
        assert (await read_all(reader)).startswith(b"HTTP/1.1 200 OK")
        assert site.refused() == {}


async def test_3000_silent_connections_do_not_block_others():
    """A new connection displaces the one that has been silent longest, so the limit is not exceeded."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8000)), hard))
    count = min(3000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 300)
    try:
        async with a_site_under_attack(connections=100) as site:
            address, before = ("127.0.0.1", int(site.url.rpartition(":")[2])), descriptors()
            with contextlib.ExitStack() as stack:
                for index in range(count):
                    client = stack.enter_context(socket.socket())
                    client.setblocking(False)
                    client.connect_ex(address)
                    if not index % 5:
                        await asyncio.sleep(0)
                await until(lambda: site.refused().get("connections", 0) >= count - 100, seconds=10)
                assert [(await fetch(site.url + path))[0] for path in ("/livez", "/metrics")] == [200, 200]
                await until(lambda: descriptors() - before - count <= 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_silent_connections_are_displaced_first():
    """Many new clients that send requests at once do not displace each other."""
    async with a_site_under_attack(connections=16) as site, contextlib.AsyncExitStack() as stack:
        await open_clients(stack, site, 16)
        readers = await asyncio.gather(
            *(open_clients(stack, site, 1, GET.replace(b"metrics", b"livez")) for _ in range(12))
        )
        assert [(await reader.readline()).split()[1] for (reader,) in readers] == [b"200"] * 12


async def test_a_connection_that_was_served_is_displaced_after_silent_ones():
    """Prometheus keeps its connection open between scrapes."""
    livez = GET.replace(b"metrics", b"livez")
    async with a_site_under_attack(connections=8) as site, a_client(site, livez) as (reader, writer):
        await reader.readuntil(b"ok\n")
        async with contextlib.AsyncExitStack() as stack:
            await open_clients(stack, site, 30)
            await until(lambda: site.refused().get("connections", 0) >= 23)
            writer.write(livez)
            await reader.readuntil(b"ok\n")


async def test_incomplete_handshakes_do_not_displace_a_connection_that_was_served(folder):
    """They use at most half of the connections."""
    async with a_site(web_file=folder.load(tls_server_config=TLS), connections=16) as site:
        address = site.url.removeprefix("https://").split(":")
        reader, writer = await asyncio.open_connection(*address, ssl=folder.trust(), server_hostname="127.0.0.1")
        for _ in range(3):
            writer.write(GET.replace(b"metrics", b"livez"))
            await reader.readuntil(b"ok\n")
            async with contextlib.AsyncExitStack() as stack:
                before = refused(site, "connections")
                await open_clients(stack, Plain(site), 40)
                await until(lambda before=before: refused(site, "connections") >= before + 24)
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_connection_that_cannot_be_closed_does_not_count():
    """As long as a client does not read, aiohttp cannot close its connection."""
    site = Site(text=LINES * 1000)
    async with (
        a_site(site, connections=3, idle_seconds=SHORT_TIMEOUT, unsent_bytes=4096),
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(3):
            stack.enter_context(a_small_socket(site))
        await until(lambda: site.telemetry.scrapes.labels("identity")._buckets[-1].get() >= 0 and server_tasks())
        await until(lambda: not server_tasks())
        for _ in range(4):
            assert (await fetch(f"{site.url}/livez"))[0] == 200


async def test_a_client_is_rejected_while_all_connections_wait_for_a_response():
    """A connection with a request is not displaced by one without."""
    async with a_site_under_attack(connections=3) as site, contextlib.AsyncExitStack() as stack:
        site.gate.clear()
        readers = await open_clients(stack, site, 3, GET)
        await until(lambda: site.waiting == 3)
        assert await response_to(site, GET) == b""
        assert site.refused() == {"connections": 1}
        site.gate.set()
        assert [(await reader.readline()).split()[1] for reader in readers] == [b"200"] * 3


async def test_clients_that_reset_their_connection_are_removed(caplog):
    """Nothing is logged, and they no longer count as connections."""
    async with a_site_under_attack(megabytes=20, connections=10) as site:
        for _ in range(50):
            async with a_client(site, GET, reads=False) as (reader, writer):
                await reader.read(1)
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await until(lambda: not server_tasks())
        assert site.refused() == {}
    assert caplog.records == []


async def test_many_bad_requests_are_one_log_line(caplog):
    """The line has the reason; the metric has the number."""
    async with a_site_under_attack() as site:
        for _ in range(100):
            await response_to(site, b"GET / HTTP/9.9\r\n\r\n")
        assert site.refused() == {"bad_request": 100}
    (line,) = caplog.records
    assert (line.levelname, line.reason) == ("WARNING", "bad_request")


async def test_slow_readers_do_not_delay_the_shutdown():
    """With forty slow readers and a hundred silent clients, shutdown takes a second and leaves nothing behind."""
    before, open_before = asyncio.all_tasks(), descriptors()
    async with contextlib.AsyncExitStack() as stack:
        async with a_site(BigSite(megabytes=20)) as site:
            await open_clients(stack, site, 40, GET, reads=False)
            await open_clients(stack, site, 100)
            await until(lambda: len(server_tasks()) == 180)
            started = time.thread_time(), asyncio.get_running_loop().time()
        assert time.thread_time() - started[0] < 0.5
        assert asyncio.get_running_loop().time() - started[1] < 2 * server._STOP_SECONDS + 1
        await until(lambda: asyncio.all_tasks() <= before)
        await until(lambda: descriptors() <= open_before + 140)  # the client sockets are still open
    await until(lambda: descriptors() <= open_before)
