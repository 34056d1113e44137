"""Discovery, by which the exporter checks names of kinds: the stand-in behaves as a real API server."""

from tests.integration.api import ApiUnderTest

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def test_a_version_lists_its_resources_with_their_kinds(api: ApiUnderTest, group: str):
    """The list has the plural and the kind of the CRD."""
    found = await api.get(f"/apis/{group}/v1")
    assert (found["kind"], found["groupVersion"]) == ("APIResourceList", f"{group}/v1")
    named = {item["name"]: (item["kind"], item["namespaced"]) for item in found["resources"]}
    assert named["coderuns"] == ("CodeRun", True)


async def test_groups_are_listed_with_their_versions(api: ApiUnderTest, group: str):
    """The list has the groups of CRDs and built-in groups."""
    found = await api.get("/apis")
    assert found["kind"] == "APIGroupList"
    versions = {item["name"]: {each["version"] for each in item["versions"]} for item in found["groups"]}
    assert versions[group] == {"v1", "v1beta1"}
    assert "v1" in versions["batch"]


async def test_a_version_or_group_that_is_not_served_is_a_404(api: ApiUnderTest, group: str):
    """The response is plain text."""
    for path in (f"/apis/{group}/v7", "/apis/nowhere.example/v1"):
        assert await api.request("GET", path) == (404, "404 page not found\n")


async def test_the_core_group_lists_its_resources(api: ApiUnderTest):
    """Its path is /api/v1."""
    found = await api.get("/api/v1")
    assert ("configmaps", "ConfigMap") in {(item["name"], item["kind"]) for item in found["resources"]}
