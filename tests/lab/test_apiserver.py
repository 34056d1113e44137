"""Behavior that only the stand-in API server has: faults, loading, compaction, and its load limits.

The behavior of a real one is tested in tests/integration/test_api_*.py.
"""

import asyncio
import contextlib
import json
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from lab.apiserver import StandInApiServer
from lab.apiserver.collection import Collection

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "coderuns.agents.platform"},
    "spec": {
        "group": "agents.platform",
        "scope": "Namespaced",
        "names": {"plural": "coderuns", "kind": "CodeRun"},
        "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}],
    },
}


def config_map(name: str, **more: Any) -> dict[str, Any]:
    """A ConfigMap in the namespace `default`."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


def owned(kind: str, name: str, *owners: dict[str, Any], api_version: str, **metadata: Any) -> dict[str, Any]:
    """An object with ownerReferences to the owners."""
    references = [{"kind": each["kind"], "name": "n", "uid": each["metadata"]["uid"]} for each in owners]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "ownerReferences": references, **metadata},
    }


@pytest.fixture
async def server() -> AsyncIterator[StandInApiServer]:
    """A server whose clock is always 2025-01-01T00:00:00Z."""
    server = StandInApiServer(clock=lambda: 1735689600.0, bookmark_interval=0.01)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: StandInApiServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose base URL is that of the server."""
    async with aiohttp.ClientSession(server.url) as session:
        yield session


@contextlib.asynccontextmanager
async def unread_watch(server: StandInApiServer) -> AsyncIterator[asyncio.StreamReader]:
    """A watch of ConfigMaps by a client that has read only the head of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urllib.parse.urlsplit(server.url).port, limit=1024)
    try:
        writer.write(f"GET {CONFIG_MAPS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        yield reader
    finally:
        writer.transport.abort()


async def line(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next event of a watch."""
    return json.loads(await response.content.readline())


async def test_an_intercept_can_replace_the_response(server, client):
    """It is called before authentication. If it returns None, the server handles the request."""
    answers = [web.Response(status=503, headers={"Retry-After": "5"}), None]

    async def intercept(request: web.Request) -> web.Response | None:
        assert request.path == CONFIG_MAPS
        return answers.pop(0)

    server.intercept = intercept
    codes = []
    for _ in range(2):
        async with client.get(CONFIG_MAPS) as response:
            codes.append(response.status)
    assert codes == [503, 200]


async def test_requests_are_recorded(server, client):
    """A record has the method, the path and the query."""
    async with client.get(f"{CONFIG_MAPS}?limit=5&labelSelector=a%3Db"):
        pass
    assert list(server.requests) == [f"GET {CONFIG_MAPS}?limit=5&labelSelector=a%3Db"]


async def test_loaded_objects_keep_their_fields(server, client):
    """They also keep status, uid and timestamps. The server sets missing fields, and copies the objects."""
    given = {"uid": "u1", "creationTimestamp": "2020-01-01T00:00:00Z", "namespace": "default", "name": "j"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": given, "status": {"active": 1}}
    server.load([job, config_map("a")])
    job["status"]["active"] = 9
    async with client.get("/apis/batch/v1/namespaces/default/jobs/j") as response:
        stored = await response.json()
    assert given.items() <= stored["metadata"].items()
    assert stored["status"] == {"active": 1}
    made = server.store.get("configmaps", "a", namespace="default")
    assert made["metadata"]["creationTimestamp"] == "2025-01-01T00:00:00Z"


async def test_loading_sends_events_to_open_watches(server, client):
    """A new object is ADDED and an existing one is MODIFIED, with the same uid."""
    async with client.get(f"{CONFIG_MAPS}?watch=true") as watch:
        server.load([config_map("a"), config_map("a", data={"k": "v"})])
        added, modified = await line(watch), await line(watch)
    assert (added["type"], modified["type"]) == ("ADDED", "MODIFIED")
    assert added["object"]["metadata"]["uid"] == modified["object"]["metadata"]["uid"]
    assert modified["object"]["data"] == {"k": "v"}


def test_an_unknown_kind_cannot_be_loaded():
    """LookupError names the kind. Loading its CustomResourceDefinition makes it known."""
    server = StandInApiServer()
    run = {"apiVersion": "agents.platform/v1", "kind": "CodeRun", "metadata": {"name": "r"}}
    with pytest.raises(LookupError, match="CodeRun"):
        server.load([run])
    server.load([CRD, run])
    assert server.store.get("coderuns", "r", namespace="default")["metadata"]["generation"] == 1
    with pytest.raises(LookupError, match="widgets"):
        server.store.get("widgets", "r")


async def test_a_long_list_is_complete(server, client):
    """It is sent in several chunks: 2,000 objects of 1 kB, sorted by name."""
    server.load(config_map(f"c{number:04}", data={"k": "x" * 1000}) for number in range(2000))
    async with client.get(CONFIG_MAPS) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        items = (await response.json())["items"]
    assert [each["metadata"]["name"] for each in items] == [f"c{number:04}" for number in range(2000)]
    assert {len(each["data"]["k"]) for each in items} == {1000}


async def test_compaction_does_not_end_open_watches(server, client):
    """A list at an older resource version is then HTTP 410, and a list at the current one is not."""
    server.load([config_map("a")])
    old = server.store.revision
    async with client.get(f"{CONFIG_MAPS}?watch=true&resourceVersion={old}") as watch:
        server.load([config_map("b")])
        server.compact()
        server.load([config_map("c")])
        assert [(await line(watch))["object"]["metadata"]["name"] for _ in range(2)] == ["b", "c"]
    codes = {}
    for version in (old, old + 1):
        async with client.get(f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact") as response:
            codes[version - old] = response.status
    assert codes == {0: 410, 1: 200}


async def test_bookmarks_are_sent_at_their_interval(server, client):
    """A bookmark has the newest resource version, although the watch selects no changed object."""
    query = "watch=true&allowWatchBookmarks=true&resourceVersion=1&labelSelector=none"
    async with client.get(f"{CONFIG_MAPS}?{query}") as watch:
        server.load([config_map("a")])
        bookmark = await line(watch)
        while bookmark["object"]["metadata"]["resourceVersion"] != str(server.store.revision):
            bookmark = await line(watch)
    assert bookmark["type"] == "BOOKMARK"


async def test_a_slow_watch_does_not_block_writes_and_ends(server):
    """Writes continue, little is buffered, and the watch ends once the change log no longer has its next event."""
    resource = server.store.collections["configmaps"].resource
    small = Collection(resource, oldest=0, log_bytes=1_000_000)
    server.store.collections["configmaps"] = small
    async with unread_watch(server) as reader:
        (transport,) = server._open
        for number in range(3000):  # 30 MB, more than the buffers of the sockets
            server.load([config_map(f"c{number}", data={"k": "x" * 10_000})])
            await asyncio.sleep(0)
        assert transport.get_write_buffer_size() < 500_000
        assert sum(len(change.new.tail) for change in small._log) <= 1_000_000
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received = received[-10:] + await reader.read(1_000_000)
    assert small.readers == set()


async def test_a_watch_is_removed_when_its_client_disconnects(server, client):
    """The server keeps no state of the watch."""
    collection = server.store.collections["configmaps"]
    async with unread_watch(server):
        assert len(collection.readers) == 1
    while collection.readers:
        await asyncio.sleep(0)
    assert not server._open


async def test_stop_closes_watches_and_start_continues(server, client):
    """Watches end as with a killed server. After a start on the same port the server has the same objects."""
    server.load([config_map("a")])
    port = urllib.parse.urlsplit(server.url).port
    async with client.get(f"{CONFIG_MAPS}?watch=true") as watch:
        await line(watch)
        await asyncio.wait_for(server.stop(), timeout=2)
        with pytest.raises(aiohttp.ClientError):
            await watch.content.readline()
    assert await server.start(port=port) == server.url
    async with client.get(f"{CONFIG_MAPS}/a") as response:
        assert response.status == 200


async def test_health_checks_need_no_token():
    """Probes have no token. If the server requires one, all other paths are answered with 401."""
    server = StandInApiServer(token="secret")
    async with aiohttp.ClientSession(await server.start()) as session:
        codes = {}
        for path in ("/readyz", "/livez", "/version", CONFIG_MAPS):
            async with session.get(path) as response:
                codes[path] = response.status
    await server.stop()
    assert codes == {"/readyz": 200, "/livez": 200, "/version": 401, CONFIG_MAPS: 401}


async def test_a_deleted_run_deletes_its_jobs_and_their_pods(server, client):
    """A DELETE of a custom resource is propagated to its dependents on all levels, and to no others."""
    server.load([CRD])
    run, other = (
        server.store.put({"apiVersion": "agents.platform/v1", "kind": "CodeRun", "metadata": {"name": name}})
        for name in ("run", "other")
    )
    job = server.store.put(owned("Job", "job", run, api_version="batch/v1"))
    server.load([owned("Pod", "pod", job, api_version="v1"), owned("Job", "another", other, api_version="batch/v1")])
    async with client.delete("/apis/agents.platform/v1/namespaces/default/coderuns/run") as response:
        assert response.status == 200
    left = [
        server.store.get(resource, name, namespace="default") for resource, name in (("jobs", "job"), ("pods", "pod"))
    ]
    assert left == [None, None]
    assert server.store.get("jobs", "another", namespace="default")


@pytest.mark.parametrize(("query", "left"), [("", True), ("?propagationPolicy=Background", False)])
async def test_a_deleted_job_leaves_its_pods_by_default(server, client, query, left):
    """Orphan is the default of batch/v1. Background deletes the Pods, too."""
    job = server.store.put(owned("Job", "job", api_version="batch/v1"))
    server.load([owned("Pod", "pod", job, api_version="v1")])
    async with client.delete(f"/apis/batch/v1/namespaces/default/jobs/job{query}"):
        pass
    assert (server.store.get("pods", "pod", namespace="default") is not None) is left


def test_a_dependent_with_a_finalizer_is_only_marked_for_deletion():
    """It is deleted when its finalizer is removed."""
    server = StandInApiServer(clock=lambda: 1735689600.0)
    owner = server.store.put(config_map("owner"))
    server.load([owned("ConfigMap", "held", owner, api_version="v1", finalizers=["x/y"])])
    server.store.delete("configmaps", "owner", namespace="default")
    held = server.store.get("configmaps", "held", namespace="default")
    assert held["metadata"]["deletionTimestamp"] == "2025-01-01T00:00:00Z"
    held["metadata"]["finalizers"] = []
    server.store.put(held)
    assert server.store.get("configmaps", "held", namespace="default") is None


def test_a_changed_owner_decides_the_deletion():
    """The deletion of the old owner does not delete the object."""
    store = StandInApiServer().store
    first, second = store.put(config_map("first")), store.put(config_map("second"))
    store.put(owned("ConfigMap", "child", first, api_version="v1"))
    store.put(owned("ConfigMap", "child", second, api_version="v1"))
    store.delete("configmaps", "first", namespace="default")
    assert store.get("configmaps", "child", namespace="default")
    store.delete("configmaps", "second", namespace="default")
    assert store.get("configmaps", "child", namespace="default") is None


def test_a_deleted_namespace_deletes_its_contents():
    """They are deleted at once, because the stand-in has no namespace controller."""
    store = StandInApiServer().store
    store.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    store.put({**config_map("a"), "metadata": {"name": "a", "namespace": "n"}})
    store.put(config_map("b"))
    store.delete("namespaces", "n")
    assert store.get("configmaps", "a", namespace="n") is None
    assert store.get("configmaps", "b", namespace="default")
