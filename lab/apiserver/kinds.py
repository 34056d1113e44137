"""The served resources: the built-in ones, and those of CustomResourceDefinitions."""

import dataclasses
import functools
from typing import Any

import msgspec

from lab.apiserver import status

__all__ = ["BUILT_IN", "BUILT_IN_GROUPS", "CRDS", "NAMESPACES", "Resource", "from_crd"]

CRDS = "customresourcedefinitions.apiextensions.k8s.io"
NAMESPACES = "namespaces"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource and its rules.

    `versions` are the served versions, `status_versions` those with a status subresource. `generations`: the server
    counts changes of the spec. `orphans`: a plain DELETE leaves the dependents. `fields`: the fields that a
    fieldSelector may use, in addition to metadata.name and metadata.namespace.
    """

    plural: str
    kind: str
    group: str = ""
    versions: tuple[str, ...] = ("v1",)
    status_versions: tuple[str, ...] = ()
    list_kind: str = ""
    namespaced: bool = True
    custom: bool = False
    generations: bool = False
    orphans: bool = False
    fields: tuple[str, ...] = ()

    @property
    def qualified(self) -> str:
        """The name that is unique on this server, e.g. `coderuns.agents.platform`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str) -> str:
        """The `apiVersion` of an object."""
        return f"{self.group}/{version}" if self.group else version

    @functools.lru_cache(maxsize=64)  # noqa: B019 - resources are few, frozen and live as long as the process
    def opening(self, version: str) -> bytes:
        """The first bytes of every object: kind and apiVersion, up to and including the comma after them."""
        opening = {"kind": self.kind, "apiVersion": self.api_version(version)}
        return msgspec.json.encode(opening)[:-1] + b","

    def item_opening(self, version: str) -> bytes:
        """As `opening`, for an item of a list: items of built-in kinds have no kind and no apiVersion."""
        return self.opening(version) if self.custom else b"{"


BUILT_IN = (
    Resource(
        plural="namespaces", kind="Namespace", namespaced=False, status_versions=("v1",), fields=("status.phase",)
    ),
    Resource(plural="configmaps", kind="ConfigMap"),
    Resource(
        plural="pods",
        kind="Pod",
        status_versions=("v1",),
        generations=True,
        fields=("spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP"),
    ),
    Resource(
        plural="events",
        kind="Event",
        fields=(
            *(f"involvedObject.{field}" for field in ("apiVersion", "kind", "namespace", "name", "uid")),
            "reason",
            "type",
        ),
    ),
    Resource(
        plural="events",
        kind="Event",
        group="events.k8s.io",
        fields=(
            *(f"regarding.{field}" for field in ("apiVersion", "kind", "namespace", "name", "uid")),
            "reason",
            "type",
            "reportingController",
        ),
    ),
    Resource(plural="jobs", kind="Job", group="batch", status_versions=("v1",), generations=True, orphans=True),
    Resource(
        plural="customresourcedefinitions",
        kind="CustomResourceDefinition",
        group="apiextensions.k8s.io",
        status_versions=("v1",),
        namespaced=False,
        generations=True,
    ),
)
BUILT_IN_GROUPS = frozenset(resource.group for resource in BUILT_IN)


def from_crd(crd: dict[str, Any]) -> Resource:
    """The resource that a CustomResourceDefinition defines. Raises StatusError (422) if it is invalid."""
    name = crd["metadata"]["name"]
    try:
        spec, names = crd["spec"], crd["spec"]["names"]
        served = [version for version in spec["versions"] if version["served"]]
        resource = Resource(
            plural=names["plural"],
            kind=names["kind"],
            group=spec["group"],
            list_kind=names.get("listKind") or f"{names['kind']}List",
            versions=tuple(version["name"] for version in served),
            status_versions=tuple(
                version["name"] for version in served if "status" in version.get("subresources", {})
            ),
            namespaced=spec["scope"] == "Namespaced",
            custom=True,
            generations=True,
        )
    except KeyError as error:
        raise _invalid(name, f"spec.{error.args[0]}", "Required value", reason="FieldValueRequired") from error
    if resource.qualified != name:
        wrong = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        raise _invalid(name, "metadata.name", wrong, reason="FieldValueInvalid")
    return resource


def _invalid(name: str, field: str, message: str, *, reason: str) -> status.StatusError:
    cause = status.Cause(reason, field, message)
    return status.invalid("CustomResourceDefinition", "apiextensions.k8s.io", name, cause)
