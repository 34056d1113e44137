"""Applies the objects of a world to a real API server, which sets creation times and UIDs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from lab.worlds.loading import key_of

__all__ = ["apply", "clear"]

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_MERGE_PATCH = "application/merge-patch+json"
_PLURALS = {
    "Namespace": "namespaces",
    "ConfigMap": "configmaps",
    "Pod": "pods",
    "Job": "jobs",
    "CodeRun": "coderuns",
    "BoltRun": "boltruns",
}
_DIFFERENCES = (("spec", "runType", "review"), ("status", "workCompleted", True))


def apply(plane: ControlPlane, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Creates each object with its status, and requests deletions. Returns the stored objects."""
    latest = {key_of(item): item for item in items if item["kind"] != "Event"}
    crds = [item for item in latest.values() if item["kind"] == "CustomResourceDefinition"]
    for crd in crds:
        _define(plane, crd)
    spaces = {item["metadata"].get("namespace") for item in latest.values()} - {None}
    for space in sorted(spaces):
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    uids: dict[str, str] = {}
    others = [item for item in latest.values() if item["kind"] not in {"CustomResourceDefinition", "Namespace"}]
    return [_create(plane, item, uids) for item in others]


def clear(plane: ControlPlane, stored: Sequence[Mapping[str, Any]]) -> None:
    """Deletes these objects and removes their finalizers."""
    for item in stored:
        path = f"{_collection(item)}/{item['metadata']['name']}"
        plane.request("PATCH", path, {"metadata": {"finalizers": None}}, content_type=_MERGE_PATCH)
        plane.request("DELETE", f"{path}?propagationPolicy=Background&gracePeriodSeconds=0")
        until(lambda path=path: plane.request("GET", path)[0] == 404, what=f"{path} is gone")


def _create(plane: ControlPlane, item: Mapping[str, Any], uids: dict[str, str]) -> dict[str, Any]:
    """`uids` maps UIDs of the files to those of the server. An owner is created before its dependents."""
    own = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
    metadata = {key: value for key, value in item["metadata"].items() if key not in own}
    owners = json.loads(json.dumps(metadata.get("ownerReferences", [])))
    for owner in owners:
        owner["uid"] = uids.get(owner["uid"], owner["uid"])
    body = {**item, "metadata": metadata | ({"ownerReferences": owners} if owners else {})}
    made = _ask(plane, "POST", _collection(item), body)
    if "uid" in item["metadata"]:
        uids[item["metadata"]["uid"]] = made["metadata"]["uid"]
    path = f"{_collection(item)}/{metadata['name']}"
    if "status" in item:
        _ask(plane, "PATCH", f"{path}/status", {"status": item["status"]}, content_type=_MERGE_PATCH)
    if "deletionTimestamp" in item["metadata"]:
        _ask(plane, "DELETE", path)
    found: dict[str, Any] = _ask(plane, "GET", path)
    return found


def _define(plane: ControlPlane, crd: Mapping[str, Any]) -> None:
    """Creates or replaces a CRD, and waits until its schema is in use."""
    path = f"{_CRDS}/{crd['metadata']['name']}"
    code, old = plane.request("GET", path)
    if code == 200:
        version = {"resourceVersion": old["metadata"]["resourceVersion"]}
        _ask(plane, "PUT", path, {**crd, "metadata": crd["metadata"] | version})
    else:
        _ask(plane, "POST", _CRDS, dict(crd))
    spec = crd["spec"]
    version = spec["versions"][0]
    api = f"{spec['group']}/{version['name']}"
    probe = f"/apis/{api}/namespaces/default/{spec['names']['plural']}?dryRun=All&fieldValidation=Strict"
    schema = version["schema"]["openAPIV3Schema"]
    smallest = {"apiVersion": api, "kind": spec["names"]["kind"], "metadata": {"name": "probe"}}
    smallest |= {"spec": _required(schema)}

    def is_in_use() -> bool:
        """The server accepts a minimal object, and accepts a field that other CRDs lack only if this CRD has it."""
        accepted = plane.request("POST", probe, smallest)[0] == 201
        for part, field, value in _DIFFERENCES:
            body = {**smallest, part: smallest.get(part, {}) | {field: value}}
            accepted &= (plane.request("POST", probe, body)[0] == 201) == _knows(schema, part, field)
        return accepted

    until(is_in_use, what=f"the schema of {crd['metadata']['name']} is in use")


def _knows(schema: Mapping[str, Any], part: str, field: str) -> bool:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return True
    return field in schema["properties"][part]["properties"]


def _required(schema: Mapping[str, Any]) -> dict[str, Any]:
    spec = schema.get("properties", {}).get("spec", {})
    known = spec.get("properties", {})
    return {name: 1 if known[name]["type"] == "integer" else "x" for name in spec.get("required", ())}


def _collection(item: Mapping[str, Any]) -> str:
    version, plural = item["apiVersion"], _PLURALS[item["kind"]]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{item['metadata']['namespace']}/{plural}"


def _ask(plane: ControlPlane, method: str, path: str, body: Any = None, **options: str) -> Any:
    code, answer = plane.request(method, path, body, **options)
    assert code in {200, 201}, f"{method} {path}: {code}: {answer}"
    return answer
