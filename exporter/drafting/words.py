"""The usual meaning of words in CRDs and objects, from `words.yaml`. The code contains no words of a platform."""

import functools
import importlib.resources
import re
from typing import Final

import msgspec
import yaml

from exporter.profiles.paths import Path

__all__ = ["Words", "guess_state", "is_skipped", "rank", "words"]

_TOKEN: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_NOT_IN_NAME: Final = re.compile(r"[^a-z0-9]")
_NEGATIONS: Final = frozenset({"not", "no", "never"})


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lists of `words.yaml`."""

    states: dict[str, frozenset[str]]
    state: tuple[str, ...]
    suspension: tuple[str, ...]
    mode: tuple[str, ...]
    usual: tuple[str, ...]
    outcomes: frozenset[str]
    readiness: frozenset[str]
    placement: frozenset[str]
    finished: tuple[str, ...]
    jobs: tuple[str, ...]
    pods: tuple[str, ...]
    about: dict[str, tuple[str, ...]]
    tools: frozenset[str]
    not_inside: frozenset[str]


@functools.cache
def words() -> Words:
    """All lists."""
    file = importlib.resources.files("exporter.drafting") / "words.yaml"
    return msgspec.convert(yaml.safe_load(file.read_text("utf-8")), Words)


@functools.lru_cache(maxsize=1024)
def guess_state(value: str) -> str:
    """The state that a value means; empty if unknown."""
    tokens = [token.lower() for token in _TOKEN.findall(value)]
    last = tokens[-1] if tokens and not _NEGATIONS.intersection(tokens) else ""
    for text in ("".join(tokens), last):
        for state, known in words().states.items():
            if text in known:
                return state
    return ""


def rank(path: Path, names: tuple[str, ...]) -> int | None:
    """The index of the name of a field in a list; None if it is not in the list."""
    short = [_NOT_IN_NAME.sub("", str(step).rpartition("/")[2].lower()) for step in path[-2:]]
    found = [names.index(name) for name in (short[-1], ".".join(short)) if name in names]
    return min(found, default=None)


def is_skipped(path: Path) -> bool:
    """Whether the field is inside a mapping that does not describe the run itself."""
    return any(str(step).lower() in words().not_inside for step in path[:-1])
