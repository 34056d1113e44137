"""Watches: the same on the stand-in as on a real API server."""

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest

WATCH_LIST = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


def told(lines: list[dict]) -> list[tuple[str, str]]:
    """Type and name of each line."""
    return [(line["type"], line["object"]["metadata"].get("name", "")) for line in lines]


async def version_of(api: ApiUnderTest) -> str:
    """The present version of the test's ConfigMaps."""
    return (await api.get(api.config_maps))["metadata"]["resourceVersion"]


async def test_a_watch_tells_each_change_once_and_in_order(api: ApiUnderTest):
    """From a list's version on: ADDED, MODIFIED, DELETED, with the whole object, kind and apiVersion too."""
    await api.create(api.config_maps, objects.config_map("before"))
    async with api.watch(api.config_maps, f"resourceVersion={await version_of(api)}") as watch:
        made = await api.create(api.config_maps, objects.config_map("a"))
        changed = await api.patch(f"{api.config_maps}/a", {"data": {"k": "v"}})
        await api.delete(f"{api.config_maps}/a")
        added, modified, deleted = [await watch.next() for _ in range(3)]
    assert added == {"type": "ADDED", "object": made}
    assert modified == {"type": "MODIFIED", "object": changed}
    assert deleted["type"] == "DELETED"
    last = deleted["object"]
    assert last["data"] == {"k": "v"}
    assert int(last["metadata"]["resourceVersion"]) > int(changed["metadata"]["resourceVersion"])


async def test_a_watch_tells_what_happened_before_it_began(api: ApiUnderTest):
    """Changes after the version that it starts from are not lost, and those before are not told."""
    await api.create(api.config_maps, objects.config_map("old"))
    version = await version_of(api)
    await api.create(api.config_maps, objects.config_map("a"))
    await api.delete(f"{api.config_maps}/old")
    async with api.watch(api.config_maps, f"resourceVersion={version}") as watch:
        assert told([await watch.next(), await watch.next()]) == [("ADDED", "a"), ("DELETED", "old")]


@pytest.mark.parametrize("query", ["", "resourceVersion=0"])
async def test_a_watch_from_nowhere_begins_with_what_there_is(api: ApiUnderTest, query: str):
    """Without a version, or from 0, each object is ADDED first."""
    for name in ("b", "a"):
        await api.create(api.config_maps, objects.config_map(name))
    async with api.watch(api.config_maps, query) as watch:
        assert sorted(told([await watch.next(), await watch.next()])) == [("ADDED", "a"), ("ADDED", "b")]
        await api.delete(f"{api.config_maps}/b")
        assert told([await watch.next()]) == [("DELETED", "b")]


async def test_a_watch_list_ends_its_initial_events_with_a_bookmark(api: ApiUnderTest):
    """KEP-3157: ADDED for each object, then a BOOKMARK with the annotation; then it goes on as any watch."""
    for name in ("a", "b"):
        await api.create(api.config_maps, objects.config_map(name))
    version = await version_of(api)
    async with api.watch(api.config_maps, WATCH_LIST) as watch:
        *initial, bookmark = await watch.until("BOOKMARK")
        await api.create(api.config_maps, objects.config_map("c"))
        after = await watch.next()
    assert sorted(told(initial)) == [("ADDED", "a"), ("ADDED", "b")]
    assert bookmark["object"]["metadata"]["annotations"] == INITIAL_EVENTS_END
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) >= int(version) - 1
    assert (bookmark["object"]["kind"], bookmark["object"]["apiVersion"]) == ("ConfigMap", "v1")
    assert told([after]) == [("ADDED", "c")]


async def test_a_watch_list_of_nothing_is_a_bookmark_alone(api: ApiUnderTest):
    """So that a client knows that nothing is all there is; with a selector too."""
    await api.create(api.config_maps, objects.config_map("a"))
    async with api.watch(api.config_maps, f"{WATCH_LIST}&labelSelector=none") as watch:
        assert (await watch.next())["object"]["metadata"]["annotations"] == INITIAL_EVENTS_END


async def test_a_watch_list_starts_over_from_a_forgotten_version(api: ApiUnderTest):
    """NotOlderThan an old version is the present: no 410."""
    await api.create(api.config_maps, objects.config_map("a"))
    version = await version_of(api)
    await api.forget_versions()
    async with api.watch(api.config_maps, f"{WATCH_LIST}&resourceVersion={version}") as watch:
        assert told(await watch.until("BOOKMARK"))[0] == ("ADDED", "a")


async def test_no_bookmark_comes_unasked(api: ApiUnderTest):
    """Without allowWatchBookmarks, initial events have no visible end."""
    await api.create(api.config_maps, objects.config_map("a"))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
    async with api.watch(api.config_maps, query) as watch:
        assert told(await watch.rest()) == [("ADDED", "a")]


async def test_a_watch_without_initial_events_begins_now(api: ApiUnderTest):
    """sendInitialEvents=false and no version: only what comes is told."""
    await api.create(api.config_maps, objects.config_map("a"))
    await version_of(api)  # the real server's watch cache now knows of it
    query = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
    async with api.watch(api.config_maps, query) as watch:
        await api.create(api.config_maps, objects.config_map("b"))
        assert told([await watch.next()]) == [("ADDED", "b")]


async def test_a_bookmark_comes_before_a_watch_times_out(api: ApiUnderTest):
    """Two seconds before timeoutSeconds the client is told a version to go on from; then the stream ends."""
    query = f"resourceVersion={await version_of(api)}&allowWatchBookmarks=true&timeoutSeconds=3"
    async with api.watch(api.config_maps, query) as watch:
        made = await api.create(api.config_maps, objects.config_map("a"))
        added, bookmark, *others = await watch.rest()  # a real server may send a second bookmark
    assert told([added]) == [("ADDED", "a")]
    for line in (bookmark, *others):
        assert line["type"] == "BOOKMARK"
        assert int(line["object"]["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
        assert "annotations" not in line["object"]["metadata"]


async def test_what_comes_to_match_is_added_and_what_no_longer_does_is_deleted(api: ApiUnderTest):
    """A watch with a labelSelector shows objects as if no others existed."""
    query = f"resourceVersion={await version_of(api)}&labelSelector=on%3Dyes"
    path = f"{api.config_maps}/a"
    async with api.watch(api.config_maps, query) as watch:
        await api.create(api.config_maps, objects.config_map("a"))
        for value, data in (("yes", "1"), ("yes", "2"), ("no", "3"), ("yes", "4")):
            now = await api.patch(path, {"metadata": {"labels": {"on": value}}, "data": {"k": data}})
        await api.delete(path)
        lines = [await watch.next() for _ in range(5)]
    assert [line["type"] for line in lines] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    assert [line["object"]["data"]["k"] for line in lines] == ["1", "2", "2", "4", "4"]
    assert lines[2]["object"]["metadata"]["labels"] == {"on": "yes"}
    assert int(lines[1]["object"]["metadata"]["resourceVersion"]) < int(
        lines[2]["object"]["metadata"]["resourceVersion"]
    )
    assert lines[3]["object"] == now


async def test_one_object_can_be_watched_by_its_name(api: ApiUnderTest):
    """fieldSelector=metadata.name: nothing is told of the others, whatever the namespace."""
    query = f"resourceVersion={await version_of(api)}&fieldSelector=metadata.name%3Da"
    async with api.watch(api.config_maps, query) as watch:
        for name in ("b", "a"):
            await api.create(api.config_maps, objects.config_map(name))
        assert told([await watch.next()]) == [("ADDED", "a")]


async def test_a_watch_of_a_namespace_tells_nothing_of_its_neighbours(api: ApiUnderTest):
    """What happens elsewhere has no line."""
    neighbour = f"{api.namespace}-b"
    await api.create("/api/v1/namespaces", objects.namespace(neighbour))
    async with api.watch(api.config_maps, f"resourceVersion={await version_of(api)}") as watch:
        await api.create(f"/api/v1/namespaces/{neighbour}/configmaps", objects.config_map("other"))
        await api.create(api.config_maps, objects.config_map("a"))
        assert told([await watch.next()]) == [("ADDED", "a")]


async def test_a_watch_of_all_namespaces_tells_of_this_one(api: ApiUnderTest):
    """The path without a namespace."""
    query = f"resourceVersion={await version_of(api)}&fieldSelector=metadata.namespace%3D{api.namespace}"
    async with api.watch("/api/v1/configmaps", query) as watch:
        await api.create(api.config_maps, objects.config_map("a"))
        assert told([await watch.next()]) == [("ADDED", "a")]


async def test_a_deletion_with_finalizers_is_told_in_two_steps(api: ApiUnderTest):
    """MODIFIED with a deletionTimestamp, then DELETED when the last finalizer is taken away."""
    await api.create(api.config_maps, objects.config_map("a", finalizers=["tests.example/hold"]))
    async with api.watch(api.config_maps, f"resourceVersion={await version_of(api)}") as watch:
        await api.delete(f"{api.config_maps}/a")
        await api.patch(f"{api.config_maps}/a", {"metadata": {"finalizers": None}})
        modified, deleted = await watch.next(), await watch.next()
    assert told([modified, deleted]) == [("MODIFIED", "a"), ("DELETED", "a")]
    assert modified["object"]["metadata"]["deletionTimestamp"]


async def test_a_watch_from_a_forgotten_version_is_told_410(api: ApiUnderTest):
    """HTTP 200, one line of type ERROR with a Status, and the end."""
    version = await version_of(api)
    await api.create(api.config_maps, objects.config_map("a"))
    await api.forget_versions()
    async with api.watch(api.config_maps, f"resourceVersion={version}") as watch:
        (line,) = await watch.rest()
    assert line["type"] == "ERROR"
    status = line["object"]
    assert (status["kind"], status["code"], status["reason"], status["status"]) == (
        "Status",
        410,
        "Expired",
        "Failure",
    )
    assert status["message"].startswith(f"too old resource version: {version} (")


async def test_a_watch_list_from_the_future_is_told_504(api: ApiUnderTest):
    """As a line of type ERROR: the server cannot show a state that is not older than that."""
    async with api.watch(api.config_maps, f"{WATCH_LIST}&resourceVersion=999999999") as watch:
        (line,) = await watch.rest()
    assert (line["type"], line["object"]["code"], line["object"]["reason"]) == ("ERROR", 504, "Timeout")


async def test_a_watch_from_the_future_is_silent(api: ApiUnderTest):
    """No error and no lines: it waits for its time."""
    await api.create(api.config_maps, objects.config_map("a"))
    async with api.watch(api.config_maps, "resourceVersion=999999999&timeoutSeconds=1") as watch:
        assert await watch.rest() == []
