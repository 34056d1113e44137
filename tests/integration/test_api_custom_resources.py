"""CustomResourceDefinitions and their objects: the stand-in behaves as a real API server."""

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def code_runs(api: ApiUnderTest, group: str) -> str:
    """The path of the CodeRuns in the namespace of the test."""
    return f"/apis/{group}/v1/namespaces/{api.namespace}/coderuns"


async def test_a_crd_serves_its_resource_until_it_is_deleted(api: ApiUnderTest):
    """Before and after, the response is 404 with plain text. In between it is an empty list."""
    group = f"{api.namespace}.example"
    path = f"/apis/{group}/v1/coderuns"
    assert await api.request("GET", path) == (404, "404 page not found\n")
    await api.create(CRDS, objects.crd(group))
    await api.until_code(path, 200)
    listed = await api.get(path)
    assert (listed["kind"], listed["apiVersion"], listed["items"]) == ("CodeRunList", f"{group}/v1", [])
    await api.delete(f"{CRDS}/coderuns.{group}")
    await api.until_code(path, 404)
    assert await api.request("GET", path) == (404, "404 page not found\n")


async def test_a_deleted_crd_deletes_its_objects_and_ends_watches(api: ApiUnderTest):
    """A watch gets DELETED for each object, then the stream ends."""
    group = f"{api.namespace}.example"
    code_runs = f"/apis/{group}/v1/namespaces/{api.namespace}/coderuns"
    await api.create(CRDS, objects.crd(group))
    await api.until_code(code_runs, 200)
    for name in ("a", "b"):
        await api.create(code_runs, objects.code_run(name, group=group))
    version = (await api.get(code_runs))["metadata"]["resourceVersion"]
    async with api.watch(code_runs, f"resourceVersion={version}") as watch:
        await api.delete(f"{CRDS}/coderuns.{group}")
        lines = await watch.rest()
    gone = [line["object"]["metadata"]["name"] for line in lines if line["type"] == "DELETED"]
    assert sorted(gone) == ["a", "b"]
    assert {line["type"] for line in lines} <= {"MODIFIED", "DELETED"}


async def test_a_crd_has_the_condition_established(api: ApiUnderTest, group: str):
    """Clients wait for this condition."""
    status = (await api.get(f"{CRDS}/coderuns.{group}"))["status"]
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"


async def test_a_crd_must_have_the_name_of_its_resource(api: ApiUnderTest):
    """Otherwise the response is 422."""
    body = {**objects.crd(f"{api.namespace}.example"), "metadata": {"name": "other"}}
    code, status = await api.request("POST", CRDS, body)
    assert (code, status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "metadata.name"


async def test_items_of_a_list_of_custom_resources_have_a_kind(api: ApiUnderTest, group: str, code_runs: str):
    """Items of built-in kinds have none."""
    made = await api.create(code_runs, objects.code_run("a", group=group))
    assert (await api.get(code_runs))["items"] == [made]
    assert (made["kind"], made["apiVersion"]) == ("CodeRun", f"{group}/v1")


async def test_every_served_version_has_the_same_objects(api: ApiUnderTest, group: str, code_runs: str):
    """Only the apiVersion differs. A version that is not served is 404."""
    made = await api.create(code_runs, objects.code_run("a", group=group))
    beta = await api.get(f"{code_runs.replace('/v1/', '/v1beta1/')}/a")
    assert beta["apiVersion"] == f"{group}/v1beta1"
    assert (beta["spec"], beta["metadata"]["uid"]) == (made["spec"], made["metadata"]["uid"])
    assert (await api.request("GET", code_runs.replace("/v1/", "/v2/"))).code == 404


async def test_status_and_spec_have_separate_paths(api: ApiUnderTest, group: str, code_runs: str):
    """Each path ignores the other part. The generation counts only changes of the spec."""
    made = await api.create(code_runs, {**objects.code_run("a", group=group), "status": {"phase": "Running"}})
    assert "status" not in made
    assert made["metadata"]["generation"] == 1
    path = f"{code_runs}/a"
    body = {"status": {"phase": "Failed"}, "spec": {"taskId": 2}, "metadata": {"labels": {"x": "y"}}}
    patched = await api.patch(f"{path}/status", body)
    assert (patched["status"], patched["spec"]["taskId"]) == ({"phase": "Failed"}, 1)
    assert "labels" not in patched["metadata"]
    assert patched["metadata"]["generation"] == 1
    changed = await api.patch(path, body | {"status": {"phase": "Succeeded"}})
    assert (changed["status"], changed["spec"]["taskId"]) == ({"phase": "Failed"}, 2)
    assert changed["metadata"]["labels"] == {"x": "y"}
    assert changed["metadata"]["generation"] == 2
    assert await api.get(f"{path}/status") == changed


async def test_a_status_on_the_main_path_is_ignored(api: ApiUnderTest, group: str, code_runs: str):
    """The resource version does not change either."""
    made = await api.create(code_runs, objects.code_run("a", group=group))
    assert await api.patch(f"{code_runs}/a", {"status": {"phase": "Running"}}) == made


async def test_a_put_of_the_status_needs_the_current_version(api: ApiUnderTest, group: str, code_runs: str):
    """409 if the version is stale. 422 if it is missing, which is an error only for custom resources."""
    made = await api.create(code_runs, objects.code_run("a", group=group))
    code, put = await api.request("PUT", f"{code_runs}/a/status", {**made, "status": {"phase": "Running"}})
    assert (code, put["status"]) == (200, {"phase": "Running"})
    stale = await api.request("PUT", f"{code_runs}/a/status", {**made, "status": {"phase": "Failed"}})
    assert (stale.code, stale.body["reason"]) == (409, "Conflict")
    assert stale.body["details"] == {"name": "a", "group": group, "kind": "coderuns"}
    missing = await api.request("PUT", f"{code_runs}/a", objects.code_run("a", group=group))
    assert (missing.code, missing.body["reason"]) == (422, "Invalid")


async def test_a_deletion_increments_the_generation(api: ApiUnderTest, group: str, code_runs: str):
    """An object with a finalizer has the next generation after DELETE."""
    await api.create(code_runs, objects.code_run("a", group=group, finalizers=["tests.example/hold"]))
    held = await api.delete(f"{code_runs}/a")
    assert held["metadata"]["generation"] == 2
    await api.patch(f"{code_runs}/a", {"metadata": {"finalizers": []}})
    assert (await api.request("GET", f"{code_runs}/a")).code == 404


async def test_a_watch_list_streams_custom_resources(api: ApiUnderTest, group: str, code_runs: str):
    """The bookmark has their kind, and the objects have the requested version."""
    await api.create(code_runs, objects.code_run("a", group=group))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.watch(code_runs.replace("/v1/", "/v1beta1/"), query) as watch:
        added, bookmark = await watch.until("BOOKMARK")
    assert added["object"]["metadata"]["name"] == "a"
    for line in (added, bookmark):
        assert (line["object"]["kind"], line["object"]["apiVersion"]) == ("CodeRun", f"{group}/v1beta1")
