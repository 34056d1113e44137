"""Lists: pages, selectors, versions. The same on the stand-in as on a real API server."""

import urllib.parse

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest


def names(listed: dict) -> list[str]:
    """The names of a list's items, in the order that they came in."""
    return [each["metadata"]["name"] for each in listed["items"]]


@pytest.fixture
async def five(api: ApiUnderTest) -> ApiUnderTest:
    """The server with ConfigMaps a to e; the labels of a and b are `tier`, those of c and d also `team`."""
    labels = [{"tier": "1"}, {"tier": "2"}, {"tier": "2", "team": "x"}, {"team": "y"}, {}]
    for name, each in zip("caebd", (labels["abcde".index(name)] for name in "caebd"), strict=True):
        await api.create(api.config_maps, objects.config_map(name, labels=each))
    return api


async def test_a_list_has_a_version_and_its_items_sorted(five: ApiUnderTest):
    """A list of a built-in kind leaves kind and apiVersion out of its items."""
    listed = await five.get(five.config_maps)
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert names(listed) == list("abcde")
    assert not {"kind", "apiVersion"} & set(listed["items"][0])
    assert set(listed["metadata"]) == {"resourceVersion"}


async def test_a_namespace_that_is_not_there_is_an_empty_list(api: ApiUnderTest):
    """200 and no items, not 404."""
    listed = await api.get("/api/v1/namespaces/nowhere/configmaps")
    assert listed["items"] == []


async def test_all_namespaces_are_listed_together(five: ApiUnderTest):
    """The path without a namespace has the objects of this one too; a fieldSelector can narrow it down again."""
    query = f"fieldSelector=metadata.namespace%3D{five.namespace}"
    assert names(await five.get(f"/api/v1/configmaps?{query}")) == list("abcde")


async def test_a_namespace_is_listed_without_its_neighbours(five: ApiUnderTest):
    """Also when the name of one begins with that of the other."""
    neighbour = f"{five.namespace}-b"
    await five.create("/api/v1/namespaces", objects.namespace(neighbour))
    await five.create(f"/api/v1/namespaces/{neighbour}/configmaps", objects.config_map("other"))
    assert names(await five.get(five.config_maps)) == list("abcde")
    assert names(await five.get(f"/api/v1/namespaces/{neighbour}/configmaps")) == ["other"]


async def test_pages_together_are_the_list_at_one_version(five: ApiUnderTest):
    """Every page is of the first one's version, whatever is written in between, and says how many are left."""
    page = await five.get(f"{five.config_maps}?limit=2")
    version = page["metadata"]["resourceVersion"]
    pages = [page]
    await five.delete(f"{five.config_maps}/c")
    await five.create(five.config_maps, objects.config_map("bb"))
    await five.patch(f"{five.config_maps}/e", {"data": {"late": "1"}})
    while token := pages[-1]["metadata"].get("continue"):
        pages.append(await five.get(f"{five.config_maps}?limit=2&continue={token}"))
    assert [names(each) for each in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert [each["metadata"].get("remainingItemCount") for each in pages] == [3, 1, None]
    assert {each["metadata"]["resourceVersion"] for each in pages} == {version}
    assert not pages[-1]["items"][0].get("data")
    assert names(await five.get(five.config_maps)) == ["a", "b", "bb", "d", "e"]


async def test_a_page_that_is_as_long_as_the_list_is_the_last(five: ApiUnderTest):
    """No token is given for an empty page to come."""
    assert "continue" not in (await five.get(f"{five.config_maps}?limit=5"))["metadata"]


async def test_pages_of_a_selection_do_not_count_what_is_left(five: ApiUnderTest):
    """With a selector, remainingItemCount is left out, and a page is filled with what matches."""
    page = await five.get(f"{five.config_maps}?limit=2&labelSelector=tier")
    assert names(page) == ["a", "b"]
    assert "remainingItemCount" not in page["metadata"]
    token = page["metadata"]["continue"]
    last = await five.get(f"{five.config_maps}?limit=2&labelSelector=tier&continue={token}")
    assert names(last) == ["c"]
    assert "continue" not in last["metadata"]


async def test_a_forgotten_page_is_410_with_a_token_to_go_on(five: ApiUnderTest):
    """The new token gives the rest of what there is now, which the text calls inconsistent."""
    page = await five.get(f"{five.config_maps}?limit=2")
    await five.delete(f"{five.config_maps}/c")
    await five.forget_versions()
    token = page["metadata"]["continue"]
    code, status = await five.request("GET", f"{five.config_maps}?limit=2&continue={token}")
    assert (code, status["reason"], status["code"]) == (410, "Expired", 410)
    rest = await five.get(f"{five.config_maps}?limit=5&continue={status['metadata']['continue']}")
    assert names(rest) == ["d", "e"]


@pytest.mark.parametrize(
    ("selector", "wanted"),
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
async def test_a_label_selector_selects(five: ApiUnderTest, selector: str, wanted: str):
    """Equality, sets and existence; what lacks the label matches `!=` and `notin`."""
    listed = await five.get(f"{five.config_maps}?labelSelector={urllib.parse.quote(selector)}")
    assert names(listed) == list(wanted)


async def test_a_field_selector_selects_by_name(five: ApiUnderTest):
    """metadata.name, also negated, also together with a label."""
    path = five.config_maps
    assert names(await five.get(f"{path}?fieldSelector=metadata.name%3Db")) == ["b"]
    assert names(await five.get(f"{path}?fieldSelector=metadata.name!%3Db")) == list("acde")
    assert names(await five.get(f"{path}?fieldSelector=metadata.name%3Db&labelSelector=team")) == []


async def test_a_list_can_be_of_an_exact_version(five: ApiUnderTest):
    """resourceVersionMatch=Exact gives the past, which nobody may have asked for before; NotOlderThan the present."""
    version = (await five.get(f"{five.config_maps}/a"))["metadata"]["resourceVersion"]  # the second one made
    await five.patch(f"{five.config_maps}/c", {"data": {"late": "1"}})
    await five.delete(f"{five.config_maps}/a")
    query = f"resourceVersion={version}&resourceVersionMatch"
    past = await five.get(f"{five.config_maps}?{query}=Exact")
    present = await five.get(f"{five.config_maps}?{query}=NotOlderThan")
    assert names(past) == ["a", "c"]
    assert not past["items"][1].get("data")
    assert past["metadata"]["resourceVersion"] == version
    assert names(present) == list("bcde")
    assert int(present["metadata"]["resourceVersion"]) > int(version)


async def test_version_zero_knows_no_pages(five: ApiUnderTest):
    """From the watch cache, at any version, the whole list comes whatever the limit."""
    assert len((await five.get(f"{five.config_maps}?limit=2&resourceVersion=0"))["items"]) == 5


async def test_a_version_that_is_to_come_is_504(api: ApiUnderTest):
    """The Status names the cause and when to try again, and so does Retry-After."""
    code, status = await api.request("GET", f"{api.config_maps}?resourceVersion=999999999")
    assert (code, status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert status["details"]["retryAfterSeconds"] == 1
