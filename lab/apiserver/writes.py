"""Create, update, patch and delete: the fields that a client may change, and those that the server sets.

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
    """Stores a new object. Raises StatusError: 400, 404 (no such namespace), 409 or 422."""
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
    """Replaces an object, or only its status. Without a change, writes nothing. Raises StatusError (400 to 422)."""
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
    """Applies a JSON merge patch (RFC 7386): null removes a key, objects are merged, other values are replaced."""
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
    """Removes an object, or marks it if it has finalizers; `options`: DeleteOptions. Raises StatusError."""
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
    """The body, without the status if that is a subresource."""
    new = {**body, "kind": current["kind"], "apiVersion": current["apiVersion"]}
    new["metadata"] = _written_metadata(target, current, body)
    if target.version in target.collection.resource.status_versions:
        new.pop("status", None)
        new |= {"status": current["status"]} if "status" in current else {}
    return new


def _status_written(target: Target, current: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The status of the body; for built-in kinds also the metadata, as in the real server."""
    new = {key: value for key, value in current.items() if key != "status"}
    new |= {"status": body["status"]} if "status" in body else {}
    new["metadata"] = (
        dict(current["metadata"]) if target.collection.resource.custom else _written_metadata(target, current, body)
    )
    return new


def _counted(target: Target, obj: dict[str, Any]) -> dict[str, Any]:
    """The part of an object whose changes increase `metadata.generation`."""
    own_status = target.version in target.collection.resource.status_versions
    left_out = {"metadata", "status"} if own_status else {"metadata"}
    return {key: value for key, value in obj.items() if key not in left_out}


def _with_first_status(store: Store, resource: kinds.Resource, obj: dict[str, Any]) -> dict[str, Any]:
    """Adds the fields that the server, or a controller that always runs, sets on new objects of some kinds."""
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
