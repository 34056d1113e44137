"""Watches: the stand-in behaves as a real API server."""

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest

WATCH_LIST = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


def summary(lines: list[dict]) -> list[tuple[str, str]]:
    """The type and name of each event."""
    return [(line["type"], line["object"]["metadata"].get("name", "")) for line in lines]


async def version_of(api: ApiUnderTest) -> str:
    """The current resource version of the test's ConfigMaps."""
    return (await api.get(api.config_maps))["metadata"]["resourceVersion"]


async def test_a_watch_has_each_change_once_and_in_order(api: ApiUnderTest):
    """ADDED, MODIFIED and DELETED have complete objects, including kind and apiVersion."""
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


async def test_a_watch_starts_after_its_version(api: ApiUnderTest):
    """It has the changes after this version, and none before."""
    await api.create(api.config_maps, objects.config_map("old"))
    version = await version_of(api)
    await api.create(api.config_maps, objects.config_map("a"))
    await api.delete(f"{api.config_maps}/old")
    async with api.watch(api.config_maps, f"resourceVersion={version}") as watch:
        assert summary([await watch.next(), await watch.next()]) == [("ADDED", "a"), ("DELETED", "old")]


@pytest.mark.parametrize("query", ["", "resourceVersion=0"])
async def test_a_watch_without_a_version_starts_with_all_objects(api: ApiUnderTest, query: str):
    """Each object is ADDED first, also with the version 0."""
    for name in ("b", "a"):
        await api.create(api.config_maps, objects.config_map(name))
    async with api.watch(api.config_maps, query) as watch:
        assert sorted(summary([await watch.next(), await watch.next()])) == [("ADDED", "a"), ("ADDED", "b")]
        await api.delete(f"{api.config_maps}/b")
        assert summary([await watch.next()]) == [("DELETED", "b")]


async def test_a_watch_list_ends_its_initial_events_with_a_bookmark(api: ApiUnderTest):
    """The server sends ADDED for each object, a BOOKMARK with an annotation, and then changes (KEP-3157)."""
    for name in ("a", "b"):
        await api.create(api.config_maps, objects.config_map(name))
    version = await version_of(api)
    async with api.watch(api.config_maps, WATCH_LIST) as watch:
        *initial, bookmark = await watch.until("BOOKMARK")
        await api.create(api.config_maps, objects.config_map("c"))
        after = await watch.next()
    assert sorted(summary(initial)) == [("ADDED", "a"), ("ADDED", "b")]
    assert bookmark["object"]["metadata"]["annotations"] == INITIAL_EVENTS_END
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) >= int(version) - 1
    assert (bookmark["object"]["kind"], bookmark["object"]["apiVersion"]) == ("ConfigMap", "v1")
    assert summary([after]) == [("ADDED", "c")]


async def test_a_watch_list_without_objects_has_only_a_bookmark(api: ApiUnderTest):
    """The client then knows that there are no objects. Here a selector matches none."""
    await api.create(api.config_maps, objects.config_map("a"))
    async with api.watch(api.config_maps, f"{WATCH_LIST}&labelSelector=none") as watch:
        assert (await watch.next())["object"]["metadata"]["annotations"] == INITIAL_EVENTS_END


async def test_a_watch_list_from_an_expired_version_is_current(api: ApiUnderTest):
    """NotOlderThan an old version includes the current one, so that there is no 410."""
    await api.create(api.config_maps, objects.config_map("a"))
    version = await version_of(api)
    await api.compact()
    async with api.watch(api.config_maps, f"{WATCH_LIST}&resourceVersion={version}") as watch:
        assert summary(await watch.until("BOOKMARK"))[0] == ("ADDED", "a")


async def test_bookmarks_must_be_requested(api: ApiUnderTest):
    """Without allowWatchBookmarks, the end of the initial events is not marked."""
    await api.create(api.config_maps, objects.config_map("a"))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
    async with api.watch(api.config_maps, query) as watch:
        assert summary(await watch.rest()) == [("ADDED", "a")]


async def test_a_watch_without_initial_events_begins_now(api: ApiUnderTest):
    """With sendInitialEvents=false and no version, only later changes are sent."""
    await api.create(api.config_maps, objects.config_map("a"))
    await version_of(api)  # now the watch cache of the real server contains the object
    query = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
    async with api.watch(api.config_maps, query) as watch:
        await api.create(api.config_maps, objects.config_map("b"))
        assert summary([await watch.next()]) == [("ADDED", "b")]


async def test_a_bookmark_precedes_the_timeout_of_a_watch(api: ApiUnderTest):
    """It is sent two seconds before the timeout, so that the client can continue from its version."""
    query = f"resourceVersion={await version_of(api)}&allowWatchBookmarks=true&timeoutSeconds=3"
    async with api.watch(api.config_maps, query) as watch:
        made = await api.create(api.config_maps, objects.config_map("a"))
        added, bookmark, *others = await watch.rest()  # a real server may send a second bookmark
    assert summary([added]) == [("ADDED", "a")]
    for line in (bookmark, *others):
        assert line["type"] == "BOOKMARK"
        assert int(line["object"]["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
        assert "annotations" not in line["object"]["metadata"]


async def test_a_change_of_labels_adds_and_deletes_objects(api: ApiUnderTest):
    """A watch with a labelSelector shows only objects that match."""
    query = f"resourceVersion={await version_of(api)}&labelSelector=on%3Dyes"
    path = f"{api.config_maps}/a"
    async with api.watch(api.config_maps, query) as watch:
        await api.create(api.config_maps, objects.config_map("a"))
        for value, data in (("yes", "1"), ("yes", "2"), ("no", "3"), ("yes", "4")):
            last = await api.patch(path, {"metadata": {"labels": {"on": value}}, "data": {"k": data}})
        await api.delete(path)
        lines = [await watch.next() for _ in range(5)]
    assert [line["type"] for line in lines] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    assert [line["object"]["data"]["k"] for line in lines] == ["1", "2", "2", "4", "4"]
    assert lines[2]["object"]["metadata"]["labels"] == {"on": "yes"}
    assert int(lines[1]["object"]["metadata"]["resourceVersion"]) < int(
        lines[2]["object"]["metadata"]["resourceVersion"]
    )
    assert lines[3]["object"] == last


async def test_one_object_can_be_watched_by_its_name(api: ApiUnderTest):
    """The field selector is metadata.name. Other objects are not shown."""
    query = f"resourceVersion={await version_of(api)}&fieldSelector=metadata.name%3Da"
    async with api.watch(api.config_maps, query) as watch:
        for name in ("b", "a"):
            await api.create(api.config_maps, objects.config_map(name))
        assert summary([await watch.next()]) == [("ADDED", "a")]


async def test_a_watch_has_only_objects_of_its_namespace(api: ApiUnderTest):
    """Changes in other namespaces are not sent."""
    neighbour = f"{api.namespace}-b"
    await api.create("/api/v1/namespaces", objects.namespace(neighbour))
    async with api.watch(api.config_maps, f"resourceVersion={await version_of(api)}") as watch:
        await api.create(f"/api/v1/namespaces/{neighbour}/configmaps", objects.config_map("other"))
        await api.create(api.config_maps, objects.config_map("a"))
        assert summary([await watch.next()]) == [("ADDED", "a")]


async def test_a_watch_of_all_namespaces_has_objects_of_each(api: ApiUnderTest):
    """Its path has no namespace."""
    query = f"resourceVersion={await version_of(api)}&fieldSelector=metadata.namespace%3D{api.namespace}"
    async with api.watch("/api/v1/configmaps", query) as watch:
        await api.create(api.config_maps, objects.config_map("a"))
        assert summary([await watch.next()]) == [("ADDED", "a")]


async def test_a_deletion_with_finalizers_has_two_events(api: ApiUnderTest):
    """MODIFIED with a deletionTimestamp, then DELETED when the last finalizer is removed."""
    await api.create(api.config_maps, objects.config_map("a", finalizers=["tests.example/hold"]))
    async with api.watch(api.config_maps, f"resourceVersion={await version_of(api)}") as watch:
        await api.delete(f"{api.config_maps}/a")
        await api.patch(f"{api.config_maps}/a", {"metadata": {"finalizers": None}})
        modified, deleted = await watch.next(), await watch.next()
    assert summary([modified, deleted]) == [("MODIFIED", "a"), ("DELETED", "a")]
    assert modified["object"]["metadata"]["deletionTimestamp"]


async def test_a_watch_from_an_expired_version_is_410(api: ApiUnderTest):
    """HTTP 200 with one event of type ERROR that has a Status, then the stream ends."""
    version = await version_of(api)
    await api.create(api.config_maps, objects.config_map("a"))
    await api.compact()
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


async def test_a_watch_list_from_a_future_version_is_504(api: ApiUnderTest):
    """An event of type ERROR, because the server cannot have the requested state."""
    async with api.watch(api.config_maps, f"{WATCH_LIST}&resourceVersion=999999999") as watch:
        (line,) = await watch.rest()
    assert (line["type"], line["object"]["code"], line["object"]["reason"]) == ("ERROR", 504, "Timeout")


async def test_a_watch_from_a_future_version_has_no_events(api: ApiUnderTest):
    """It waits for this version."""
    await api.create(api.config_maps, objects.config_map("a"))
    async with api.watch(api.config_maps, "resourceVersion=999999999&timeoutSeconds=1") as watch:
        assert await watch.rest() == []
