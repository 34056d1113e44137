"""Parses the path of a request.

`/api/v1/..` is the core group, `/apis/GROUP/VERSION/..` any other, followed by
`[namespaces/NAMESPACE/]RESOURCE[/NAME[/status]]`.
"""

import dataclasses
from collections.abc import Sequence

from lab.apiserver import kinds, status
from lab.apiserver.collection import Collection, Stored
from lab.apiserver.store import Store, object_key

__all__ = ["Target", "resolve"]

NAMESPACE_SUBRESOURCES = {"status", "finalize"}
WITHIN_NAMESPACE = 3  # parts: namespaces/NAMESPACE/RESOURCE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """An object or, if the name is empty, a collection, in one API version. `subresource` is "" or "status"."""

    collection: Collection
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> str:
        """The object's key in the collection."""
        return object_key(self.namespace, self.name)

    def stored(self) -> Stored:
        """The object. Raises StatusError (404) if there is none."""
        stored = self.collection.objects.get(self.key)
        if stored is None:
            raise status.not_found(self.collection.resource.plural, self.collection.resource.group, self.name)
        return stored

    def invalid(self, reason: str, field: str, message: str) -> status.StatusError:
        """A 422 about this object."""
        resource = self.collection.resource
        return status.invalid(resource.kind, resource.group, self.name, status.Cause(reason, field, message))

    def conflict(self, why: str) -> status.StatusError:
        """A 409 about this object."""
        return status.conflict(self.collection.resource.plural, self.collection.resource.group, self.name, why)


def resolve(store: Store, path: str) -> Target:
    """Parses a path. Raises StatusError (404) or PageNotFoundError for paths that are not served."""
    match path.strip("/").split("/"):
        case ["api", "v1", _, *_] as parts:
            group, version, rest = "", "v1", parts[2:]
        case ["apis", group, version, _, *_] as parts:
            rest = parts[3:]
        case _:
            raise status.PageNotFoundError
    namespace = ""
    if (
        rest[0] == kinds.NAMESPACES
        and len(rest) >= WITHIN_NAMESPACE
        and (group or rest[2] not in NAMESPACE_SUBRESOURCES)
    ):
        namespace, rest = rest[1], rest[2:]
    return _target(store, group, version, namespace, rest)


def _target(store: Store, group: str, version: str, namespace: str, rest: Sequence[str]) -> Target:
    plural, name, subresource, *more = [*rest, "", ""][: max(3, len(rest))]
    collection = store.collections.get(f"{plural}.{group}" if group else plural)
    if collection is None or version not in collection.resource.versions:
        raise status.missing_resource() if group in kinds.BUILT_IN_GROUPS else status.PageNotFoundError()
    resource = collection.resource
    if more or (subresource and (subresource != "status" or version not in resource.status_versions)):
        raise status.not_found(plural, group, name) if resource.custom else status.missing_resource()
    if (namespace and not resource.namespaced) or (name and resource.namespaced and not namespace):
        raise status.PageNotFoundError if resource.custom else status.missing_resource()
    return Target(collection=collection, version=version, namespace=namespace, name=name, subresource=subresource)
