"""Paths to the fields of an object: the subset of JSONPath that a CRD's additionalPrinterColumns use.

Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/
"""

import difflib
import re
from typing import Final, NamedTuple

__all__ = ["Path", "PathError", "Where", "format_path", "parse"]

_NAME: Final = re.compile(r"\.((?:[\w/@-]|\\.)+)")
_INDEX: Final = re.compile(r"\[(\d{1,4})\]")
_WHERE: Final = re.compile(r"\[\?\(\s*@\.(\w+)\s*==\s*(?:'([^']*)'|\"([^\"]*)\")\s*\)\]")
_QUOTED: Final = re.compile(r"\[(['\"])(.*?)\1\]")
_OBJECT_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA_FIELDS: Final = (
    *("annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers"),
    *("generateName", "generation", "labels", "managedFields", "name", "namespace", "ownerReferences"),
    *("resourceVersion", "selfLink", "uid"),
)
_MIN_SIMILARITY: Final = 0.75
_MAX_STEPS: Final = 32
_SYNTAX_HINT: Final = "write .name, \\. for a dot in a name, [0] or [?(@.type=='X')]"


class Where(NamedTuple):
    """A step to the first item of a list that has this value in the field `key`."""

    key: str
    value: str


Path = tuple[str | int | Where, ...]
"""Steps: a key of a mapping, an index of a list, or an item selected by one of its fields."""


class PathError(ValueError):
    """An invalid path. The message is one line."""


def parse(text: str) -> Path:
    """Parses a path. Raises PathError."""
    steps: list[str | int | Where] = []
    at = 0
    while at < len(text):
        step, at = _step(text, at)
        steps.append(step)
    if len(steps) > _MAX_STEPS:
        raise PathError(f"a path has at most {_MAX_STEPS} steps; this one has {len(steps)}: '{text[:40]}...'")
    _check(text, steps)
    return tuple(steps)


def format_path(path: Path) -> str:
    """Formats a path. The inverse of `parse`."""
    return "".join(map(_format_step, path))


def _format_step(step: str | int | Where) -> str:
    match step:
        case str():
            return "." + re.sub(r"([^\w/@-])", r"\\\1", step)
        case int():
            return f"[{step}]"
        case _:
            quote = '"' if "'" in step.value else "'"
            return f"[?(@.{step.key}=={quote}{step.value}{quote})]"


def _step(text: str, at: int) -> tuple[str | int | Where, int]:
    if name := _NAME.match(text, at):
        return re.sub(r"\\(.)", r"\1", name[1]), name.end()
    if index := _INDEX.match(text, at):
        return int(index[1]), index.end()
    if where := _WHERE.match(text, at):
        value = where[2] if where[2] is not None else where[3]
        return Where(where[1], value), where.end()
    if quoted := _QUOTED.match(text, at):
        right = text[:at] + "." + quoted[2].replace(".", "\\.") + text[quoted.end() :]
        raise PathError(f"{text!r} is not a path that kubectl reads; did you mean {right!r}?")
    raise PathError(f"{text!r} is not a path: unexpected {text[at:]!r}; {_SYNTAX_HINT}")


def _check(text: str, steps: list[str | int | Where]) -> None:
    """Rejects a misspelled first step and unknown fields of the metadata."""
    first, second = (*steps, "", "")[:2]
    if not isinstance(first, str) or not first:
        raise PathError(f"{text!r} is not a path: it must begin with the name of a field; {_SYNTAX_HINT}")
    if first not in _OBJECT_FIELDS and (
        near := difflib.get_close_matches(first, _OBJECT_FIELDS, n=1, cutoff=_MIN_SIMILARITY)
    ):
        raise PathError(f"{text!r}: objects have no field {first!r}; did you mean {near[0]!r}?")
    if first == "metadata" and second not in _METADATA_FIELDS:
        near = difflib.get_close_matches(str(second), _METADATA_FIELDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(_METADATA_FIELDS)}"
        raise PathError(f"{text!r}: metadata has no field {str(second)!r}; {hint}")
