"""Compares the names of run kinds in the settings with those that the API server serves.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

import asyncio
import difflib
import re
from collections.abc import Iterable

from exporter.kube.client import KubeClient
from exporter.kube.discovery import other_versions, served_groups, served_resources
from exporter.kube.errors import KubeError, NotFoundError
from exporter.resources.kinds import RunKind

__all__ = ["name_mismatch", "nearest", "nearest_served"]

_MAX_NAMES = 3
_MAX_GROUPS = 500
_MAX_CONCURRENT = 16
_CUSTOM = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")  # groups with a dot: custom resources, and some built-in groups

_MIN_SIMILARITY = 0.75  # `agenttask` and `agenttasks` are similar, `docsruns` and `coderuns` are not


async def name_mismatch(client: KubeClient, kind: RunKind, *, others: Iterable[RunKind] = ()) -> str:
    """One line if the settings have another name than the API server; empty if all names match.

    Also empty if the CRD is not installed. `others` are the other kinds in the settings, which are never suggested.
    Raises a KubeError.
    """
    try:
        served = await served_resources(client, kind.group, kind.version)
    except NotFoundError:
        return await _group_mismatch(client, kind)
    if kind.plural not in served:
        if versions := await other_versions(client, group=kind.group, version=kind.version, plural=kind.plural):
            return f"{kind.group}/{kind.version} has no {kind.plural}, but {', '.join(versions)} has"
        taken = {other.plural for other in others if other.group == kind.group}
        by_kind = [plural for plural, name in served.items() if name.lower() == kind.kind.lower()]
        free = [plural for plural in by_kind or served if plural not in taken]
        near = free[0] if by_kind and free else nearest(kind.plural, free)
        return f"{kind.group}/{kind.version} has no {kind.plural}; did you mean {near}?" if near else ""
    if (right := served[kind.plural]) == kind.kind:
        return ""
    no_job = "" if right.lower() == kind.kind.lower() else ", so the Jobs of its runs are not found"
    return f"its kind is {right}, not {kind.kind}{no_job}"


async def nearest_served(client: KubeClient, name: str) -> list[str]:
    """PLURAL.GROUP of the custom resources with the most similar names. Raises a KubeError."""
    groups = await served_groups(client)
    turn = asyncio.Semaphore(_MAX_CONCURRENT)

    async def served(group: str) -> dict[str, str]:
        try:
            async with turn:
                found = await served_resources(client, group, groups[group][0])
        except KubeError:
            return {}
        return {f"{plural}.{group}": kind for plural, kind in found.items()}

    custom = [group for group, versions in groups.items() if versions and _CUSTOM.fullmatch(group)][:_MAX_GROUPS]
    known: dict[str, str] = {}
    for found in await asyncio.gather(*map(served, custom)):
        known |= found
    word = name.partition(".")[0].lower()
    same = [one for one, kind in known.items() if word in {one.partition(".")[0], kind.lower()}]
    close = difflib.get_close_matches(name.lower(), sorted(known), n=_MAX_NAMES, cutoff=_MIN_SIMILARITY)
    return close or sorted(same)[:_MAX_NAMES]


def nearest(name: str, known: Iterable[str], *, similar: float = _MIN_SIMILARITY) -> str:
    """The most similar known name; empty if none is similar."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=similar)), "")


async def _group_mismatch(client: KubeClient, kind: RunKind) -> str:
    groups = await served_groups(client)
    if kind.group in groups:
        return f"{kind.group} has no version {kind.version}, but {', '.join(groups[kind.group])}"
    near = nearest(kind.group, groups)
    return f"there is no API group {kind.group}; did you mean {near}?" if near else ""
