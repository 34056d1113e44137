"""Requests that are rejected, and the response: the stand-in behaves as a real API server."""

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
LIST_OPTIONS = {"group": "meta.k8s.io", "kind": "ListOptions"}


async def test_a_wrong_token_is_401(api: ApiUnderTest):
    """The Status of a list and of a watch gives no further reason."""
    for query in ("", "?watch=true"):
        assert await api.request("GET", api.config_maps + query, token="wrong") == (
            401,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": "Unauthorized",
                "reason": "Unauthorized",
                "code": 401,
            },
        )


async def test_a_missing_object_is_404(api: ApiUnderTest):
    """This applies to every method. The Status names the resource and the object."""
    expected = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "kind": "configmaps"},
        "code": 404,
    }
    path = f"{api.config_maps}/none"
    assert await api.request("GET", path) == (404, expected)
    assert await api.request("DELETE", path) == (404, expected)
    assert await api.request("PUT", path, objects.config_map("none")) == (404, expected)
    assert await api.request("PATCH", path, {"data": {}}, **MERGE_PATCH) == (404, expected)


async def test_the_message_has_the_group(api: ApiUnderTest):
    """It is `jobs.batch`. The details have the group, too."""
    code, status = await api.request("GET", f"/apis/batch/v1/namespaces/{api.namespace}/jobs/none")
    assert (code, status["message"]) == (404, 'jobs.batch "none" not found')
    assert status["details"] == {"name": "none", "group": "batch", "kind": "jobs"}


@pytest.mark.parametrize(
    "path", ["/api/v1/nothings", "/apis/batch/v1/nothings", "/api/v1/namespaces/x/pods/p/nothing"]
)
async def test_an_unknown_resource_of_a_known_group_is_404(api: ApiUnderTest, path: str):
    """The response is a Status."""
    code, status = await api.request("GET", path)
    assert (code, status["reason"]) == (404, "NotFound")
    assert status["message"] == "the server could not find the requested resource"


async def test_an_unknown_group_is_404(api: ApiUnderTest):
    """The response is plain text."""
    assert await api.request("GET", "/apis/nobody.example/v1/things") == (404, "404 page not found\n")


async def test_an_existing_name_is_409(api: ApiUnderTest):
    """The reason is AlreadyExists."""
    await api.create(api.config_maps, objects.config_map("a"))
    code, status = await api.request("POST", api.config_maps, objects.config_map("a"))
    assert (code, status["reason"], status["message"]) == (409, "AlreadyExists", 'configmaps "a" already exists')
    assert status["details"] == {"name": "a", "kind": "configmaps"}


@pytest.mark.parametrize(
    ("metadata", "cause"), [({}, "FieldValueRequired"), ({"name": "No_Good"}, "FieldValueInvalid")]
)
async def test_an_object_needs_a_valid_name(api: ApiUnderTest, metadata: dict, cause: str):
    """The Status is 422 Invalid and names the field."""
    code, status = await api.request("POST", api.config_maps, {"metadata": metadata})
    assert (code, status["reason"]) == (422, "Invalid")
    assert [(each["reason"], each["field"]) for each in status["details"]["causes"]] == [(cause, "metadata.name")]


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}},
        {"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "a"}},
        {"metadata": {"name": "a", "namespace": "another"}},
    ],
    ids=["not JSON", "another kind", "another version", "another namespace"],
)
async def test_a_body_that_does_not_match_its_path_is_400(api: ApiUnderTest, body: object):
    """The reason is BadRequest."""
    code, status = await api.request("POST", api.config_maps, body)
    assert (code, status["reason"]) == (400, "BadRequest")


async def test_a_custom_resource_needs_its_kind_and_version(api: ApiUnderTest, group: str):
    """The response is 400 without a kind or with another version, and 422 with another kind."""
    path = f"/apis/{group}/v1/namespaces/{api.namespace}/coderuns"
    run = objects.code_run("a", group=group)
    bodies = ({"metadata": {"name": "a"}}, run | {"apiVersion": f"{group}/v9"}, run | {"kind": "Other"})
    assert [(await api.request("POST", path, body)).code for body in bodies] == [400, 400, 422]


async def test_a_namespace_must_exist_before_objects_are_created(api: ApiUnderTest):
    """The Status is 404 and names the namespace."""
    code, status = await api.request("POST", "/api/v1/namespaces/nowhere/configmaps", objects.config_map("a"))
    assert (code, status["message"]) == (404, 'namespaces "nowhere" not found')


async def test_a_new_object_must_not_have_a_version(api: ApiUnderTest):
    """A real server responds with 500."""
    code, status = await api.request("POST", api.config_maps, objects.config_map("a", resourceVersion="5"))
    assert (code, status["message"]) == (500, "resourceVersion should not be set on objects to be created")


async def test_a_name_and_a_uid_cannot_be_changed(api: ApiUnderTest):
    """The code is 400 for another name, 422 for a patch of the uid, and 409 for a PUT with another uid."""
    await api.create(api.config_maps, objects.config_map("a"))
    path = f"{api.config_maps}/a"
    assert (await api.request("PUT", path, objects.config_map("b"))).code == 400
    assert (await api.request("PATCH", path, {"metadata": {"name": "b"}}, **MERGE_PATCH)).code == 400
    assert (await api.request("PATCH", path, {"metadata": {"uid": "x"}}, **MERGE_PATCH)).code == 422
    assert (await api.request("PUT", path, objects.config_map("a", uid="x"))).code == 409


@pytest.mark.parametrize(
    ("method", "suffix"), [("PUT", ""), ("PATCH", ""), ("POST", "/a"), ("HEAD", ""), ("OPTIONS", "/a")]
)
async def test_an_unsupported_method_is_405(api: ApiUnderTest, method: str, suffix: str):
    """The reason is MethodNotAllowed."""
    code, status = await api.request(method, api.config_maps + suffix, {})
    assert code == 405
    if method != "HEAD":
        assert status["reason"] == "MethodNotAllowed"


async def test_a_patch_of_an_unknown_type_is_415(api: ApiUnderTest):
    """The content type of a patch must not be application/json."""
    await api.create(api.config_maps, objects.config_map("a"))
    code, status = await api.request("PATCH", f"{api.config_maps}/a", {"data": {}})
    assert (code, status["reason"]) == (415, "UnsupportedMediaType")


async def test_a_patch_must_be_an_object(api: ApiUnderTest):
    """A list is 400."""
    await api.create(api.config_maps, objects.config_map("a"))
    assert (await api.request("PATCH", f"{api.config_maps}/a", b"[1]", **MERGE_PATCH)).code == 400


async def test_an_unknown_propagation_policy_is_422(api: ApiUnderTest):
    """The reason is Invalid, and the kind in the details is DeleteOptions."""
    await api.create(api.config_maps, objects.config_map("a"))
    code, status = await api.request("DELETE", f"{api.config_maps}/a?propagationPolicy=Sideways")
    assert (code, status["reason"], status["details"]["kind"]) == (422, "Invalid", "DeleteOptions")


@pytest.mark.parametrize(
    ("query", "field", "cause"),
    [
        ("watch=1&sendInitialEvents=true", "resourceVersionMatch", "FieldValueForbidden"),
        ("watch=1&sendInitialEvents=false", "resourceVersionMatch", "FieldValueForbidden"),
        ("watch=1&resourceVersionMatch=NotOlderThan", "resourceVersionMatch", "FieldValueForbidden"),
        ("watch=1&continue=x", "resourceVersionMatch", "FieldValueForbidden"),
        ("sendInitialEvents=true", "sendInitialEvents", "FieldValueForbidden"),
        ("resourceVersionMatch=Exact", "resourceVersionMatch", "FieldValueForbidden"),
        ("resourceVersion=0&resourceVersionMatch=Exact", "resourceVersionMatch", "FieldValueForbidden"),
        ("resourceVersion=1&resourceVersionMatch=Newest", "resourceVersionMatch", "FieldValueNotSupported"),
    ],
)
async def test_invalid_combinations_of_parameters_are_422(api: ApiUnderTest, query: str, field: str, cause: str):
    """KEP-3157 and the rules for resourceVersionMatch define them. The details have ListOptions and the field."""
    code, status = await api.request("GET", f"{api.config_maps}?{query}")
    assert (code, status["reason"]) == (422, "Invalid")
    assert LIST_OPTIONS.items() <= status["details"].items()
    assert [(each["field"], each["reason"]) for each in status["details"]["causes"]] == [(field, cause)]


async def test_two_errors_are_two_causes(api: ApiUnderTest):
    """With Exact, sendInitialEvents has two errors, and the message has both."""
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact"
    code, status = await api.request("GET", f"{api.config_maps}?{query}")
    assert (code, len(status["details"]["causes"])) == (422, 2)
    assert status["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting '
        "resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "
        '"Exact": supported values: "NotOlderThan"]'
    )


@pytest.mark.parametrize(
    "query",
    [
        "limit=many",
        "watch=1&timeoutSeconds=soon",
        "resourceVersion=newest",
        "continue=nonsense",
        "labelSelector=a%20b",
        "labelSelector=a%20near%20(b)",
        "labelSelector=-a-",
        "fieldSelector=metadata.name",
        "fieldSelector=data.k%3D1",
    ],
)
async def test_an_invalid_query_is_400(api: ApiUnderTest, query: str):
    """The reason is BadRequest."""
    code, status = await api.request("GET", f"{api.config_maps}?{query}")
    assert (code, status["reason"]) == (400, "BadRequest")


async def test_a_watch_from_an_invalid_version_is_500(api: ApiUnderTest):
    """A list would be 400. A real API server does the same."""
    code, status = await api.request("GET", f"{api.config_maps}?watch=1&resourceVersion=newest")
    assert (code, status.get("reason")) == (500, None)


async def test_a_continue_token_excludes_a_version(api: ApiUnderTest):
    """400, because the token contains a version."""
    for name in ("a", "b"):
        await api.create(api.config_maps, objects.config_map(name))
    token = (await api.get(f"{api.config_maps}?limit=1"))["metadata"]["continue"]
    code, status = await api.request("GET", f"{api.config_maps}?continue={token}&resourceVersion=5")
    assert (code, status["message"]) == (400, "specifying resource version is not allowed when using continue")
