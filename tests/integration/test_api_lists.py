"""Pages, selectors and versions of lists: the stand-in behaves as a real API server."""

import asyncio
import urllib.parse

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest


def names(listed: dict) -> list[str]:
    """The names of the items, in the order of the list."""
    return [each["metadata"]["name"] for each in listed["items"]]


@pytest.fixture
async def filled_api(api: ApiUnderTest) -> ApiUnderTest:
    """The server with the ConfigMaps a to e. `tier` is a label of a to c, and `team` of c and d."""
    labels = [{"tier": "1"}, {"tier": "2"}, {"tier": "2", "team": "x"}, {"team": "y"}, {}]
    for name, each in zip("caebd", (labels["abcde".index(name)] for name in "caebd"), strict=True):
        await api.create(api.config_maps, objects.config_map(name, labels=each))
    return api


async def test_a_list_has_a_version_and_sorted_items(filled_api: ApiUnderTest):
    """Items of a built-in kind have no kind and no apiVersion."""
    listed = await filled_api.get(filled_api.config_maps)
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert names(listed) == list("abcde")
    assert not {"kind", "apiVersion"} & set(listed["items"][0])
    assert set(listed["metadata"]) == {"resourceVersion"}


async def test_a_list_in_an_unknown_namespace_is_empty(api: ApiUnderTest):
    """The response is 200 and not 404."""
    listed = await api.get("/api/v1/namespaces/nowhere/configmaps")
    assert listed["items"] == []


async def test_all_namespaces_are_listed_together(filled_api: ApiUnderTest):
    """The path without a namespace lists objects of all namespaces. A fieldSelector can select one."""
    query = f"fieldSelector=metadata.namespace%3D{filled_api.namespace}"
    assert names(await filled_api.get(f"/api/v1/configmaps?{query}")) == list("abcde")


async def test_a_list_has_only_objects_of_its_namespace(filled_api: ApiUnderTest):
    """The name of another namespace may have the same prefix."""
    neighbour = f"{filled_api.namespace}-b"
    await filled_api.create("/api/v1/namespaces", objects.namespace(neighbour))
    await filled_api.create(f"/api/v1/namespaces/{neighbour}/configmaps", objects.config_map("other"))
    assert names(await filled_api.get(filled_api.config_maps)) == list("abcde")
    assert names(await filled_api.get(f"/api/v1/namespaces/{neighbour}/configmaps")) == ["other"]


async def test_all_pages_have_the_same_version(filled_api: ApiUnderTest):
    """It is that of the first page, despite later writes. Each page has the number of remaining items."""
    page = await filled_api.get(f"{filled_api.config_maps}?limit=2")
    version = page["metadata"]["resourceVersion"]
    pages = [page]
    await filled_api.delete(f"{filled_api.config_maps}/c")
    await filled_api.create(filled_api.config_maps, objects.config_map("bb"))
    await filled_api.patch(f"{filled_api.config_maps}/e", {"data": {"late": "1"}})
    while token := pages[-1]["metadata"].get("continue"):
        pages.append(await filled_api.get(f"{filled_api.config_maps}?limit=2&continue={token}"))
    assert [names(each) for each in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert [each["metadata"].get("remainingItemCount") for each in pages] == [3, 1, None]
    assert {each["metadata"]["resourceVersion"] for each in pages} == {version}
    assert not pages[-1]["items"][0].get("data")
    assert names(await filled_api.get(filled_api.config_maps)) == ["a", "b", "bb", "d", "e"]


async def test_a_page_with_all_items_is_the_last(filled_api: ApiUnderTest):
    """It has no token for an empty page."""
    assert "continue" not in (await filled_api.get(f"{filled_api.config_maps}?limit=5"))["metadata"]


async def test_pages_with_a_selector_have_no_remaining_item_count(filled_api: ApiUnderTest):
    """A page is filled with matching items."""
    page = await filled_api.get(f"{filled_api.config_maps}?limit=2&labelSelector=tier")
    assert names(page) == ["a", "b"]
    assert "remainingItemCount" not in page["metadata"]
    token = page["metadata"]["continue"]
    last = await filled_api.get(f"{filled_api.config_maps}?limit=2&labelSelector=tier&continue={token}")
    assert names(last) == ["c"]
    assert "continue" not in last["metadata"]


async def test_an_expired_continue_token_is_410_with_a_new_token(filled_api: ApiUnderTest):
    """The new token lists the rest at the current version. The message calls the result inconsistent."""
    page = await filled_api.get(f"{filled_api.config_maps}?limit=2")
    await filled_api.delete(f"{filled_api.config_maps}/c")
    await filled_api.compact()
    token = page["metadata"]["continue"]
    code, status = await filled_api.request("GET", f"{filled_api.config_maps}?limit=2&continue={token}")
    assert (code, status["reason"], status["code"]) == (410, "Expired", 410)
    rest = await filled_api.get(f"{filled_api.config_maps}?limit=5&continue={status['metadata']['continue']}")
    assert names(rest) == ["d", "e"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=2", "bc"),
        ("tier==2", "bc"),
        ("tier!=2", "ade"),
        ("tier in (1, 3)", "a"),
        ("tier notin (1,3)", "bcde"),
        ("tier", "abc"),
        ("!tier", "de"),
        ("tier,team", "c"),
        ("tier in (1,2),team notin (x)", "ab"),
        ("", "abcde"),
    ],
)
async def test_a_label_selector_selects(filled_api: ApiUnderTest, selector: str, expected: str):
    """Equality, sets and existence. An object without the label matches `!=` and `notin`."""
    listed = await filled_api.get(f"{filled_api.config_maps}?labelSelector={urllib.parse.quote(selector)}")
    assert names(listed) == list(expected)


async def test_a_field_selector_selects_by_name(filled_api: ApiUnderTest):
    """The selector is metadata.name. It can be negated, and combined with a label selector."""
    path = filled_api.config_maps
    assert names(await filled_api.get(f"{path}?fieldSelector=metadata.name%3Db")) == ["b"]
    assert names(await filled_api.get(f"{path}?fieldSelector=metadata.name!%3Db")) == list("acde")
    assert names(await filled_api.get(f"{path}?fieldSelector=metadata.name%3Db&labelSelector=team")) == []


async def test_a_list_can_have_an_exact_version(filled_api: ApiUnderTest):
    """With resourceVersionMatch=Exact the list is that of the past, with NotOlderThan it is the current one."""
    version = (await filled_api.get(f"{filled_api.config_maps}/a"))["metadata"]["resourceVersion"]
    await filled_api.patch(f"{filled_api.config_maps}/c", {"data": {"late": "1"}})
    await filled_api.delete(f"{filled_api.config_maps}/a")
    query = f"resourceVersion={version}&resourceVersionMatch"
    past = await filled_api.get(f"{filled_api.config_maps}?{query}=Exact")
    present = await filled_api.get(f"{filled_api.config_maps}?{query}=NotOlderThan")
    assert names(past) == ["a", "c"]
    assert not past["items"][1].get("data")
    assert past["metadata"]["resourceVersion"] == version
    assert names(present) == list("bcde")
    assert int(present["metadata"]["resourceVersion"]) > int(version)


async def test_resource_version_zero_ignores_the_limit(filled_api: ApiUnderTest):
    """The watch cache returns the complete list, at a version that may be older than the last writes."""
    path = f"{filled_api.config_maps}?limit=2&resourceVersion=0"
    listed = await filled_api.get(path)
    while "continue" not in listed["metadata"] and len(names(listed)) < 5:
        await asyncio.sleep(0.02)
        listed = await filled_api.get(path)
    assert names(listed) == list("abcde")


async def test_a_future_version_is_504(api: ApiUnderTest):
    """The Status has the cause and the seconds until a retry, which are also in Retry-After."""
    code, status = await api.request("GET", f"{api.config_maps}?resourceVersion=999999999")
    assert (code, status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert status["details"]["retryAfterSeconds"] == 1
