"""The paths in a profile, each with its key."""

from collections.abc import Iterator
from typing import Any

import msgspec

from exporter.profiles import Profile

__all__ = ["paths_in"]


def paths_in(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yields keys such as `about.agent[0]` and their paths, including those of conditions."""
    for key, value in msgspec.to_builtins(profile).items():
        yield from _paths_at(value, key)


def _paths_at(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.startswith("."):
                yield f"{key}.{name}", name
            else:
                yield from _paths_at(inner, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _paths_at(inner, f"{key}[{index}]")
    elif isinstance(value, str) and value.startswith("."):
        yield key, value
