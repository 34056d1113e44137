"""Many scrapes at once: how many are answered, who is refused, and that none holds up the event loop."""

import asyncio
import contextlib

import aiohttp
import pytest
from aiohttp import web

from tests.clusters import until
from tests.web.hostile import GET, a_client, attacked, many
from tests.web.serving import fetch


async def test_slow_readers_do_not_keep_others_out():
    """At the limit of scrapes the one that takes nothing for longest makes room."""
    async with (
        attacked(megabytes=20, max_requests=3, least_pace=1e9) as site,
        contextlib.AsyncExitStack() as stack,
    ):
        await many(stack, site, 3, GET, reads=False)
        async with asyncio.timeout(10):
            while (await fetch(f"{site.url}/metrics", Accept_Encoding="gzip"))[0] != 200:
                await asyncio.sleep(0.02)
        assert site.refused()["slow_reader"] == 1


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
