"""Many scrapes at once: how many are answered, who is refused, and that none holds up the event loop."""

import asyncio
import contextlib

import aiohttp
import pytest
from aiohttp import web

from tests.clusters import until
from tests.web.hostile import GET, BigSite, a_client, a_small_socket, attacked, many, server_tasks
from tests.web.protected import HASHED, PASSWORD, Folder, ask, basic
from tests.web.serving import a_site, fetch


async def test_slow_readers_do_not_keep_others_out():
    """At the limit of scrapes the slowest one makes room, though it is from the same address."""
    async with attacked(megabytes=20, max_requests=3) as site, contextlib.AsyncExitStack() as stack:
        await many(stack, site, 3, GET, reads=False)
        async with asyncio.timeout(10):
            while (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0] != 200:
                await asyncio.sleep(0.02)
        assert site.refused()["slow_reader"] == 1


async def test_readers_that_are_slow_but_never_silent_make_room_as_well():
    """Each takes some of its response several times a second."""
    async with attacked(megabytes=20, max_requests=3) as site, contextlib.AsyncExitStack() as stack:
        sockets = [stack.enter_context(a_small_socket(site)) for _ in range(3)]
        await until(lambda: len(server_tasks()) == 6)
        begun, status = asyncio.get_running_loop().time(), 503
        while status != 200:
            for lively in sockets:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    lively.recv(4096)
            await asyncio.sleep(0.02)
            status = (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0]
            assert asyncio.get_running_loop().time() - begun < 5
        assert site.refused()["slow_reader"] == 1


async def test_one_client_never_gets_all_scrapes():
    """Another one has its place at once, up to its share; who has fewer is not displaced."""
    async with attacked(max_requests=4) as site, contextlib.AsyncExitStack() as stack:
        site.gate.clear()
        await many(stack, site, 4, GET)
        await until(lambda: site.waiting == 4)
        other = await many(stack, site, 3, GET, local_addr=("127.0.0.2", 0))
        await until(lambda: site.refused() == {"slow_reader": 2, "max_requests": 1})
        site.gate.set()
        assert sorted([(await reader.readline()).split()[1] for reader in other]) == [b"200", b"200", b"503"]


async def test_a_user_is_a_client_whatever_the_address(tmp_path):
    """Behind a proxy all have one address: who has a password shares with others who have."""
    users = {"basic_auth_users": {"alice": HASHED, "bob": HASHED}}
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
async def test_of_500_parallel_scrapes_40_are_answered(encoding):
    """The others get 503 in the words of Prometheus' own exporters, and health is told meanwhile."""
    async with attacked() as site, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        site.gate.clear()
        headers = {"Accept-Encoding": encoding}

        async def scrape():
            async with session.get(f"{site.url}/metrics", headers=headers) as answer:
                return answer.status, (await answer.text()) if answer.status != 200 else len(await answer.read())

        scrapes = []
        for _ in range(20):  # or the work of 500 clients, which are in this event loop too, would be held against it
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


async def test_without_a_limit_all_are_answered():
    """`--web.max-requests=0`."""
    async with attacked(max_requests=0) as site:
        site.gate.clear()
        scrapes = [asyncio.create_task(fetch(f"{site.url}/metrics", Accept_Encoding="gzip")) for _ in range(60)]
        await until(lambda: site.waiting == 60)
        site.gate.set()
        assert {status for status, _, _ in await asyncio.gather(*scrapes)} == {200}
        assert site.refused() == {}


async def test_twenty_good_scrapers_are_never_refused():
    """Each over a connection that it keeps, all at the same moment, again and again."""
    async with attacked(megabytes=2) as site, contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(aiohttp.ClientSession()) for _ in range(20)]
        for _ in range(10):
            answers = await asyncio.gather(*(session.get(f"{site.url}/metrics") for session in sessions))
            assert {answer.status for answer in answers} == {200}
            assert all([await answer.read() for answer in answers])
        assert site.refused() == {}


async def test_pages_are_made_one_by_one():
    """Forty that are asked for at once, and take a while to make, are not made in one go."""
    async with attacked() as site:
        site.work_seconds = 0.02
        await asyncio.gather(*(fetch(f"{site.url}/metrics", Accept_Encoding="gzip") for _ in range(40)))
        site.work_seconds = 0.0


async def test_a_reader_that_takes_all_at_once_lets_others_in(monkeypatch):
    """The event loop turns for each piece, though none has to wait."""
    pieces, turns = [], 0

    async def takes(_, piece):
        pieces.append(len(piece))

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1 if pieces else 0

    async with attacked(megabytes=20) as site:
        with monkeypatch.context() as patch:
            patch.setattr(web.StreamResponse, "write", takes)
            task = asyncio.create_task(turn())
            async with a_client(site, GET):
                await until(lambda: sum(pieces) > 5_000_000)
            task.cancel()
            assert turns >= len(pieces) - 1 > 10
