"""Discovery: the API groups, their versions, and the resources of each version.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from typing import TypeVar

import msgspec

from exporter.kube.client import KubeClient
from exporter.kube.errors import InvalidResponseError, NotFoundError

__all__ = ["other_versions", "served_groups", "served_resources"]

T = TypeVar("T")

_MAX_BYTES = 4 << 20  # of a response; hundreds of CRDs take a tenth of it


class APIResource(msgspec.Struct):
    """A resource, as served in one version of a group."""

    name: str = ""
    kind: str = ""


class APIResourceList(msgspec.Struct):
    """All resources that are served in one version of a group."""

    resources: list[APIResource] = []


class GroupVersion(msgspec.Struct):
    """A served version of a group."""

    version: str = ""


class APIGroup(msgspec.Struct):
    """An API group with its served versions."""

    name: str = ""
    versions: list[GroupVersion] = []


class APIGroupList(msgspec.Struct):
    """All API groups."""

    groups: list[APIGroup] = []


async def served_groups(client: KubeClient) -> dict[str, list[str]]:
    """The versions of each group, with the preferred one first. Raises a KubeError."""
    groups = _decode(await client.get("/apis", max_bytes=_MAX_BYTES), APIGroupList).groups
    return {group.name: [item.version for item in group.versions] for group in groups}


async def served_resources(client: KubeClient, group: str, version: str) -> dict[str, str]:
    """The kind of each resource by its plural, without subresources. Raises a KubeError."""
    found = _decode(await client.get(f"/apis/{group}/{version}", max_bytes=_MAX_BYTES), APIResourceList).resources
    return {item.name: item.kind for item in found if "/" not in item.name}


async def other_versions(client: KubeClient, *, group: str, version: str, plural: str) -> list[str]:
    """The other versions in which the resource is served. If there is none, its CRD was deleted, with its objects.

    Raises a KubeError.
    """
    try:
        others = [one for one in (await served_groups(client)).get(group, ()) if one != version]
        return [one for one in others if plural in await served_resources(client, group, one)]
    except NotFoundError:
        return []


def _decode(body: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidResponseError(f"a discovery response cannot be read: {error}", code="not_json") from error
