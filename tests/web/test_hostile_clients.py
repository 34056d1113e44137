"""Clients that mean no good, or know no better. After each of them all is as it was: see `attacked`."""

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
    SOON,
    BigSite,
    a_client,
    a_small_socket,
    answer_to,
    attacked,
    descriptors,
    many,
    server_tasks,
    the_rest,
)
from tests.web.protected import TLS, Plain, refused
from tests.web.serving import LINES, Site, a_site, fetch


async def test_a_reader_of_a_byte_at_a_time_is_dropped():
    """It has so long for the whole page, however lively it is."""
    async with attacked(megabytes=20, response_seconds=SOON) as site:
        with a_small_socket(site) as slow:
            while not site.refused():
                with contextlib.suppress(BlockingIOError):
                    assert len(slow.recv(1)) == 1
                await asyncio.sleep(0.01)
        assert site.refused() == {"slow_reader": 1}


async def test_readers_that_never_read_are_dropped():
    """Their pages, and what of them waits in their connections, go with them."""
    async with attacked(megabytes=20, response_seconds=SOON) as site, contextlib.AsyncExitStack() as stack:
        await many(stack, site, 20, GET, reads=False)
        await until(lambda: site.refused() == {"slow_reader": 20})


async def test_a_slow_reader_costs_a_compressed_page_and_a_few_pieces():
    """Its page stays while it reads, with blocks that may be nobody else's by now; never the text of it."""
    count, megabytes = 6, 5
    site = BigSite(megabytes=megabytes)
    packed = sum(len(block.data) for block in site.blocks()[0])
    async with a_site(site), contextlib.AsyncExitStack() as stack:
        tracemalloc.start()
        try:
            for index in range(count):
                site.family = site.blocks()
                await many(stack, site, 1, GET, reads=False)
                await until(lambda index=index: len(server_tasks()) == 2 * (index + 1))
            await asyncio.sleep(0.1)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # A piece has 256 KiB, and so has what waits to be sent of it; what is around a block takes less than 300 bytes.
    assert held < count * (packed + 4 * 256 * 1024 + 100 * megabytes * 300)
    assert held < count * megabytes * 1_000_000 / 4


@pytest.mark.parametrize("begin", [b"", b"GET", b"GET /metrics HTTP/1.1\r\n", b"GET /metrics\r\n"])
async def test_half_a_request_is_closed_as_an_idle_connection(begin):
    """Nothing, a word, a line (which was a request in HTTP/0.9), and then no more."""
    async with attacked(idle_seconds=SOON) as site:
        assert await answer_to(site, begin) == b""
        assert site.refused() == {}


async def test_a_header_that_trickles_in_does_not_extend_its_time():
    """Slowloris, fifty times."""
    async with attacked(idle_seconds=SOON) as site, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(a_client(site, GET[:-2] + b"X: ")) for _ in range(50)]
        readers = [asyncio.create_task(the_rest(reader)) for reader, _ in clients]
        while not all(reader.done() for reader in readers):
            for _, writer in clients:
                writer.write(b"x")
            await asyncio.sleep(0.01)


async def test_a_second_head_has_no_more_time_than_the_first():
    """On a connection that has had a response."""
    async with (
        attacked(idle_seconds=SOON) as site,
        a_client(site, GET.replace(b"metrics", b"livez")) as (reader, writer),
    ):
        await reader.readuntil(b"ok\n")
        writer.write(GET[:5])
        assert await the_rest(reader) == b""


async def test_a_connection_that_idles_for_ever_is_closed():
    """After a time that Prometheus does not reach; that is nobody's fault, and not counted."""
    async with attacked(idle_seconds=SOON) as site, a_client(site, GET) as (reader, _):
        assert (await the_rest(reader)).startswith(b"HTTP/1.1 200 OK")
        assert site.refused() == {}


async def test_3000_silent_connections_do_not_keep_others_out():
    """Who was silent for longest makes room for who comes, so there are never more than the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8000)), hard))
    count = min(3000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 300)
    try:
        async with attacked(connections=100) as site:
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


async def test_silent_connections_make_room_before_new_ones():
    """A burst of clients that ask at once: none of them is displaced by the next one."""
    async with attacked(connections=16) as site, contextlib.AsyncExitStack() as stack:
        await many(stack, site, 16)
        readers = await asyncio.gather(*(many(stack, site, 1, GET.replace(b"metrics", b"livez")) for _ in range(12)))
        assert [(await reader.readline()).split()[1] for (reader,) in readers] == [b"200"] * 12


async def test_a_connection_that_was_served_stays_longer_than_silent_ones():
    """Prometheus keeps its connection between scrapes."""
    livez = GET.replace(b"metrics", b"livez")
    async with attacked(connections=8) as site, a_client(site, livez) as (reader, writer):
        await reader.readuntil(b"ok\n")
        async with contextlib.AsyncExitStack() as stack:
            await many(stack, site, 30)
            await until(lambda: site.refused().get("connections", 0) >= 23)
            writer.write(livez)
            await reader.readuntil(b"ok\n")


async def test_handshakes_that_never_end_displace_no_connection_that_was_served(folder):
    """They take at most half of the places."""
    async with a_site(web_file=folder.load(tls_server_config=TLS), connections=16) as site:
        address = site.url.removeprefix("https://").split(":")
        reader, writer = await asyncio.open_connection(*address, ssl=folder.trust(), server_hostname="127.0.0.1")
        for _ in range(3):
            writer.write(GET.replace(b"metrics", b"livez"))
            await reader.readuntil(b"ok\n")
            async with contextlib.AsyncExitStack() as stack:
                before = refused(site, "connections")
                await many(stack, Plain(site), 40)
                await until(lambda before=before: refused(site, "connections") >= before + 24)
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_connection_that_cannot_be_closed_makes_room():
    """A client that never reads keeps aiohttp from closing it: there is still data to send."""
    site = Site(text=LINES * 1000)
    async with (
        a_site(site, connections=3, idle_seconds=SOON, unsent_bytes=4096),
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(3):
            stack.enter_context(a_small_socket(site))
        await until(lambda: site.telemetry.scrapes.labels("identity")._buckets[-1].get() >= 0 and server_tasks())
        await until(lambda: not server_tasks())
        for _ in range(4):
            assert (await fetch(f"{site.url}/livez"))[0] == 200


async def test_who_comes_when_all_are_being_answered_is_refused():
    """Nobody who asked is thrown out for somebody who has not asked yet."""
    async with attacked(connections=3) as site, contextlib.AsyncExitStack() as stack:
        site.gate.clear()
        readers = await many(stack, site, 3, GET)
        await until(lambda: site.waiting == 3)
        assert await answer_to(site, GET) == b""
        assert site.refused() == {"connections": 1}
        site.gate.set()
        assert [(await reader.readline()).split()[1] for reader in readers] == [b"200"] * 3


async def test_clients_that_reset_in_the_middle_are_let_go(caplog):
    """Fifty of them, and not a line in the log; none of them keeps its place."""
    async with attacked(megabytes=20, connections=10) as site:
        for _ in range(50):
            async with a_client(site, GET, reads=False) as (reader, writer):
                await reader.read(1)
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await until(lambda: not server_tasks())
        assert site.refused() == {}
    assert caplog.records == []


async def test_a_flood_is_one_line_in_the_log(caplog):
    """With its reason; the metric has the number."""
    async with attacked() as site:
        for _ in range(100):
            await answer_to(site, b"GET / HTTP/9.9\r\n\r\n")
        assert site.refused() == {"bad_request": 100}
    (line,) = caplog.records
    assert (line.levelname, line.reason) == ("WARNING", "bad_request")


async def test_slow_readers_do_not_hold_up_the_end():
    """Forty of them, and a hundred that say nothing: a SIGTERM has its second, and nothing is left behind."""
    before, open_before = asyncio.all_tasks(), descriptors()
    async with contextlib.AsyncExitStack() as stack:
        async with a_site(BigSite(megabytes=20)) as site:
            await many(stack, site, 40, GET, reads=False)
            await many(stack, site, 100)
            await until(lambda: len(server_tasks()) == 180)
            begun = time.thread_time(), asyncio.get_running_loop().time()
        assert time.thread_time() - begun[0] < 0.5
        assert asyncio.get_running_loop().time() - begun[1] < 2 * server._STOP_SECONDS + 1
        await until(lambda: asyncio.all_tasks() <= before)
        await until(lambda: descriptors() <= open_before + 140)  # those of the clients are still open
    await until(lambda: descriptors() <= open_before)
