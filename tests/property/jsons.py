"""JSON as hypothesis writes it: also what no writer of JSON would write."""

import json
import typing

import msgspec
from hypothesis import strategies as st

from tests.property.weighing import weighed

__all__ = ["ANY_TEXT", "BROKEN", "NUMBERS", "VALUES", "WORDS", "shaped", "written"]

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
"""Any code points, lone surrogates included: JSON can hold them, as \\ud800."""

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
"""Of every size, and what Python writes for no number."""

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
"""Text that means something, or should; and text that is long."""


def _mapping(pairs):
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


def _values(leaves):
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]")
            | st.lists(st.tuples(_NAMES, inner), max_size=6).map(_mapping)  # keys may come twice
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
"""The text of a value that Python's json reads, if it is not too deep for it."""

BROKEN = _values(VALUES | _BROKEN)
"""The text of something that is perhaps no value at all."""


def shaped(wire, *, sure=()):
    """The text of a mapping with a Struct's own fields: each good, wrong, missing, or there twice.

    `sure` are fields that are always there and right, on every level: the word "x" for text.
    """
    fields = [st.tuples(st.just(json.dumps(f.encode_name)), _of(f, sure)) for f in msgspec.structs.fields(wire)]
    maybe = [
        pair if field.encode_name in sure else weighed((1, st.none()), (3, pair))
        for field, pair in zip(msgspec.structs.fields(wire), fields, strict=True)
    ]
    more = st.lists(st.tuples(_STRINGS, VALUES) if sure else st.one_of(*fields), max_size=2)
    return st.builds(
        lambda some, others: _mapping([*others, *(pair for pair in some if pair)]), st.tuples(*maybe), more
    )


def _of(field, sure):
    """What may stand where this field's value should."""
    wires = [kind for kind in _kinds(field) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    if field.encode_name in sure:
        return shaped(wires[0], sure=sure) if wires else st.just('"x"')
    if wires:
        return weighed((5, shaped(wires[0], sure=sure)), (1, VALUES))
    for kind in _kinds(field):
        inner = typing.get_args(kind)
        if typing.get_origin(kind) is list and issubclass(inner[0], msgspec.Struct):
            items = st.lists(weighed((4, shaped(inner[0], sure=sure)), (1, VALUES)), max_size=3)
            return weighed((4, items.map(lambda texts: "[" + ",".join(texts) + "]")), (1, VALUES))
        if typing.get_origin(kind) is dict:
            pairs = st.tuples(_NAMES, weighed((4, _STRINGS), (1, VALUES)))
            return weighed((4, st.lists(pairs, max_size=3).map(_mapping)), (1, VALUES))
    return weighed((3, _GOOD), (2, _STRINGS), (2, NUMBERS), (1, VALUES))


def _kinds(field):
    return field.type, *typing.get_args(field.type)


def written(text):
    """Text as bytes, in which a lone surrogate is what no UTF-8 is."""
    return text.encode("utf-8", "surrogatepass")
