"""The objects of a simulated API server and all their changes, to which the exporter is compared."""

import collections
import json
from typing import NamedTuple

from tests.objects import CREATED, stamp

__all__ = ["CONFIGMAPS", "GROUP", "NOW", "Entry", "Store", "key_of", "state_of", "uid_of"]

GROUP = "agents.platform"
CONFIGMAPS = "agent-platform"
"""The namespace of the required ConfigMaps."""

NOW = "now"
"""Instead of a generation: that of the object at the time of the change."""

_PLURALS = {
    "CodeRun": (f"/apis/{GROUP}/v1", "coderuns"),
    "DocsRun": (f"/apis/{GROUP}/v1", "docsruns"),
    "Job": ("/apis/batch/v1", "jobs"),
    "ConfigMap": ("/api/v1", "configmaps"),
}


class Entry(NamedTuple):
    """An event: its type, the object as JSON, and the kind, namespace and name of the object."""

    version: int
    type: str
    uid: str
    text: bytes
    key: tuple[str, str, str]

    @property
    def line(self):
        """The line of a watch."""
        return b'{"type":"%b","object":%b}\n' % (self.type.encode(), self.text)


def key_of(item):
    """The kind, namespace and name of an object, which are unique at any time."""
    return item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]


def uid_of(key, generation=0):
    """The UID of the object of this key; `generation` counts how often it has been created before."""
    return "-".join(map(str, (*key, generation))).lower()


class Store:
    """Objects by kind, namespace and name. The store sets UID, creation time and resource version."""

    def __init__(self):
        self.version = 1
        self.log = []
        self._there = {}
        self._born = collections.Counter()

    def put(self, item):
        """Creates or updates an object. An update keeps the UID and the creation time."""
        key = key_of(item)
        old = self._there.get(key)
        if old is None:
            generation = self._born[key]
            self._born[key] += 1
            meta = {"uid": uid_of(key, generation), "creationTimestamp": stamp(CREATED + 20 * generation)}
        else:
            meta = {key: old["metadata"][key] for key in ("uid", "creationTimestamp")}
        made = item | {"metadata": self._owned_now(item["metadata"]) | meta}
        self._there[key] = made
        self._note("ADDED" if old is None else "MODIFIED", made)

    def _owned_now(self, meta):
        """Replaces the generation `NOW` in ownerReferences with that of the owner's last creation."""
        owners = [
            one | {"uid": uid_of(key, max(0, self._born[key] - 1))}
            if isinstance(one, dict) and one.get("uid") == uid_of(key := _owner(one, meta), NOW)
            else one
            for one in meta.get("ownerReferences") or ()
        ]
        return meta | {"ownerReferences": owners} if owners else meta

    def delete(self, key):
        """Deletes the object if it exists."""
        if (old := self._there.pop(key, None)) is not None:
            self._note("DELETED", old)

    def entries(self, path, params):
        """The events of the objects that this path and field selector select."""
        _, _, name = params.get("fieldSelector", "").partition("=")
        return [entry for entry in self.log if path in _paths(entry.key) and (not name or name == entry.key[2])]

    def _note(self, kind, item):
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        uid = item["metadata"]["uid"]
        self.log.append(Entry(self.version, kind, uid, json.dumps(item).encode(), key_of(item)))


def state_of(entries):
    """The objects after these events, as JSON."""
    there = {}
    for entry in entries:
        there.pop(entry.uid, None)
        if entry.type != "DELETED":
            there[entry.uid] = entry.text
    return list(there.values())


def _owner(reference, meta):
    return reference.get("kind"), meta["namespace"], reference.get("name")


def _paths(key):
    kind, namespace, _ = key
    root, plural = _PLURALS[kind]
    return f"{root}/{plural}", f"{root}/namespaces/{namespace}/{plural}"
