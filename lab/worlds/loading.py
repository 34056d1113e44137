"""Reads the files in `objects/`. `"@-2h30m"` is a time before the snapshot, `"@+1h"` a time after it."""

import pathlib
import re
from typing import Any

from lab import fast_yaml
from lab.clock import rfc3339

__all__ = ["documents", "key_of", "objects"]

_FOLDER = pathlib.Path(__file__).parent / "objects"
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def objects(name: str, *, snapshot: float) -> list[dict[str, Any]]:
    """The objects of a file. `name` is the number of the file, and optionally a kind: `10`, `10 ConfigMap`."""
    number, _, kind = name.partition(" ")
    (path,) = _FOLDER.glob(f"{number}-*.yaml")
    return [item for item in documents(path, snapshot=snapshot) if not kind or item["kind"] == kind]


def documents(path: pathlib.Path, *, snapshot: float) -> list[dict[str, Any]]:
    """All objects of a file, including the items of Lists."""
    found = [each for each in fast_yaml.load_all(path.read_text("utf-8")) if each]
    items = [item for each in found for item in (each["items"] if each.get("kind") == "List" else [each])]
    return [_resolve_times(item, snapshot) for item in items]


def key_of(item: dict[str, Any]) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _resolve_times(value: Any, snapshot: float) -> Any:
    if isinstance(value, dict):
        return {key: _resolve_times(inner, snapshot) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolve_times(inner, snapshot) for inner in value]
    if isinstance(value, str) and value.startswith(("@-", "@+")):
        ago = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)([dhms])", value))
        return rfc3339(snapshot - ago if value[1] == "-" else snapshot + ago)
    return value
