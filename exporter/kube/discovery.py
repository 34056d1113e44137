"""Discovery: the API groups, their versions, and the resources of each version.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from typing import TypeVar

import msgspec

from exporter.kube.client import KubeClient
from exporter.kube.errors import InvalidResponseError, NotFoundError

__all__ = ["other_versions", "served_groups", "served_resources"]

T = TypeVar("T")

_MAX_BYTES = 4 << 20  # bytes of a response; discovery of hundreds of CRDs takes a tenth of it


class Served(msgspec.Struct):
    """A resource of a version."""

    name: str = ""
    kind: str = ""


class Resources(msgspec.Struct):
    """The resources of a version."""

    resources: list[Served] = []


class GroupVersion(msgspec.Struct):
    """A version of a group."""

    version: str = ""


class Group(msgspec.Struct):
    """A group."""

    name: str = ""
    versions: list[GroupVersion] = []


class Groups(msgspec.Struct):
    """All groups."""

    groups: list[Group] = []


async def served_groups(client: KubeClient) -> dict[str, list[str]]:
    """The versions of each group, with the preferred one first. Raises a KubeError."""
    groups = _decoded(await client.get("/apis", max_bytes=_MAX_BYTES), Groups).groups
    return {group.name: [item.version for item in group.versions] for group in groups}


async def served_resources(client: KubeClient, group: str, version: str) -> dict[str, str]:
    """The kind of each resource by its plural, without subresources. Raises a KubeError."""
    found = _decoded(await client.get(f"/apis/{group}/{version}", max_bytes=_MAX_BYTES), Resources).resources
    return {item.name: item.kind for item in found if "/" not in item.name}


async def other_versions(client: KubeClient, *, group: str, version: str, plural: str) -> list[str]:
    """The other served versions of a resource. If there are any, its objects still exist. Raises a KubeError."""
    try:
        others = [one for one in (await served_groups(client)).get(group, ()) if one != version]
        return [one for one in others if plural in await served_resources(client, group, one)]
    except NotFoundError:
        return []


def _decoded(body: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidResponseError(f"a discovery response cannot be read: {error}", code="not_json") from error
