"""Requests for single objects: the stand-in behaves as a real API server."""

import datetime as dt
from typing import Any

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest

FINALIZER = "tests.example/hold"


async def test_the_server_sets_the_identity_of_a_new_object(api: ApiUnderTest):
    """These are uid, resourceVersion, creationTimestamp and namespace. Values of the client are ignored."""
    wish = objects.config_map(
        "a", data={"k": "v"}, uid="mine", creationTimestamp="2001-01-01T00:00:00Z", generation=7
    )
    made = await api.create(api.config_maps, wish)
    metadata = made["metadata"]
    assert metadata["namespace"] == api.namespace
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"] > "2020"
    assert int(metadata["resourceVersion"]) > 0
    assert made["data"] == {"k": "v"}
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    assert await api.get(f"{api.config_maps}/a") == made


async def test_generate_name_adds_five_characters(api: ApiUnderTest):
    """Two objects with the same generateName get different names."""
    wish = {"metadata": {"generateName": "made-"}}
    names = {(await api.create(api.config_maps, wish))["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("made-") and len(name) == 10 for name in names)


async def test_a_put_removes_missing_fields(api: ApiUnderTest):
    """Without a resourceVersion it is unconditional. The version increases, and the uid remains."""
    made = await api.create(api.config_maps, objects.config_map("a", data={"k": "1"}, labels={"x": "y"}))
    code, put = await api.request("PUT", f"{api.config_maps}/a", objects.config_map("a", data={"k": "2"}))
    assert code == 200
    assert put["data"] == {"k": "2"}
    assert "labels" not in put["metadata"]
    assert put["metadata"]["uid"] == made["metadata"]["uid"]
    assert int(put["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


async def test_a_stale_version_is_a_conflict(api: ApiUnderTest):
    """PUT and PATCH with an older resourceVersion are 409 Conflict, and change nothing."""
    made = await api.create(api.config_maps, objects.config_map("a", data={"k": "1"}))
    current = await api.patch(f"{api.config_maps}/a", {"data": {"k": "2"}})
    put = await api.request("PUT", f"{api.config_maps}/a", made)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"k": "3"}}
    patched = await api.request(
        "PATCH", f"{api.config_maps}/a", stale, **{"Content-Type": "application/merge-patch+json"}
    )
    for code, status in (put, patched):
        assert (code, status["reason"], status["details"]) == (409, "Conflict", {"name": "a", "kind": "configmaps"})
    assert await api.get(f"{api.config_maps}/a") == current


async def test_a_merge_patch_merges_objects_and_null_removes(api: ApiUnderTest):
    """The keys of the patch change, null removes a key, and other keys remain (RFC 7386)."""
    await api.create(api.config_maps, objects.config_map("a", data={"keep": "1", "drop": "2"}, labels={"x": "y"}))
    patched = await api.patch(f"{api.config_maps}/a", {"data": {"drop": None, "new": "3"}})
    assert patched["data"] == {"keep": "1", "new": "3"}
    assert patched["metadata"]["labels"] == {"x": "y"}


async def test_a_write_without_a_change_keeps_the_version(api: ApiUnderTest):
    """A patch with equal values does not change the resourceVersion."""
    made = await api.create(api.config_maps, objects.config_map("a", data={"k": "v"}))
    patched = await api.patch(f"{api.config_maps}/a", {"data": {"k": "v"}})
    assert patched["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_a_deleted_object_is_not_found(api: ApiUnderTest):
    """The response to DELETE is a Status with Success. The next GET is 404."""
    await api.create(api.config_maps, objects.config_map("a"))
    status = await api.delete(f"{api.config_maps}/a")
    assert (status["kind"], status["status"], status["details"]["name"]) == ("Status", "Success", "a")
    assert (await api.request("GET", f"{api.config_maps}/a")).code == 404


async def test_finalizers_delay_a_deletion(api: ApiUnderTest):
    """DELETE only sets deletionTimestamp. Removing the last finalizer deletes the object."""
    path = f"{api.config_maps}/a"
    await api.create(api.config_maps, objects.config_map("a", finalizers=[FINALIZER]))
    held = await api.delete(path)
    assert held["metadata"]["deletionTimestamp"] >= held["metadata"]["creationTimestamp"]
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert (await api.delete(path))["metadata"]["resourceVersion"] == held["metadata"]["resourceVersion"]
    assert (await api.get(path))["metadata"]["finalizers"] == [FINALIZER]
    await api.patch(path, {"metadata": {"finalizers": None}})
    assert (await api.request("GET", path)).code == 404


async def test_no_finalizer_can_be_added_to_a_deleted_object(api: ApiUnderTest):
    """The response is 422, because the deletion could be delayed indefinitely."""
    await api.create(api.config_maps, objects.config_map("a", finalizers=[FINALIZER]))
    await api.delete(f"{api.config_maps}/a")
    body = {"metadata": {"finalizers": [FINALIZER, "tests.example/late"]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    code, status = await api.request("PATCH", f"{api.config_maps}/a", body, **headers)
    assert (code, status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "metadata.finalizers"


async def test_a_deletion_can_have_a_precondition(api: ApiUnderTest):
    """The response is 409 if the uid differs."""
    made = await api.create(api.config_maps, objects.config_map("a"))
    wrong = await api.request("DELETE", f"{api.config_maps}/a", {"preconditions": {"uid": "another"}})
    assert (wrong.code, wrong.body["reason"]) == (409, "Conflict")
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert (await api.request("DELETE", f"{api.config_maps}/a", right)).code == 200


async def test_status_and_spec_of_a_job_have_separate_paths(api: ApiUnderTest):
    """The status of a new Job is dropped. Each path ignores the other part."""
    jobs = f"/apis/batch/v1/namespaces/{api.namespace}/jobs"
    made = await api.create(jobs, {**objects.job("j"), "status": {"active": 3}})
    assert not made.get("status")
    assert made["metadata"]["generation"] == 1
    started = {"active": 1, "startTime": "2026-01-01T00:00:00Z"}
    patched = await api.patch(f"{jobs}/j/status", {"status": started, "spec": {"suspend": True}})
    assert patched["status"] == started
    assert not patched["spec"].get("suspend")
    assert patched["metadata"]["generation"] == 1
    suspended = await api.patch(f"{jobs}/j", {"status": {"active": 9}, "spec": {"suspend": True}})
    assert suspended["status"] == started
    assert suspended["spec"]["suspend"] is True
    assert suspended["metadata"]["generation"] == 2
    assert (await api.delete(f"{jobs}/j?propagationPolicy=Background"))["status"] == "Success"


async def test_the_phase_of_a_pod_is_set_by_the_status_path(api: ApiUnderTest):
    """A new Pod is Pending. A fieldSelector finds the phase of the status."""
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    spec = {"containers": [{"name": "c", "image": "i"}]}
    made = await api.create(pods, {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Running"}})
    assert made["status"]["phase"] == "Pending"
    await api.patch(f"{pods}/p/status", {"status": {"phase": "Running"}})
    found = await api.get(f"{pods}?fieldSelector=status.phase%3DRunning")
    assert [each["metadata"]["name"] for each in found["items"]] == ["p"]
    assert (await api.get(f"{pods}?fieldSelector=status.phase!%3DRunning"))["items"] == []


async def a_pod(api: ApiUnderTest, **spec: Any) -> str:
    """The path of a new Pod on a node that does not exist."""
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    spec = {"nodeName": f"none-{api.namespace}", "containers": [{"name": "c", "image": "i"}], **spec}
    await api.create(pods, {"metadata": {"name": "p"}, "spec": spec})
    return f"{pods}/p"


def seconds_until_deletion(pod: dict[str, Any]) -> float:
    """The seconds from its creation to its deletionTimestamp."""
    meta = pod["metadata"]
    moments = [dt.datetime.fromisoformat(meta[key]) for key in ("creationTimestamp", "deletionTimestamp")]
    return (moments[1] - moments[0]).total_seconds()


@pytest.mark.parametrize(
    ("spec", "query", "seconds"),
    [
        ({}, "", 30),
        ({"terminationGracePeriodSeconds": 600}, "", 600),
        ({"terminationGracePeriodSeconds": 600}, "?gracePeriodSeconds=90", 90),
    ],
)
async def test_a_deleted_pod_terminates(api: ApiUnderTest, spec: dict[str, Any], query: str, seconds: int):
    """It remains until the kubelet has stopped it. It has the time of its end, and its status can be written."""
    path = await a_pod(api, **spec)
    pod = await api.delete(path + query)
    assert pod["metadata"]["deletionGracePeriodSeconds"] == seconds
    assert seconds <= seconds_until_deletion(pod) <= seconds + 20
    again = await api.delete(path)
    assert again["metadata"]["deletionTimestamp"] == pod["metadata"]["deletionTimestamp"]
    await api.patch(f"{path}/status", {"status": {"phase": "Running"}})
    current = await api.get(path)
    assert (current["status"]["phase"], current["metadata"]["deletionGracePeriodSeconds"]) == ("Running", seconds)
    assert current["metadata"]["generation"] == 2
    await api.delete(f"{path}?gracePeriodSeconds=0")
    assert (await api.request("GET", path)).code == 404


async def test_only_a_shorter_grace_period_applies(api: ApiUnderTest):
    """`kubectl delete --grace-period` has the same rule."""
    path = await a_pod(api)
    await api.delete(path)
    assert (await api.delete(f"{path}?gracePeriodSeconds=500"))["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (await api.delete(f"{path}?gracePeriodSeconds=5"))["metadata"]["deletionGracePeriodSeconds"] == 5
    await api.delete(f"{path}?gracePeriodSeconds=0")


async def test_a_finished_pod_is_deleted_at_once(api: ApiUnderTest):
    """The kubelet has nothing to stop."""
    path = await a_pod(api)
    await api.patch(f"{path}/status", {"status": {"phase": "Succeeded"}})
    await api.delete(path)
    assert (await api.request("GET", path)).code == 404


async def test_a_watch_shows_the_termination_and_deletion_of_a_pod(api: ApiUnderTest):
    """The events are MODIFIED with the deletionTimestamp, then DELETED."""
    path = await a_pod(api)
    version = (await api.get(path.removesuffix("/p")))["metadata"]["resourceVersion"]
    async with api.watch(path.removesuffix("/p"), f"resourceVersion={version}") as watch:
        await api.delete(path)
        await api.delete(f"{path}?gracePeriodSeconds=0")
        lines = [await watch.next()]
        while lines[-1]["type"] != "DELETED":
            lines.append(await watch.next())
    assert [line["type"] for line in lines[:1]] == ["MODIFIED"]
    assert all(line["object"]["metadata"]["deletionTimestamp"] for line in lines)


async def test_events_are_selected_by_their_object_and_reason(api: ApiUnderTest):
    """Field selectors support involvedObject and reason."""
    events = f"/api/v1/namespaces/{api.namespace}/events"
    about = {"kind": "Pod", "name": "p", "namespace": api.namespace}
    for reason in ("FailedMount", "Pulled"):
        body = {"metadata": {"generateName": "p."}, "involvedObject": about, "reason": reason, "message": "m"}
        await api.create(events, {**body, "type": "Warning"})
    selector = "involvedObject.kind%3DPod,involvedObject.name%3Dp,reason%3DFailedMount"
    found = await api.get(f"{events}?fieldSelector={selector}")
    assert [each["reason"] for each in found["items"]] == ["FailedMount"]


@pytest.mark.parametrize(
    ("path", "code"), [("/readyz", 200), ("/livez", 200), ("/version", 200), ("/nothing-here", 404)]
)
async def test_other_paths_are_served_as_well(api: ApiUnderTest, path: str, code: int):
    """The response of health checks is `ok`, and the version has a gitVersion. Other paths are 404."""
    answer = await api.request("GET", path)
    assert answer.code == code
    if path == "/version":
        assert answer.body["gitVersion"].startswith("v1.36.")
    elif code == 200:
        assert answer.body == "ok"
