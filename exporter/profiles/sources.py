"""Compiles sources of values to functions of the values at the paths of a profile."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from exporter.profiles.language import From, Source, Value
from exporter.profiles.paths import Path, parse

__all__ = [
    "Condition",
    "Index",
    "Moment",
    "Texts",
    "all_source_paths",
    "condition",
    "format_value",
    "listed_texts",
    "moment",
    "source_conditions",
    "source_paths",
    "text_or_present",
    "texts",
]

Values = Sequence[Any]
Index = Callable[[Path], int]
"""The index of the value of a path."""
Texts = Callable[[Values], list[str]]
Moment = Callable[[Values], dt.datetime | None]
Condition = Callable[[Values], bool]

_MAX_LENGTH: Final = 4096


def format_value(value: Any) -> str:
    """Formats a value as kubectl does; empty if it is not a string, number or boolean."""
    kind = value.__class__
    if kind is str or kind is int or kind is float:
        return str(value)
    return ("true" if value else "false") if kind is bool else ""


def text_or_present(value: Any) -> str:
    """Formats a value; `present` for other values such as mappings; empty if there is none."""
    return format_value(value) or ("" if value is None or value == "" else "present")


def listed_texts(value: Value) -> tuple[str, ...]:
    """The texts that a listed value matches. A boolean also matches the status of a condition: "True" or "False"."""
    if value.__class__ is bool:
        return format_value(value), str(value)
    return ("" if value == "absent" else format_value(value),)


def as_tuple(source: Source) -> tuple[From | str, ...]:
    """The sources as a tuple."""
    return source if isinstance(source, tuple) else (source,)


def is_path(source: str) -> bool:
    """Whether a source is a path; other text is a literal value."""
    return source.startswith((".", "[", "{", "$"))


def source_paths(source: Source) -> list[Path]:
    """The paths of the values. Raises PathError."""
    texts = [one if isinstance(one, str) else one.path for one in as_tuple(source)]
    return [parse(text) for text in texts if is_path(text)]


def source_conditions(source: Source) -> dict[str, tuple[Value, ...]]:
    """The conditions of a source: paths, and the allowed values of each."""
    return {path: values for one in as_tuple(source) if isinstance(one, From) for path, values in one.when.items()}


def all_source_paths(source: Source) -> list[Path]:
    """The paths of the values and of their conditions. Raises PathError."""
    return [*source_paths(source), *map(parse, source_conditions(source))]


def texts(sources: Iterable[Source], index: Index) -> Texts:
    """Compiles sources to one function that returns the first non-empty value of each, as text."""
    compiled = [_compile(source, index) for source in sources]

    def all_texts(values: Values) -> list[str]:
        found = []
        for parts, literal in compiled:
            text = literal
            for at, after, holds in parts:
                value = values[at]
                if value is None or value == "" or (holds and not holds(values)):
                    continue
                cut = value if value.__class__ is str else format_value(value)
                if after:
                    cut = cut.rpartition(after)[2]
                if cut:
                    text = cut
                    break
            found.append(text)
        return found

    return all_texts


def _compile(source: Source, index: Index) -> tuple[list[tuple[int, str, Condition | None]], str]:
    """The paths of a source, and its literal text, after which further sources are ignored."""
    parts: list[tuple[int, str, Condition | None]] = []
    for one in as_tuple(source):
        path, after, holds = _parts(one, index)
        if not is_path(path):
            return parts, path
        parts.append((index(parse(path)), after, holds))
    return parts, ""


def moment(source: Source, index: Index) -> Moment:
    """Compiles a source to a function that returns the first value that is a time."""
    parts = [(index(parse(path)), holds) for path, _, holds in (_parts(one, index) for one in as_tuple(source))]

    def first(values: Values) -> dt.datetime | None:
        for at, holds in parts:
            value = values[at]
            if value is None or (holds and not holds(values)):
                continue
            found: dt.datetime | None = value if value.__class__ is dt.datetime else _time(value)
            if found is not None and found.year > 1:  # the year 1 is the zero time of Go
                return found
        return None

    return first


def condition(conditions: Mapping[str, Sequence[Value]], index: Index) -> Condition:
    """Compiles conditions to a function that returns whether every path has one of its values."""
    terms = [
        (index(parse(path)), {text for value in values for text in listed_texts(value)})
        for path, values in conditions.items()
    ]

    def holds(values: Values) -> bool:
        for at, listed in terms:
            text = text_or_present(values[at])
            if text not in listed and not (text and "present" in listed):
                return False
        return True

    return holds


def _parts(source: str | From, index: Index) -> tuple[str, str, Condition | None]:
    """The path or literal text of a source, the value of `after`, and its condition."""
    if isinstance(source, str):
        return source, "", None
    return source.path, source.after, condition(source.when, index) if source.when else None


def _time(value: Any) -> dt.datetime | None:
    """Converts text to a time. A field that is also used as text is not decoded as a time."""
    try:
        return msgspec.convert(value, dt.datetime) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
