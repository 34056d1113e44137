"""What a write may change, and what the server sets itself: create, update, delete.

Source: the Kubernetes API conventions ("Metadata", "Spec and Status", "Concurrency Control and Consistency"), the
pages on finalizers, and RFC 7386 for the merge patch.
"""

from typing import Any

from lab.apiserver import checks, kinds, status
from lab.apiserver.collection import Stored
from lab.apiserver.store import Store, object_key
from lab.apiserver.targets import Target

__all__ = ["create", "delete", "merge", "update"]

SERVERS_OWN = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)
FIRST_STATUS = {"Pod": {"phase": "Pending"}, "Namespace": {"phase": "Active"}}
ESTABLISHED = (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))


def create(store: Store, target: Target, body: dict[str, Any]) -> Stored:
    """Store a new object. StatusError 400, 404 (no such namespace), 409 or 422."""
    resource = target.collection.resource
    checks.check_kind(target, body)
    name = checks.checked_name(target, body)
    if target.namespace and target.namespace not in store.collections[kinds.NAMESPACES].objects:
        raise status.not_found(kinds.NAMESPACES, "", target.namespace)
    key = object_key(target.namespace, name)
    if key in target.collection.objects:
        raise status.already_exists(resource.plural, resource.group, name)
    metadata = {
        **_clients_own(checks.metadata_of(body)),
        **({"namespace": target.namespace} if target.namespace else {}),
        **({"generation": 1} if resource.generations else {}),
        "name": name,
        "uid": store.uid(),
        "creationTimestamp": store.now(),
    }
    obj = {**body, "metadata": metadata}
    if target.version in resource.status_versions:
        obj.pop("status", None)
    return store.commit(target.collection, key, _with_first_status(store, resource, obj))


def update(store: Store, target: Target, body: dict[str, Any], *, patch: bool = False) -> Stored:
    """Replace an object, or its status alone. StatusError 400, 404, 409 or 422. What changes nothing is no write."""
    old = target.stored()
    current = store.decode(target.collection, old, version=target.version)
    checks.check_kind(target, body)
    checks.check_identity(target, current["metadata"], body, patch=patch)
    new = _status_written(target, current, body) if target.subresource else _main_written(target, current, body)
    checks.check_finalizers(target, current["metadata"], new["metadata"])
    if new == current:
        return old
    if target.collection.resource.generations and _counted(target, new) != _counted(target, current):
        new["metadata"]["generation"] = current["metadata"].get("generation", 0) + 1
    return store.commit(target.collection, target.key, new)


def merge(document: Any, patch: Any) -> Any:
    """A JSON merge patch applied (RFC 7386): null takes away, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def delete(store: Store, target: Target, options: dict[str, Any]) -> Stored:
    """Remove an object or, while it has finalizers, mark it. `options`: DeleteOptions. StatusError 404, 409, 422."""
    stored = target.stored()
    metadata = store.decode(target.collection, stored)["metadata"]
    checks.check_deletion(target, metadata, options)
    policy = options.get("propagationPolicy") or ("Orphan" if target.collection.resource.orphans else "Background")
    seconds = options.get("gracePeriodSeconds")
    return store.discard(
        target.collection, target.key, cascade=policy != "Orphan", seconds=None if seconds is None else int(seconds)
    )


def _clients_own(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in SERVERS_OWN}


def _written_metadata(target: Target, current: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    servers_own = {key: current["metadata"][key] for key in SERVERS_OWN if key in current["metadata"]}
    namespace = {"namespace": target.namespace} if target.namespace else {}
    return {**_clients_own(checks.metadata_of(body)), **servers_own, **namespace}


def _main_written(target: Target, current: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """All of the body, except for the status where that has a path of its own."""
    new = {**body, "kind": current["kind"], "apiVersion": current["apiVersion"]}
    new["metadata"] = _written_metadata(target, current, body)
    if target.version in target.collection.resource.status_versions:
        new.pop("status", None)
        new |= {"status": current["status"]} if "status" in current else {}
    return new


def _status_written(target: Target, current: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The status of the body; for built-in kinds, as the real server has it, the metadata too."""
    new = {key: value for key, value in current.items() if key != "status"}
    new |= {"status": body["status"]} if "status" in body else {}
    new["metadata"] = (
        dict(current["metadata"]) if target.collection.resource.custom else _written_metadata(target, current, body)
    )
    return new


def _counted(target: Target, obj: dict[str, Any]) -> dict[str, Any]:
    """The part whose changes `metadata.generation` counts."""
    own_status = target.version in target.collection.resource.status_versions
    left_out = {"metadata", "status"} if own_status else {"metadata"}
    return {key: value for key, value in obj.items() if key not in left_out}


def _with_first_status(store: Store, resource: kinds.Resource, obj: dict[str, Any]) -> dict[str, Any]:
    """What the server, or a controller that is always there, sets on a new object of some kinds."""
    if resource.qualified == kinds.CRDS:
        conditions = [
            {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": store.now(), "message": ""}
            for kind, reason in ESTABLISHED
        ]
        return {**obj, "status": {"conditions": conditions}}
    if resource.qualified == kinds.NAMESPACES:
        labels = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": obj["metadata"]["name"]}
        obj = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
    first = FIRST_STATUS.get(resource.kind)
    return {**obj, "status": first} if first else obj
