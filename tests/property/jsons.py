"""Hypothesis strategies for JSON text, including invalid JSON."""

import json
import typing

import msgspec
from hypothesis import strategies as st

from tests.property.weighting import weighted

__all__ = ["ANY_TEXT", "BROKEN", "NUMBERS", "VALUES", "WORDS", "encode_text", "struct_text"]

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
"""Any code points, including lone surrogates, which JSON can represent as \\ud800."""

NUMBERS = st.one_of(
    st.sampled_from(
        [
            *("-0", "1.0", "0.1", "1e400", "-1e400", "1e-400", "9223372036854775807", "9223372036854775808", "1E5"),
            *("253402300800", "NaN", "Infinity", "-Infinity"),
        ]
    ),
    st.sampled_from([("", 300), ("", 400), ("", 5_000), ("-", 5_000)]).map(lambda parts: parts[0] + "9" * parts[1]),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
)
"""Numbers of any size, and the names that Python writes for infinity and NaN."""

_KEYS = (
    *("metadata", "spec", "status", "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels"),
    *("annotations", "ownerReferences", "controller", "kind", "apiVersion", "conditions", "type", "phase", "data"),
    *("binaryData", "taskId", "contextVersion", "cliConfig", "model", "active", "startTime", "lastUpdate"),
    *("code", "message", "details", "items", "continue", "object", "k8s.io/initial-events-end"),
)
WORDS = st.sampled_from(
    [
        *("", "x", "true", "null", "NaN", "ADDED", "5DLabs-Rex", "Running", "True", "Failed", "CodeRun", "\u0661"),
        *(
            "2025-10-09T08:53:20Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999-14:00",
            "2025-13-45",
            "\x00",
        ),
        *("agents.platform/v1", 'a"b\\c\nd', "\u2028", "\x1b[31m", "\U0001f680", "\u202e", "\ud800"),
    ]
) | st.sampled_from("x9").map(lambda letter: letter * 5_000)
"""Texts that have a meaning for the exporter, and long texts."""


def _mapping(pairs):
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


def _values(leaves):
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]")
            | st.lists(st.tuples(_NAMES, inner), max_size=6).map(_mapping)  # keys may be duplicate
        ),
        max_leaves=20,
    )


_STRINGS = st.builds(json.dumps, WORDS | ANY_TEXT, ensure_ascii=st.booleans())
_NAMES = st.sampled_from([json.dumps(key) for key in _KEYS]) | _STRINGS
_DEEP = st.builds(
    lambda levels, around: around[0] * levels + "1" + around[1] * levels,
    st.sampled_from([50, 99, 101, 900, 1100, 6_000]),
    st.sampled_from([("[", "]"), ('{"metadata":', "}"), ('{"labels":[', "]}")]),
)
_GOOD = st.sampled_from(['"2025-10-09T08:53:20Z"', '"x"', "1", "true", '"Running"', '"Failed"', '"True"', '"1"'])
_BROKEN = st.sampled_from(
    [
        *("nul", "", "01", "+1", ".5", "0x1", "'x'", "[1,]", '{"a":1,}', "{1:2}", '"', "[", "}", "// x", "\ufeff{}"),
        *('"\\x"', '"\\ud8"', '"\t"', '"\n"', '"\x00"', "[" * 6_000, '{"a":' * 2_000),
    ]
)
VALUES = _values(st.sampled_from(["null", "true", "false", "[]", "{}"]) | NUMBERS | _STRINGS | _DEEP | _GOOD)
"""The text of a valid JSON value, unless it exceeds the maximum nesting of Python's json module."""

BROKEN = _values(VALUES | _BROKEN)
"""The text of a value that may be invalid."""


def struct_text(wire, *, valid=()):
    """The text of a mapping with the fields of a Struct, each of which is valid, wrong, missing or duplicate.

    Fields in `valid` are always present and valid, at every level. Their text value is "x".
    """
    fields = [st.tuples(st.just(json.dumps(f.encode_name)), _of(f, valid)) for f in msgspec.structs.fields(wire)]
    optional = [
        pair if field.encode_name in valid else weighted((1, st.none()), (3, pair))
        for field, pair in zip(msgspec.structs.fields(wire), fields, strict=True)
    ]
    more = st.lists(st.tuples(_STRINGS, VALUES) if valid else st.one_of(*fields), max_size=2)
    return st.builds(
        lambda some, others: _mapping([*others, *(pair for pair in some if pair)]), st.tuples(*optional), more
    )


def _of(field, valid):
    """The text of a value of this field, which may be wrong."""
    wires = [kind for kind in _kinds(field) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    if field.encode_name in valid:
        return struct_text(wires[0], valid=valid) if wires else st.just('"x"')
    if wires:
        return weighted((5, struct_text(wires[0], valid=valid)), (1, VALUES))
    for kind in _kinds(field):
        inner = typing.get_args(kind)
        if typing.get_origin(kind) is list and isinstance(inner[0], type) and issubclass(inner[0], msgspec.Struct):
            items = st.lists(weighted((4, struct_text(inner[0], valid=valid)), (1, VALUES)), max_size=3)
            return weighted((4, items.map(lambda texts: "[" + ",".join(texts) + "]")), (1, VALUES))
        if typing.get_origin(kind) is dict:
            pairs = st.tuples(_NAMES, weighted((4, _STRINGS), (1, VALUES)))
            return weighted((4, st.lists(pairs, max_size=3).map(_mapping)), (1, VALUES))
    return weighted((3, _GOOD), (2, _STRINGS), (2, NUMBERS), (1, VALUES))


def _kinds(field):
    return field.type, *typing.get_args(field.type)


def encode_text(text):
    """Encodes text as UTF-8. Lone surrogates become invalid bytes."""
    return text.encode("utf-8", "surrogatepass")
