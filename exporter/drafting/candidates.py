"""Finds candidate fields by name, in the schema and in the objects."""

from typing import Any

from exporter.drafting.definition import Definition
from exporter.drafting.observed import ObservedObjects
from exporter.drafting.words import is_skipped, rank
from exporter.profiles.paths import Path

__all__ = ["fields_named"]


def fields_named(
    names: tuple[str, ...],
    definition: Definition,
    observed: ObservedObjects,
    *,
    parts: tuple[str, ...],
    types: tuple[str, ...],
) -> list[str]:
    """The paths of fields with one of these names, the best first: with values, in printer columns, by name.

    A field is in one of the `parts` of an object. If the schema defines its type, it is one of `types`.
    """
    known: dict[str, Path] = observed.steps | {path: one.steps for path, one in definition.fields.items()}
    found = {path: steps for path, steps in known.items() if _may_be(steps, names, parts)}
    fields = {path: definition.fields.get(path) for path in found}
    fitting = [path for path, field in fields.items() if field is None or field.type in types]

    def order(path: str) -> tuple[Any, ...]:
        field, has = fields[path], observed.has.get(path, 0).bit_count()
        in_column = field is not None and field.in_column
        steps = found[path]
        unused = bool(observed.objects) and not has
        return unused, not in_column, steps[0] == "metadata", -has, rank(steps, names), len(steps), path

    return sorted(fitting, key=order)


def _may_be(steps: Path, names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return (
        len(steps) > 1
        and steps[0] in parts
        and all(isinstance(step, str) for step in steps)
        and rank(steps, names) is not None
        and not is_skipped(steps)
    )
