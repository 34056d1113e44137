"""Drafts labels and times of a run, from the names and values of fields."""

from typing import Any, Final

from exporter.drafting.candidates import fields_named
from exporter.drafting.definition import Definition
from exporter.drafting.observed import ObservedObjects
from exporter.drafting.states import States, condition_path
from exporter.drafting.words import is_skipped, words

__all__ = ["draft_about", "draft_times", "sources"]

_MAX_SOURCES: Final = 3  # of one value
_TEXT_TYPES: Final = ("", "string", "integer", "number", "date-time")
_MIN_RATIO: Final = 0.8  # of the objects with a value


def draft_about(definition: Definition, observed: ObservedObjects, states: States) -> dict[str, Any]:
    """The sources of each label for which a field was found."""
    found: dict[str, Any] = {}
    for label, names in words().about.items():
        parts = ("status",) if label == "message" else ("spec", "status", "metadata")
        paths = sources(definition, observed, names, parts=parts)
        if label == "cli":
            paths = paths or _tools(definition, observed)
        if label == "message":
            paths += [
                condition_path(one, "message") for one in dict.fromkeys([*states.end_types, *states.wait_types])
            ]
        if paths:
            found[label] = _one_or_more(paths[:_MAX_SOURCES])
    return found


def draft_times(definition: Definition, observed: ObservedObjects, states: States) -> dict[str, Any]:
    """The sources of the times at which a run ended and at which it stopped waiting."""
    finished = sources(definition, observed, words().finished, parts=("status",))
    finished = finished or [condition_path(one, "lastTransitionTime") for one in dict.fromkeys(states.end_types)]
    since = [condition_path(one, "lastTransitionTime") for one in states.wait_types]
    listed = {"since": since, "finished": finished}
    return {name: _one_or_more(paths[:_MAX_SOURCES]) for name, paths in listed.items() if paths}


def sources(
    definition: Definition, observed: ObservedObjects, names: tuple[str, ...], *, parts: tuple[str, ...]
) -> list[str]:
    """The best field with one of these names, then fields with a value in objects where the first has none."""
    found: list[str] = []
    covered = 0
    for path in fields_named(names, definition, observed, parts=parts, types=_TEXT_TYPES):
        has = observed.has.get(path, 0)
        if not found or has & ~covered or (not observed.objects and len(found) < _MAX_SOURCES):
            found.append(path)
        covered |= has
    return found


def _tools(definition: Definition, observed: ObservedObjects) -> list[str]:
    """Fields of the spec whose values are names of agents' command-line tools, the most frequent first."""
    values = {path: one.enum for path, one in definition.fields.items() if one.enum} | observed.values
    steps = {path: one.steps for path, one in definition.fields.items()} | observed.steps
    found = [
        path
        for path, listed in values.items()
        if steps[path][0] == "spec"
        and not is_skipped(steps[path])
        and steps[path][-1] != "name"
        and _are_tools(listed)
    ]
    return sorted(found, key=lambda path: (-observed.has.get(path, 0).bit_count(), path))


def _are_tools(values: Any) -> bool:
    known = [value for value in values if value.lower() in words().tools]
    return bool(known) and len(known) >= _MIN_RATIO * len(values)


def _one_or_more(paths: list[str]) -> Any:
    return paths[0] if len(paths) == 1 else paths
