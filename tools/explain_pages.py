"""The tables of docs/causes.md and docs/api.md, generated from the code, and the JSON Schema of the API."""

import json
import typing
from collections.abc import Callable, Iterator, Mapping

import msgspec

from exporter.diagnosis import CAUSES
from exporter.diagnosis.end_texts import END_TEXTS
from exporter.diagnosis.explanation import (
    ContainerView,
    EventView,
    Explanation,
    FindingView,
    PodView,
    RunList,
    TimelineEntry,
    WorkerView,
    WorkflowView,
)
from exporter.diagnosis.fixes_by_text import fixes_of
from exporter.durations import short

__all__ = ["CAUSE_HEAD", "END_HEAD", "FIELD_HEAD", "STRUCTS", "cause_rows", "end_rows", "field_rows", "schema"]

CAUSE_HEAD = ("cause", "it means", "who acts", "next", "what mends it", "a fault", "normal for", "in metrics")
END_HEAD = ("class", "its termination message says that", "what mends it")
FIELD_HEAD = ("field", "type", "meaning")
STRUCTS = (
    RunList,
    Explanation,
    FindingView,
    WorkflowView,
    WorkerView,
    PodView,
    ContainerView,
    EventView,
    TimelineEntry,
)


def cause_rows() -> Iterator[tuple[str, ...]]:
    """A row for each cause, in the order of findings."""
    for info in CAUSES.values():
        yield (
            f"`{info.name}`",
            info.meaning,
            info.act,
            f"`{info.next}`",
            " ".join(fixes_of(info.name)),
            "yes" if info.fault else "no",
            short(info.grace) if info.grace else "",
            "yes" if info.metric else "no",
        )


def end_rows() -> Iterator[tuple[str, ...]]:
    """A row for each class of a termination message."""
    for name, text in END_TEXTS.items():
        yield f"`{name}`", text.meaning, text.fix


def field_rows(
    struct: type[msgspec.Struct], described: Callable[[type], Mapping[str, str]]
) -> Iterator[tuple[str, ...]]:
    """A row for each field of a response or of an object in it."""
    for field in msgspec.structs.fields(struct):
        yield f"`{field.encode_name}`", _type_name(field.type), described(struct)[field.name]


def _type_name(kind: object) -> str:
    inner = [item for item in typing.get_args(kind) if item not in (type(None), Ellipsis)]
    if typing.get_origin(kind) is tuple:
        return f"list of {_type_name(inner[0])}"
    if inner:
        optional = type(None) in typing.get_args(kind)
        return " or ".join(map(_type_name, inner)) + (" or null" if optional else "")
    names = {"str": "string", "int": "number", "bool": "boolean", "datetime": "time"}
    name = getattr(kind, "__name__", "")
    return names.get(name, f"[{name}](#{name.lower()})")


def schema() -> str:
    """The JSON Schema of both responses."""
    _, definitions = msgspec.json.schema_components([RunList, Explanation], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition["required"] = list(definition["properties"])  # responses contain fields with default values too
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "coderun-exporter API v1",
        "oneOf": [{"$ref": "#/$defs/RunList"}, {"$ref": "#/$defs/Explanation"}],
        "$defs": definitions,
    }
    return json.dumps(document, indent=2) + "\n"
