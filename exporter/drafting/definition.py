"""Reads a CustomResourceDefinition: its names, the selected version, and its fields.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

import dataclasses
import functools
import re
from collections.abc import Iterator
from typing import Any, Final

from exporter.profiles import Profile
from exporter.profiles.naming import wrong_name
from exporter.profiles.paths import Path, PathError, Where, format_path, parse
from exporter.untrusted import redact_message

__all__ = ["Definition", "DraftError", "Field", "field_path", "is_value", "parse_definition"]

_VERSION: Final = re.compile(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?")
_STABILITY: Final = {None: 2, "beta": 1, "alpha": 0}
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@/.-]{0,252}")
_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/-]{0,61}[A-Za-z0-9])?")
_KEYWORDS: Final = ("absent", "present")  # keywords of profiles
_MAX_DEPTH: Final = 8
_MAX_FIELDS: Final = 5_000
_MAX_COLUMNS: Final = 200


class DraftError(Exception):
    """A draft cannot be made. The message is one line."""


@dataclasses.dataclass(kw_only=True)
class Field:
    """A field of the schema or of a printer column."""

    path: str
    steps: Path
    type: str = ""
    enum: tuple[str, ...] = ()
    in_column: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Definition:
    """The used fields of a CRD. `notes` are comments about unused ones."""

    group: str
    plural: str
    kind: str
    version: str
    others: tuple[str, ...]
    """The other served versions."""
    fields: dict[str, Field]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """`PLURAL.GROUP`, which is the name of the CRD."""
        return f"{self.plural}.{self.group}"


def parse_definition(crd: Any, *, version: str = "") -> Definition:
    """Reads a CRD; `version` selects the version. Raises DraftError."""
    spec = _mapping(_mapping(crd).get("spec"))
    names = _mapping(spec.get("names"))
    found = {one["name"]: one for one in _mappings(spec.get("versions")) if isinstance(one.get("name"), str)}
    profile = Profile(
        group=str(spec.get("group") or ""),
        plural=str(names.get("plural") or ""),
        kind=str(names.get("kind") or ""),
        version=_chosen(found, version),
    )
    if (wrong := wrong_name(profile)) is not None:
        raise DraftError(f"the CRD cannot be used: {redact_message(': '.join(wrong))}")
    chosen = found[profile.version or ""]
    fields: dict[str, Field] = {}
    notes = [*_add_schema(fields, chosen), *_add_columns(fields, chosen)]
    return Definition(
        group=profile.group or "",
        plural=profile.plural or "",
        kind=profile.kind or "",
        version=profile.version or "",
        others=tuple(sorted(name for name in found if _is_served(found[name]) and name != profile.version)),
        fields=fields,
        notes=tuple(notes),
    )


def is_value(value: Any) -> bool:
    """Whether a profile may list this value: a short text that is not a keyword."""
    return isinstance(value, str) and _VALUE.fullmatch(value) is not None and value not in _KEYWORDS


@functools.lru_cache(maxsize=8192)
def field_path(names: tuple[str, ...]) -> tuple[str, Path] | None:
    """The text and the steps of a path; None if a profile cannot contain it."""
    try:
        if not all(map(_NAME.fullmatch, names)) or parse(text := format_path(names)) != names:
            return None
    except PathError:
        return None
    return text, names


def _chosen(found: dict[str, Any], version: str) -> str:
    """The requested version, or the one that kubectl would use."""
    served = sorted((name for name in found if _is_served(found[name])), key=_priority, reverse=True)
    known = redact_message(", ".join(served)) or "none"
    if version and version not in served:
        raise DraftError(f"version {version} is not served; served: {known}")
    if not served:
        listed = f" ({redact_message(', '.join(found))})" if found else ""
        raise DraftError(f"the CRD serves no version{listed}: its objects cannot be read")
    return version or served[0]


def _is_served(version: dict[str, Any]) -> bool:
    return version.get("served") is True


def _priority(name: str) -> tuple[int, int, int]:
    """Sort key in the order of the API server: v2, v1, v1beta1, v1alpha1, then others."""
    match = _VERSION.fullmatch(name[:63])
    if match is None:
        return (-1, 0, 0)
    major, stability, minor = match.groups()
    return (_STABILITY[stability], int(major), int(minor or 0))


def _add_schema(fields: dict[str, Field], version: dict[str, Any]) -> Iterator[str]:
    schema = _mapping(_mapping(version.get("schema")).get("openAPIV3Schema"))
    waiting: list[tuple[tuple[str, ...], dict[Any, Any]]] = [((), schema)]
    left_out = 0
    if not _mapping(schema.get("properties")):
        yield "the CRD has no schema of its fields"
    for names, node in waiting:  # grows during iteration
        for name, inner in _mapping(node.get("properties")).items():
            path = field_path((*names, name)) if isinstance(name, str) else None
            if path is None or len(fields) >= _MAX_FIELDS:
                left_out += 1
            elif names or name in {"spec", "status"}:
                fields[path[0]] = field = _field(*path, _mapping(inner))
                left_out += len(_listed(_mapping(inner).get("enum"))) - len(field.enum)
            if path is not None and len(names) < _MAX_DEPTH and len(waiting) < _MAX_FIELDS:
                waiting.append(((*names, name), _mapping(inner)))
    if left_out:
        yield f"not used: {left_out} fields or values of the schema that a profile cannot contain"


def _field(path: str, steps: Path, schema: dict[str, Any]) -> Field:
    enum = tuple(value for value in _listed(schema.get("enum")) if is_value(value))
    kind = schema.get("format") if schema.get("format") == "date-time" else schema.get("type")
    return Field(path=path, steps=steps, type=str(kind or "")[:20], enum=enum)


def _add_columns(fields: dict[str, Field], version: dict[str, Any]) -> Iterator[str]:
    columns = _mappings(version.get("additionalPrinterColumns"))
    unread = []
    for column in columns[:_MAX_COLUMNS]:
        steps = _steps_of(column.get("jsonPath"))
        if not steps:
            unread.append(str(column.get("jsonPath")))
        elif steps[0] != "metadata":
            new = Field(path=format_path(steps), steps=steps, type=str(column.get("type") or "")[:20])
            fields.setdefault(new.path, new).in_column = True
    if unread or len(columns) > _MAX_COLUMNS:
        number = len(unread) + max(0, len(columns) - _MAX_COLUMNS)
        yield f"not used: {number} printer columns, such as {redact_message(unread[0] if unread else '')!r}"


def _steps_of(text: Any) -> Path:
    """The steps of a printer column's path; empty if a profile cannot contain it."""
    try:
        steps = parse(text) if isinstance(text, str) else ()
    except PathError:
        return ()
    texts = [step.value if isinstance(step, Where) else step for step in steps]
    return steps if all(isinstance(one, int) or _NAME.fullmatch(one) for one in texts) else ()


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[Any, Any]]:
    return [one for one in _listed(value) if isinstance(one, dict)]
