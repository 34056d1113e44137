"""A list that is read in pages ends, or is an error."""

import itertools
import json

import pytest
from aiohttp import web

from exporter.kube import pages
from exporter.kube.errors import EndlessListError
from exporter.kube.pages import PagedList
from tests.clusters import CONFIGMAPS, a_configmap, a_server
from tests.kube.clients import a_client

NAMES = [f"c{number}" for number in range(7)]


async def names_of(listed):
    """The names of all items."""
    items = [json.loads(bytes(raw)) async for batch in listed.batches() for raw in batch]
    return [item["metadata"]["name"] for item in items]


@pytest.fixture
async def server():
    """A stand-in API server with seven ConfigMaps."""
    async with a_server(*(a_configmap(name, key="value") for name in NAMES)) as running:
        yield running


@pytest.fixture
async def client(server, tmp_path):
    """A client of the server."""
    async with a_client(tmp_path, server.url) as made:
        yield made


@pytest.mark.parametrize(("limit", "requests"), [(3, 3), (7, 1), (0, 1)])
async def test_all_pages_are_one_list(server, client, limit, requests):
    """All have the same resource version, which is known at the end."""
    listed = PagedList(client, CONFIGMAPS, {}, limit=limit)
    assert await names_of(listed) == NAMES
    assert len(server.requests) == requests
    assert listed.version == str(server.store.revision)
    assert client.budget.used == 0


def serve_pages(server, make):
    """Responds to the list request of each number with the items and the continue token of `make(number)`."""
    numbers = itertools.count()

    async def intercept(_):
        items, token = make(next(numbers))
        return web.json_response({"metadata": {"resourceVersion": "1", "continue": token}, "items": items})

    server.intercept = intercept


ENDLESS = {
    "the same token": (lambda _: ([{}], "same"), "a continue token came twice", 2),
    "two tokens in turns": (lambda n: ([{}], "ab"[n % 2]), "a continue token came twice", 3),
    "a huge token": (lambda n: ([{}], f"{n}" * 9000), "a continue token of over 8 KiB", 1),
    "empty pages": (lambda n: ([], f"{n}"), "100 empty pages in a row", 100),
    "ever more pages": (lambda n: ([{}], f"{n}"), "over 300 pages", 300),
    "ever more items": (lambda n: ([{}] * 500, f"{n}"), "over 20000 items", 41),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_endless_pages_are_an_error(server, client, monkeypatch, case):
    """The number of requests is bounded for any continue tokens."""
    monkeypatch.setattr(pages, "_MAX_PAGES", 300)
    monkeypatch.setattr(pages, "_MAX_ITEMS", 20_000)
    make, text, requests = ENDLESS[case]
    serve_pages(server, make)
    with pytest.raises(EndlessListError, match=f"the list at {CONFIGMAPS} does not end: {text}") as caught:
        async for _ in PagedList(client, CONFIGMAPS, {}, limit=500).batches():
            pass
    assert caught.value.code == "endless"
    assert len(server.requests) == requests


async def test_some_empty_pages_are_not_an_error(server, client):
    """A server that filters objects can return an empty page."""
    serve_pages(
        server, lambda n: ([{"metadata": {"name": f"c{n}"}}] if n % 90 == 89 else [], f"{n}" if n < 269 else "")
    )
    assert await names_of(PagedList(client, CONFIGMAPS, {}, limit=500)) == ["c89", "c179", "c269"]
