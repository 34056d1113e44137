"""Checks whether the paths of profiles in the settings exist in the OpenAPI schema of their kind.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
"""

import asyncio
import difflib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from exporter.checks.finding import NOTE, Finding
from exporter.checks.keys import paths_in
from exporter.kube.client import KubeClient
from exporter.kube.errors import KubeError
from exporter.profiles import Profile, is_job, resolve
from exporter.profiles.paths import Path, format_path, parse

__all__ = ["check_schemas", "not_in_schema"]

_MAX_BYTES: Final = 16 << 20  # bytes of the schemas of one group
_MIN_SIMILARITY: Final = 0.6
_KIND_EXTENSION: Final = "x-kubernetes-group-version-kind"
_OPEN: Final = ("x-kubernetes-preserve-unknown-fields", "additionalProperties", "$ref", "allOf")


class Components(msgspec.Struct):
    """`components` of the document."""

    schemas: dict[str, Any] = {}


class Document(msgspec.Struct):
    """The OpenAPI document of one version of a group."""

    components: Components = msgspec.field(default_factory=Components)


async def check_schemas(client: KubeClient, kinds: Sequence[str | Profile]) -> list[Finding]:
    """A note for each path that does not exist. Shipped profiles are not checked: they cover several versions."""
    given = [(f"coderuns.kinds[{index}]", kind) for index, kind in enumerate(kinds) if isinstance(kind, Profile)]
    found = await asyncio.gather(*(_check(client, where, kind) for where, kind in given))
    return [finding for findings in found for finding in findings]


async def _check(client: KubeClient, where: str, given: Profile) -> list[Finding]:
    """Empty if the schema cannot be read: the check is optional."""
    profile, paths = resolve(given), {f"{where}.{key}": text for key, text in paths_in(given)}
    if is_job(profile) or not paths:
        return []
    try:
        body = await client.get(f"/openapi/v3/apis/{profile.group}/{profile.version}", max_bytes=_MAX_BYTES)
        schema = _schema_of(profile, msgspec.json.decode(body, type=Document))
    except (KubeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    findings = []
    for key, text in paths.items():
        if (near := not_in_schema(schema, parse(text))) is not None:
            hint = f"; did you mean {near}?" if near else ""
            findings.append(Finding(status=NOTE, subject=key, text=f"{text} is not in the schema of the CRD{hint}"))
    return findings


def not_in_schema(schema: Any, path: Path) -> str | None:
    """The most similar path in the schema, or an empty text; None if the path may have a value."""
    node = schema
    for number, step in enumerate(path):
        if not isinstance(node, dict) or path[0] == "metadata":
            return None
        if not isinstance(step, str):
            node = node.get("items")
            continue
        known = node.get("properties")
        if not isinstance(known, dict):
            return None
        if step not in known:
            if any(node.get(key) for key in _OPEN):
                return None
            near = difflib.get_close_matches(step, known, n=1, cutoff=_MIN_SIMILARITY)
            return format_path((*path[:number], near[0], *path[number + 1 :])) if near else ""
        node = known[step]
    return None


def _schema_of(profile: Profile, document: Document) -> Any:
    wanted = {"group": profile.group, "version": profile.version, "kind": profile.kind}
    schemas = [one for one in document.components.schemas.values() if isinstance(one, dict)]
    return next((one for one in schemas if wanted in (one.get(_KIND_EXTENSION) or ())), None)
