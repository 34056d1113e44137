"""Discovery: the served groups, versions and resources, as `kubectl api-resources` reads them.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#unaggregated-discovery
"""

from collections.abc import Iterable
from typing import Any

from lab.apiserver.kinds import Resource
from lab.apiserver.store import Store

__all__ = ["discovered"]

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def discovered(store: Store, path: str) -> dict[str, Any] | None:
    """The response to a request for `/apis`, `/apis/GROUP/VERSION` or `/api/v1`; None for any other path."""
    resources = [collection.resource for collection in store.collections.values()]
    match path.strip("/").split("/"):
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(_groups(resources))}
        case ["apis", group, version] if group:
            return _resources(resources, group, version)
        case ["api", version]:
            return _resources(resources, "", version)
    return None


def _groups(resources: Iterable[Resource]) -> Iterable[dict[str, Any]]:
    served: dict[str, list[str]] = {}
    for resource in resources:
        if resource.group:
            known = served.setdefault(resource.group, [])
            known += [version for version in resource.versions if version not in known]
    for group, names in served.items():
        versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in names]
        yield {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _resources(resources: Iterable[Resource], group: str, version: str) -> dict[str, Any] | None:
    listed = [
        {
            "name": resource.plural,
            "singularName": resource.kind.lower(),
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": _VERBS,
        }
        for resource in resources
        if resource.group == group and version in resource.versions
    ]
    if not listed:
        return None
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}
