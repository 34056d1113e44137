"""Whether the API server serves the kinds of runs under the names that the settings give them.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

import difflib
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from exporter.kube.client import KubeClient
from exporter.kube.errors import BrokenAnswerError, MissingError
from exporter.resources.kinds import RunKind

__all__ = ["naming_fault", "nearest"]

T = TypeVar("T")

_LARGEST = 4 << 20  # bytes of an answer: discovery of hundreds of CRDs is a tenth of it

_SIMILAR = 0.75  # `agenttask` and `agenttasks` are, `docsruns` and `coderuns` are not


class Served(msgspec.Struct):
    """A resource in the discovery of a version."""

    name: str = ""
    kind: str = ""


class Resources(msgspec.Struct):
    """What one version of a group serves."""

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


async def naming_fault(client: KubeClient, kind: RunKind, *, others: Iterable[RunKind] = ()) -> str:
    """One line about a name that differs from what the API server serves; empty where all are right.

    Empty as well where the kind is simply not there: a CRD that is not installed is no wrong name. `others` are kinds
    that the settings name besides: none of them is meant. Raises a KubeError.
    """
    try:
        served = await _resources(client, f"/apis/{kind.group}/{kind.version}")
    except MissingError:
        return await _fault_of_group(client, kind)
    if kind.plural not in served:
        taken = {other.plural for other in others if other.group == kind.group}
        by_kind = [plural for plural, name in served.items() if name.lower() == kind.kind.lower()]
        free = [plural for plural in by_kind or served if plural not in taken]
        near = free[0] if by_kind and free else nearest(kind.plural, free)
        return f"{kind.group}/{kind.version} has no {kind.plural}; did you mean {near}?" if near else ""
    if (right := served[kind.plural]) == kind.kind:
        return ""
    no_job = "" if right.lower() == kind.kind.lower() else ", so the Jobs of its runs are not found"
    return f"its kind is {right}, not {kind.kind}{no_job}"


def nearest(name: str, known: Iterable[str], *, similar: float = _SIMILAR) -> str:
    """The most similar one of the known names; empty where none is similar."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=similar)), "")


async def _resources(client: KubeClient, path: str) -> dict[str, str]:
    """Kinds by their plural, subresources left out."""
    found = _decoded(await client.get(path, most=_LARGEST), Resources).resources
    return {item.name: item.kind for item in found if "/" not in item.name}


async def _fault_of_group(client: KubeClient, kind: RunKind) -> str:
    groups = {
        group.name: group.versions for group in _decoded(await client.get("/apis", most=_LARGEST), Groups).groups
    }
    if kind.group in groups:
        versions = ", ".join(item.version for item in groups[kind.group])
        return f"{kind.group} has no version {kind.version}, but {versions}"
    near = nearest(kind.group, groups)
    return f"there is no API group {kind.group}; did you mean {near}?" if near else ""


def _decoded(body: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenAnswerError(f"a discovery response cannot be read: {error}", code="not_json") from error
