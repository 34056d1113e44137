"""Whose token is reviewed next: strangers keep nobody waiting, from whatever address they come."""

import asyncio

import aiohttp
import pytest

from exporter.web import reviews
from tests.clusters import until
from tests.web.judge import Judge, bearer
from tests.web.protected import ask
from tests.web.serving import a_site


async def test_strangers_do_not_keep_an_accepted_token_waiting():
    """However many wait for their reviews, from however many addresses, and though its minute is over."""
    judge = Judge()
    asked = judge.reviews()
    assert await asked.accept("good", "/metrics", line="proxy")
    judge.gate.clear()
    clients = [("proxy", "1", "2", "3")[number % 4] for number in range(200)]
    strangers = [asyncio.create_task(asked.accept(f"x{n}", "/metrics", line=one)) for n, one in enumerate(clients)]
    await until(lambda: judge.waiting == reviews._CONCURRENCY)
    assert await asked.accept("good", "/metrics", line="proxy")
    judge.now = 60.0
    renewed = asyncio.create_task(asked.accept("good", "/metrics", line="proxy"))
    await until(lambda: judge.waiting == reviews._CONCURRENCY + 1)
    judge.gate.set()
    assert await renewed
    assert not any(await asyncio.gather(*strangers))


async def test_a_new_token_has_its_turn_among_strangers():
    """A token is rotated each hour: the new one is unknown, and its address has given no other work."""
    judge = Judge()
    asked = judge.reviews()
    judge.gate.clear()
    strangers = [asyncio.create_task(asked.accept(f"x{n}", "/metrics", line="evil")) for n in range(200)]
    await until(lambda: judge.waiting == reviews._CONCURRENCY)
    good = asyncio.create_task(asked.accept("good", "/metrics", line="prometheus"))
    await asyncio.sleep(0)
    judge.gate.set()
    assert await good
    assert not all(one.done() for one in strangers)
    await asyncio.gather(*strangers)


async def test_a_renewed_token_passes_strangers_behind_its_own_address():
    """It comes on a connection on which the one before was accepted."""
    judge = Judge()
    judge.tokens["renewed"] = "prometheus"
    async with a_site(reviews=judge.reviews()) as site, aiohttp.ClientSession(site.url) as prometheus:
        assert (await prometheus.get("/metrics", headers=bearer("good"))).status == 200
        judge.gate.clear()
        strangers = [asyncio.create_task(ask(site.url, headers=bearer(f"x{number}"))) for number in range(50)]
        await until(lambda: judge.waiting == reviews._CONCURRENCY)
        renewed = asyncio.create_task(prometheus.get("/metrics", headers=bearer("renewed")))
        await asyncio.sleep(0.1)
        judge.gate.set()
        assert (await renewed).status == 200
        assert not all(one.done() for one in strangers)
        assert {status for status, _ in await asyncio.gather(*strangers)} == {401}


@pytest.mark.parametrize("anew", [False, True])
async def test_a_first_scrape_passes_strangers_behind_its_own_address(anew):
    """Behind a proxy 100 connections guess, over and over or each time anew: a new one has one of the next turns."""
    judge = Judge()
    judge.tokens["first"] = "prometheus"
    async with (
        a_site(reviews=judge.reviews()) as site,
        aiohttp.ClientSession(site.url, connector=aiohttp.TCPConnector(limit=0, force_close=anew)) as crowd,
    ):

        async def guess(number):
            async with crowd.get("/metrics", headers=bearer(f"x{number}")) as answer:
                return answer.status

        assert set(await asyncio.gather(*map(guess, range(100)))) == {401}
        judge.gate.clear()
        guesses = [asyncio.create_task(guess(number)) for number in range(100, 200)]
        await until(lambda: judge.waiting == reviews._CONCURRENCY)
        await asyncio.sleep(0.1)
        count = len(judge.asked)
        first = asyncio.create_task(ask(site.url, headers=bearer("first")))
        await asyncio.sleep(0.1)
        judge.gate.set()
        assert (await first)[0] == 200
        assert [spec.get("token") for _, spec in judge.asked[count : count + 4]].count("first") == 1
        await asyncio.gather(*guesses)
