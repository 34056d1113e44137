"""All objects of the stand-in: one version counter, one collection for each resource, and cascading deletion.

Synchronous, without `await`, so that every request sees a consistent state. Objects are copied on input and output;
no caller shares a part of a stored object.
"""

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from lab.apiserver import grace, kinds
from lab.apiserver.collection import Change, Collection, Stored, version_opening
from lab.apiserver.kinds import Resource

__all__ = ["Store", "object_key"]


class Store:
    """The objects by resource.

    `clock` returns seconds since the epoch for the timestamps that the server sets, `uid` returns UIDs.

    `put`, `get` and `delete` are for tests and simulations: they skip the validation of requests. A resource is named
    by its plural, with the group if the plural is not unique (`jobs`, `coderuns.agents.platform`).
    """

    def __init__(self, *, clock: Callable[[], float], uid: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        self.uid = uid
        self.revision = 1
        self.beats = 0  # how often all watches were asked for a bookmark
        self.collections = {each.qualified: Collection(each, oldest=0) for each in kinds.BUILT_IN}
        self._clock = clock
        self._dependents: dict[str, set[tuple[str, str]]] = {}  # owner's uid -> (resource, key)
        for name in ("default", "kube-system"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def put(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Creates or replaces an object, including its status. Returns the stored object.

        Sets uid, creationTimestamp, generation and namespace (`default`) if they are missing, or keeps those of the
        old object. Raises LookupError for a kind that is not served.
        """
        collection = self.collection_of(obj.get("apiVersion", ""), obj.get("kind", ""))
        return self.decode(collection, self.insert(obj))

    def insert(self, obj: dict[str, Any]) -> Stored:
        """As `put`, for many objects: nothing is decoded again."""
        collection = self.collection_of(obj.get("apiVersion", ""), obj.get("kind", ""))
        resource = collection.resource
        metadata = obj["metadata"]
        namespace = (metadata.get("namespace") or "default") if resource.namespaced else ""
        key = object_key(namespace, metadata["name"])
        old = collection.objects.get(key)
        kept = self.decode(collection, old)["metadata"] if old else {}
        metadata = {
            "uid": kept.get("uid") or self.uid(),
            "creationTimestamp": kept.get("creationTimestamp") or self.now(),
            **({"namespace": namespace} if namespace else {}),
            **({"generation": kept.get("generation", 1)} if resource.generations else {}),
            **metadata,
        }
        if resource.kind == "Pod" and metadata.get("deletionTimestamp"):
            metadata.setdefault("deletionGracePeriodSeconds", grace.DEFAULT_SECONDS)
        return self.commit(collection, key, {**obj, "metadata": metadata})

    def get(self, resource: str, name: str, *, namespace: str = "") -> dict[str, Any] | None:
        """An object, or None. LookupError for a resource that is not served."""
        collection = self.collection(resource)
        stored = collection.objects.get(object_key(namespace, name))
        return self.decode(collection, stored) if stored else None

    def delete(self, resource: str, name: str, *, namespace: str = "") -> None:
        """As a DELETE with propagationPolicy=Background: finalizers block it. Raises KeyError if it is unknown."""
        self.discard(self.collection(resource), object_key(namespace, name), cascade=True)

    def compact(self) -> None:
        """Drops all earlier versions; open watches continue."""
        for collection in self.collections.values():
            collection.oldest = self.revision

    def beat(self) -> None:
        """Sends a bookmark to every watch that accepts bookmarks, after all previous events."""
        self.beats += 1
        for collection in self.collections.values():
            collection.wake()

    def collection(self, resource: str) -> Collection:
        """The collection by the resource's name."""
        if resource in self.collections:
            return self.collections[resource]
        found = [each for each in self.collections.values() if each.resource.plural == resource]
        if len(found) != 1:
            raise LookupError(f"{resource} is not one of {', '.join(sorted(self.collections))}")
        return found[0]

    def collection_of(self, api_version: str, kind: str) -> Collection:
        """The collection for objects of this kind."""
        group, _, version = api_version.rpartition("/")
        for each in self.collections.values():
            resource = each.resource
            if resource.kind == kind and resource.group == group and version in resource.versions:
                return each
        raise LookupError(f"no resource is served for kind {kind!r} of apiVersion {api_version!r}")

    def commit(self, collection: Collection, key: str, obj: dict[str, Any]) -> Stored:
        """Stores an object with a new version, or removes it if it is being deleted and nothing blocks that."""
        if grace.is_over(obj["metadata"]) and key in collection.objects:
            return self.remove(collection, key, cascade=not collection.resource.orphans)
        declared = kinds.from_crd(obj) if collection.resource.qualified == kinds.CRDS else None
        self.revision += 1
        old = collection.objects.get(key)
        new = _encoded(collection.resource, key, self.revision, obj)
        self._note_owners(collection, key, old=old.owners if old else (), new=new.owners)
        collection.record(Change(self.revision, old, new))
        if declared is not None:
            self._serve(declared)
        return new

    def discard(self, collection: Collection, key: str, *, cascade: bool, seconds: int | None = None) -> Stored:
        """Removes an object, or marks it as being deleted while finalizers or its grace period block that.

        Returns the removed or marked object. `seconds` is the requested grace period of a pod.
        """
        old = collection.objects[key]
        obj = self.decode(collection, old)
        metadata = obj["metadata"]
        left = grace.period(obj, wanted=seconds)
        if not metadata.get("finalizers") and not left:
            return self.remove(collection, key, cascade=cascade)
        if metadata.get("deletionTimestamp") and (
            seconds is None or left >= metadata.get("deletionGracePeriodSeconds", 0)
        ):
            return old
        obj["metadata"] = grace.marked(metadata, seconds=left, now=self._clock())
        return self.commit(collection, key, obj)

    def remove(self, collection: Collection, key: str, *, cascade: bool) -> Stored:
        """Removes an object immediately, with its contents and, if `cascade`, its dependents."""
        self.revision += 1
        old = collection.objects[key]
        self._note_owners(collection, key, old=old.owners, new=())
        collection.record(Change(self.revision, old, None))
        obj = self.decode(collection, old)
        if collection.resource.qualified == kinds.CRDS:
            self._withdraw(key)
        elif collection.resource.qualified == kinds.NAMESPACES:
            self._empty(key)
        if cascade:
            for resource, dependent in sorted(self._dependents.get(obj["metadata"]["uid"], ())):
                owned = self.collections[resource]
                if dependent in owned.objects:
                    self.discard(owned, dependent, cascade=True)
        return old

    def decode(self, collection: Collection, stored: Stored, *, version: str | None = None) -> dict[str, Any]:
        """A stored object as a new dict, in one version of the API (by default the first)."""
        opening = collection.resource.opening(version or collection.resource.versions[0])
        decoded: dict[str, Any] = msgspec.json.decode(opening + stored.tail)
        return decoded

    def now(self) -> str:
        """The current time as RFC 3339, in whole seconds, as in metadata."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))

    def _serve(self, resource: Resource) -> None:
        served = self.collections.get(resource.qualified)
        if served is None:
            self.collections[resource.qualified] = Collection(resource, oldest=self.revision)
        else:
            served.resource = resource

    def _withdraw(self, resource: str) -> None:
        collection = self.collections[resource]
        for key in list(collection.objects):
            self.remove(collection, key, cascade=False)
        del self.collections[resource]
        collection.ended = True
        collection.wake()

    def _empty(self, namespace: str) -> None:
        for collection in self.collections.values():
            for key in [key for key in collection.objects if key.startswith(f"{namespace}/")]:
                if key in collection.objects:
                    self.remove(collection, key, cascade=True)

    def _note_owners(self, collection: Collection, key: str, *, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        if old == new:
            return
        entry = (collection.resource.qualified, key)
        for uid in old:
            dependents = self._dependents[uid]
            dependents.discard(entry)
            if not dependents:
                del self._dependents[uid]
        for uid in new:
            self._dependents.setdefault(uid, set()).add(entry)


def object_key(namespace: str, name: str) -> str:
    """The key of an object in its collection. As in etcd, `/` sorts the namespaces."""
    return f"{namespace}/{name}" if namespace else name


def _encoded(resource: Resource, key: str, revision: int, obj: dict[str, Any]) -> Stored:
    metadata = {each: value for each, value in obj["metadata"].items() if each != "resourceVersion"}
    rest = {each: value for each, value in obj.items() if each not in {"apiVersion", "kind", "metadata"}}
    tail = b"".join(
        (
            version_opening(revision),
            b",",
            msgspec.json.encode(metadata)[1:],
            *((b",", msgspec.json.encode(rest)[1:]) if rest else (b"}",)),
        )
    )
    return Stored(
        key=key,
        revision=revision,
        labels={sys.intern(each): value for each, value in (metadata.get("labels") or {}).items()},
        fields=dict(_fields(resource, obj)),
        owners=tuple(dict.fromkeys(owner["uid"] for owner in metadata.get("ownerReferences") or ())),
        tail=tail,
    )


def _fields(resource: Resource, obj: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path in resource.fields:
        value: Any = obj
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str):
            yield path, value
