"""Which token is reviewed next: clients with invalid tokens do not delay others, whatever their address."""

import asyncio

import aiohttp
import pytest

from exporter.web import reviews
from tests.clusters import until
from tests.web.protected import ask
from tests.web.serving import a_site
from tests.web.token_reviewer import TokenReviewer, bearer


async def test_invalid_tokens_do_not_delay_an_accepted_token():
    """This holds for any number of waiting requests and addresses, and after the cached decision has expired."""
    reviewer = TokenReviewer()
    token_reviews = reviewer.reviews()
    assert await token_reviews.accept("good", "/metrics", queue="proxy")
    reviewer.gate.clear()
    clients = [("proxy", "1", "2", "3")[number % 4] for number in range(200)]
    invalid_requests = [
        asyncio.create_task(token_reviews.accept(f"x{n}", "/metrics", queue=one)) for n, one in enumerate(clients)
    ]
    await until(lambda: reviewer.waiting == reviews._CONCURRENCY)
    assert await token_reviews.accept("good", "/metrics", queue="proxy")
    reviewer.now = 60.0
    renewed = asyncio.create_task(token_reviews.accept("good", "/metrics", queue="proxy"))
    await until(lambda: reviewer.waiting == reviews._CONCURRENCY + 1)
    reviewer.gate.set()
    assert await renewed
    assert not any(await asyncio.gather(*invalid_requests))


async def test_a_new_token_gets_its_turn_among_invalid_ones():
    """Tokens are rotated each hour. The new one is unknown, and its address has no other requests."""
    reviewer = TokenReviewer()
    token_reviews = reviewer.reviews()
    reviewer.gate.clear()
    invalid_requests = [
        asyncio.create_task(token_reviews.accept(f"x{n}", "/metrics", queue="evil")) for n in range(200)
    ]
    await until(lambda: reviewer.waiting == reviews._CONCURRENCY)
    good = asyncio.create_task(token_reviews.accept("good", "/metrics", queue="prometheus"))
    await asyncio.sleep(0)
    reviewer.gate.set()
    assert await good
    assert not all(one.done() for one in invalid_requests)
    await asyncio.gather(*invalid_requests)


async def test_a_rotated_token_precedes_invalid_ones_of_the_same_address():
    """Its connection was accepted with the previous token."""
    reviewer = TokenReviewer()
    reviewer.tokens["renewed"] = "prometheus"
    async with a_site(reviews=reviewer.reviews()) as site, aiohttp.ClientSession(site.url) as prometheus:
        assert (await prometheus.get("/metrics", headers=bearer("good"))).status == 200
        reviewer.gate.clear()
        invalid_requests = [asyncio.create_task(ask(site.url, headers=bearer(f"x{number}"))) for number in range(50)]
        await until(lambda: reviewer.waiting == reviews._CONCURRENCY)
        renewed = asyncio.create_task(prometheus.get("/metrics", headers=bearer("renewed")))
        await asyncio.sleep(0.1)
        reviewer.gate.set()
        assert (await renewed).status == 200
        assert not all(one.done() for one in invalid_requests)
        assert {status for status, _ in await asyncio.gather(*invalid_requests)} == {401}


@pytest.mark.parametrize("reconnect", [False, True])
async def test_a_first_scrape_precedes_invalid_tokens_of_the_same_address(reconnect):
    """Behind a proxy, 100 connections send invalid tokens. A new connection gets one of the next turns."""
    reviewer = TokenReviewer()
    reviewer.tokens["first"] = "prometheus"
    async with (
        a_site(reviews=reviewer.reviews()) as site,
        aiohttp.ClientSession(site.url, connector=aiohttp.TCPConnector(limit=0, force_close=reconnect)) as session,
    ):

        async def guess(number):
            async with session.get("/metrics", headers=bearer(f"x{number}")) as answer:
                return answer.status

        assert set(await asyncio.gather(*map(guess, range(100)))) == {401}
        reviewer.gate.clear()
        guesses = [asyncio.create_task(guess(number)) for number in range(100, 200)]
        await until(lambda: reviewer.waiting == reviews._CONCURRENCY)
        await asyncio.sleep(0.1)
        count = len(reviewer.requests)
        first = asyncio.create_task(ask(site.url, headers=bearer("first")))
        await asyncio.sleep(0.1)
        reviewer.gate.set()
        assert (await first)[0] == 200
        assert [spec.get("token") for _, spec in reviewer.requests[count : count + 4]].count("first") == 1
        await asyncio.gather(*guesses)
