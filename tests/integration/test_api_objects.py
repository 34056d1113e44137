"""Writing and reading single objects: the same on the stand-in as on a real API server."""

import datetime as dt
from typing import Any

import pytest

from lab.controlplane import objects
from tests.integration.api import ApiUnderTest

FINALIZER = "tests.example/hold"


async def test_a_new_object_gets_its_identity_from_the_server(api: ApiUnderTest):
    """uid, resourceVersion, creationTimestamp and namespace are set; what the client says of them is ignored."""
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


async def test_generate_name_makes_a_name_with_five_more_characters(api: ApiUnderTest):
    """Two objects with one generateName get different names that begin with it."""
    wish = {"metadata": {"generateName": "made-"}}
    names = {(await api.create(api.config_maps, wish))["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("made-") and len(name) == 10 for name in names)


async def test_a_put_replaces_what_it_leaves_out(api: ApiUnderTest):
    """A PUT without resourceVersion is unconditional for a ConfigMap; the version goes up, the uid stays."""
    made = await api.create(api.config_maps, objects.config_map("a", data={"k": "1"}, labels={"x": "y"}))
    code, put = await api.request("PUT", f"{api.config_maps}/a", objects.config_map("a", data={"k": "2"}))
    assert code == 200
    assert put["data"] == {"k": "2"}
    assert "labels" not in put["metadata"]
    assert put["metadata"]["uid"] == made["metadata"]["uid"]
    assert int(put["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


async def test_a_stale_version_is_a_conflict(api: ApiUnderTest):
    """PUT and PATCH with an older resourceVersion are refused with 409 Conflict, and change nothing."""
    made = await api.create(api.config_maps, objects.config_map("a", data={"k": "1"}))
    now = await api.patch(f"{api.config_maps}/a", {"data": {"k": "2"}})
    put = await api.request("PUT", f"{api.config_maps}/a", made)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"k": "3"}}
    patched = await api.request(
        "PATCH", f"{api.config_maps}/a", stale, **{"Content-Type": "application/merge-patch+json"}
    )
    for code, status in (put, patched):
        assert (code, status["reason"], status["details"]) == (409, "Conflict", {"name": "a", "kind": "configmaps"})
    assert await api.get(f"{api.config_maps}/a") == now


async def test_a_merge_patch_merges_objects_and_null_takes_away(api: ApiUnderTest):
    """RFC 7386: named keys change, null deletes, all else stays."""
    await api.create(api.config_maps, objects.config_map("a", data={"keep": "1", "drop": "2"}, labels={"x": "y"}))
    patched = await api.patch(f"{api.config_maps}/a", {"data": {"drop": None, "new": "3"}})
    assert patched["data"] == {"keep": "1", "new": "3"}
    assert patched["metadata"]["labels"] == {"x": "y"}


async def test_a_write_that_changes_nothing_makes_no_new_version(api: ApiUnderTest):
    """A patch to what is there already leaves the resourceVersion as it is."""
    made = await api.create(api.config_maps, objects.config_map("a", data={"k": "v"}))
    patched = await api.patch(f"{api.config_maps}/a", {"data": {"k": "v"}})
    assert patched["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_a_deleted_object_is_gone(api: ApiUnderTest):
    """DELETE answers with a Status of success, and the next GET is 404."""
    await api.create(api.config_maps, objects.config_map("a"))
    status = await api.delete(f"{api.config_maps}/a")
    assert (status["kind"], status["status"], status["details"]["name"]) == ("Status", "Success", "a")
    assert (await api.request("GET", f"{api.config_maps}/a")).code == 404


async def test_finalizers_hold_a_deleted_object(api: ApiUnderTest):
    """DELETE only sets deletionTimestamp; taking the last finalizer away removes the object."""
    path = f"{api.config_maps}/a"
    await api.create(api.config_maps, objects.config_map("a", finalizers=[FINALIZER]))
    held = await api.delete(path)
    assert held["metadata"]["deletionTimestamp"] >= held["metadata"]["creationTimestamp"]
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert (await api.delete(path))["metadata"]["resourceVersion"] == held["metadata"]["resourceVersion"]
    assert (await api.get(path))["metadata"]["finalizers"] == [FINALIZER]
    await api.patch(path, {"metadata": {"finalizers": None}})
    assert (await api.request("GET", path)).code == 404


async def test_no_finalizer_is_added_to_what_is_being_deleted(api: ApiUnderTest):
    """422: the deletion could be put off for ever."""
    await api.create(api.config_maps, objects.config_map("a", finalizers=[FINALIZER]))
    await api.delete(f"{api.config_maps}/a")
    body = {"metadata": {"finalizers": [FINALIZER, "tests.example/late"]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    code, status = await api.request("PATCH", f"{api.config_maps}/a", body, **headers)
    assert (code, status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "metadata.finalizers"


async def test_a_deletion_may_name_the_object_that_it_means(api: ApiUnderTest):
    """A precondition on another uid is 409, on the right one it deletes."""
    made = await api.create(api.config_maps, objects.config_map("a"))
    wrong = await api.request("DELETE", f"{api.config_maps}/a", {"preconditions": {"uid": "another"}})
    assert (wrong.code, wrong.body["reason"]) == (409, "Conflict")
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert (await api.request("DELETE", f"{api.config_maps}/a", right)).code == 200


async def test_a_job_keeps_status_and_spec_apart(api: ApiUnderTest):
    """The status of a new Job is dropped; its main path leaves the status alone, its status path the spec."""
    jobs = f"/apis/batch/v1/namespaces/{api.namespace}/jobs"
    made = await api.create(jobs, {**objects.job("j"), "status": {"active": 3}})
    assert not made.get("status")
    assert made["metadata"]["generation"] == 1
    started = {"active": 1, "startTime": "2026-01-01T00:00:00Z"}
    told = await api.patch(f"{jobs}/j/status", {"status": started, "spec": {"suspend": True}})
    assert told["status"] == started
    assert not told["spec"].get("suspend")
    assert told["metadata"]["generation"] == 1
    suspended = await api.patch(f"{jobs}/j", {"status": {"active": 9}, "spec": {"suspend": True}})
    assert suspended["status"] == started
    assert suspended["spec"]["suspend"] is True
    assert suspended["metadata"]["generation"] == 2
    assert (await api.delete(f"{jobs}/j?propagationPolicy=Background"))["status"] == "Success"


async def test_a_pod_starts_pending_and_is_told_its_phase_by_the_status_path(api: ApiUnderTest):
    """A phase given at creation is dropped; a fieldSelector finds the one that was written to the status."""
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    spec = {"containers": [{"name": "c", "image": "i"}]}
    made = await api.create(pods, {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Running"}})
    assert made["status"]["phase"] == "Pending"
    await api.patch(f"{pods}/p/status", {"status": {"phase": "Running"}})
    found = await api.get(f"{pods}?fieldSelector=status.phase%3DRunning")
    assert [each["metadata"]["name"] for each in found["items"]] == ["p"]
    assert (await api.get(f"{pods}?fieldSelector=status.phase!%3DRunning"))["items"] == []


async def a_pod(api: ApiUnderTest, **spec: Any) -> str:
    """A pod on a node that nobody plays; its path."""
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    spec = {"nodeName": f"none-{api.namespace}", "containers": [{"name": "c", "image": "i"}], **spec}
    await api.create(pods, {"metadata": {"name": "p"}, "spec": spec})
    return f"{pods}/p"


def seconds_of(pod: dict[str, Any]) -> float:
    """How long after its creation it will be gone."""
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
async def test_a_pod_that_is_deleted_terminates(api: ApiUnderTest, spec: dict[str, Any], query: str, seconds: int):
    """It stays until its kubelet has ended it, with the time of its end, and its status can still be written."""
    path = await a_pod(api, **spec)
    pod = await api.delete(path + query)
    assert pod["metadata"]["deletionGracePeriodSeconds"] == seconds
    assert seconds <= seconds_of(pod) <= seconds + 20
    again = await api.delete(path)
    assert again["metadata"]["deletionTimestamp"] == pod["metadata"]["deletionTimestamp"]
    await api.patch(f"{path}/status", {"status": {"phase": "Running"}})
    told = await api.get(path)
    assert (told["status"]["phase"], told["metadata"]["deletionGracePeriodSeconds"]) == ("Running", seconds)
    assert told["metadata"]["generation"] == 2
    await api.delete(f"{path}?gracePeriodSeconds=0")
    assert (await api.request("GET", path)).code == 404


async def test_a_shorter_grace_period_counts_and_a_longer_one_does_not(api: ApiUnderTest):
    """As kubectl delete --grace-period has it."""
    path = await a_pod(api)
    await api.delete(path)
    assert (await api.delete(f"{path}?gracePeriodSeconds=500"))["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (await api.delete(f"{path}?gracePeriodSeconds=5"))["metadata"]["deletionGracePeriodSeconds"] == 5
    await api.delete(f"{path}?gracePeriodSeconds=0")


async def test_a_pod_that_has_ended_is_gone_at_once(api: ApiUnderTest):
    """There is nothing to wait for."""
    path = await a_pod(api)
    await api.patch(f"{path}/status", {"status": {"phase": "Succeeded"}})
    await api.delete(path)
    assert (await api.request("GET", path)).code == 404


async def test_a_watch_sees_a_pod_terminate_and_go(api: ApiUnderTest):
    """MODIFIED with the time of its end, then DELETED."""
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


async def test_events_are_found_by_what_they_are_about(api: ApiUnderTest):
    """Both involvedObject and reason are fields that a selector may ask for."""
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
async def test_what_is_not_a_resource_answers_too(api: ApiUnderTest, path: str, code: int):
    """Health is the text `ok`, the version has a gitVersion that clients can read, all else is 404."""
    answer = await api.request("GET", path)
    assert answer.code == code
    if path == "/version":
        assert answer.body["gitVersion"].startswith("v1.36.")
    elif code == 200:
        assert answer.body == "ok"
