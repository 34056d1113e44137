"""Many concurrent scrapes: which are served, which are rejected, and that none blocks the event loop."""

import asyncio
import contextlib

import aiohttp
import pytest
from aiohttp import web

from tests.clusters import until
from tests.web.hostile import GET, BigSite, a_client, a_site_under_attack, a_small_socket, open_clients, server_tasks
from tests.web.protected import PASSWORD, PASSWORD_HASH, Folder, ask, basic
from tests.web.serving import a_site, fetch


async def test_slow_readers_do_not_block_others():
    """At the limit of concurrent requests, the slowest one is aborted, even if it has the same address."""
    async with a_site_under_attack(megabytes=20, max_requests=3) as site, contextlib.AsyncExitStack() as stack:
        await open_clients(stack, site, 3, GET, reads=False)
        async with asyncio.timeout(10):
            while (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0] != 200:
                await asyncio.sleep(0.02)
        assert site.refused()["slow_reader"] == 1


async def test_slow_readers_that_never_pause_are_aborted_as_well():
    """Each receives a part of its response several times a second."""
    async with a_site_under_attack(megabytes=20, max_requests=3) as site, contextlib.AsyncExitStack() as stack:
        sockets = [stack.enter_context(a_small_socket(site)) for _ in range(3)]
        await until(lambda: len(server_tasks()) == 6)
        started, status = asyncio.get_running_loop().time(), 503
        while status != 200:
            for client in sockets:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    client.recv(4096)
            await asyncio.sleep(0.02)
            status = (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0]
            assert asyncio.get_running_loop().time() - started < 5
        assert site.refused()["slow_reader"] == 1


async def test_one_client_cannot_use_all_concurrent_requests():
    """Another client is served up to its share. A client below its share is not displaced."""
    async with a_site_under_attack(max_requests=4) as site, contextlib.AsyncExitStack() as stack:
        site.gate.clear()
        await open_clients(stack, site, 4, GET)
        await until(lambda: site.waiting == 4)
        other = await open_clients(stack, site, 3, GET, local_addr=("127.0.0.2", 0))
        await until(lambda: site.refused() == {"slow_reader": 2, "max_requests": 1})
        site.gate.set()
        assert sorted([(await reader.readline()).split()[1] for reader in other]) == [b"200", b"200", b"503"]


async def test_each_user_is_a_separate_client(tmp_path):
    """Behind a proxy all clients have one address, so authenticated users are distinguished by their name."""
    users = {"basic_auth_users": {"alice": PASSWORD_HASH, "bob": PASSWORD_HASH}}
    site = BigSite(megabytes=1)
    async with a_site(site, web_file=Folder(tmp_path).load(users), max_requests=3):
        site.gate.clear()
        alice = [asyncio.create_task(ask(site.url, headers=basic("alice", PASSWORD))) for _ in range(3)]
        await until(lambda: site.waiting == 3)
        bob = asyncio.create_task(ask(site.url, headers=basic("bob", PASSWORD)))
        await until(lambda: site.refused().get("slow_reader") == 1)
        site.gate.set()
        assert (await bob)[0] == 200
        await asyncio.gather(*alice, return_exceptions=True)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_40_of_500_concurrent_scrapes_are_served(encoding):
    """The others get 503, with the text of Prometheus' exporters. Health checks are served meanwhile."""
    async with (
        a_site_under_attack() as site,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        site.gate.clear()
        headers = {"Accept-Encoding": encoding}

        async def scrape():
            async with session.get(f"{site.url}/metrics", headers=headers) as answer:
                return answer.status, (await answer.text()) if answer.status != 200 else len(await answer.read())

        scrapes = []
        for _ in range(20):  # in groups, because the 500 clients run in this event loop too
            scrapes += [asyncio.create_task(scrape()) for _ in range(25)]
            await asyncio.sleep(0.01)
        await until(lambda: site.refused().get("max_requests") == 460 and site.waiting == 40, seconds=15)
        assert [(await fetch(f"{site.url}{path}"))[0] for path in ("/livez", "/readyz", "/")] == [200, 503, 200]
        site.gate.set()
        answers = await asyncio.gather(*scrapes)
    assert sum(status == 200 for status, _ in answers) == 40
    assert {answer for answer in answers if answer[0] != 200} == {
        (503, "Limit of concurrent requests reached (40), try again later.\n")
    }


async def test_without_a_limit_all_scrapes_are_served():
    """The flag is `--web.max-requests=0`."""
    async with a_site_under_attack(max_requests=0) as site:
        site.gate.clear()
        scrapes = [asyncio.create_task(fetch(f"{site.url}/metrics", Accept_Encoding="gzip")) for _ in range(60)]
        await until(lambda: site.waiting == 60)
        site.gate.set()
        assert {status for status, _, _ in await asyncio.gather(*scrapes)} == {200}
        assert site.refused() == {}


async def test_twenty_scrapers_are_never_rejected():
    """Each keeps its connection, and all scrape at the same time, repeatedly."""
    async with a_site_under_attack(megabytes=2) as site, contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(aiohttp.ClientSession()) for _ in range(20)]
        for _ in range(10):
            answers = await asyncio.gather(*(session.get(f"{site.url}/metrics") for session in sessions))
            assert {answer.status for answer in answers} == {200}
            assert all([await answer.read() for answer in answers])
        assert site.refused() == {}


async def test_responses_are_created_one_by_one():
    """Creating forty responses without yielding would block the event loop."""
    async with a_site_under_attack() as site:
        site.work_seconds = 0.02
        await asyncio.gather(*(fetch(f"{site.url}/metrics", Accept_Encoding="gzip") for _ in range(40)))
        site.work_seconds = 0.0


async def test_a_fast_reader_does_not_block_others(monkeypatch):
    """Sending yields after each chunk, even if the client receives it at once."""
    chunks, turns = [], 0

    async def receive(_, chunk):
        chunks.append(len(chunk))

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1 if chunks else 0

    async with a_site_under_attack(megabytes=20) as site:
        with monkeypatch.context() as patch:
            patch.setattr(web.StreamResponse, "write", receive)
            task = asyncio.create_task(turn())
            async with a_client(site, GET):
                await until(lambda: sum(chunks) > 5_000_000)
            task.cancel()
            assert turns >= len(chunks) - 1 > 10
