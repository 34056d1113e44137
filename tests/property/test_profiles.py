"""Compiled profiles read exactly the fields that their paths name."""

import msgspec
from hypothesis import given, strategies as st

from exporter.kube.decode import Decoder
from exporter.profiles import Reader, resolve, shipped_profiles
from exporter.profiles.fields import field_types
from exporter.profiles.paths import Where
from exporter.profiles.sources import format_value
from exporter.profiles.wire import ANY, LABEL, NUMBER, TEXT, Wire
from tests.objects import raw
from tests.property.profiles import examples

_NAMES = sorted(name for name in shipped_profiles() if name != "any")
_WIRES = {name: (types := field_types(resolve(name)), Wire(types)) for name in _NAMES}
_VALUES = [
    (LABEL, ["", "x", "Running"]),
    (TEXT, ["", "x", "Running", "True", 0, 7, 1.5, True, False]),
    (NUMBER, [0, 7]),
    (ANY, [{}, [1], "x"]),
    (None, ["2025-10-09T08:53:20Z"]),
]


def at(item, path):
    """The value at a path, found step by step."""
    for step in path:
        if isinstance(step, Where):
            found = [one for one in item if one.get(step.key) == step.value] if isinstance(item, list) else []
            item = found[0] if found else None
        elif isinstance(step, int):
            item = item[step] if isinstance(item, list) and step < len(item) else None
        else:
            item = item.get(step) if isinstance(item, dict) else None
    return item


def put(item, path, value):
    """Sets the value at a path. Missing mappings and lists are created."""
    for step, after in zip(path, (*path[1:], None), strict=True):
        empty = value if after is None else {} if isinstance(after, str) else []
        if isinstance(step, Where):
            if not (found := [one for one in item if one.get(step.key) == step.value]):
                item.append({step.key: step.value})
                found = item[-1:]
            item = found[0]
        elif isinstance(step, int):
            item.extend({} for _ in range(step + 1 - len(item)))
            item = item[step]
        else:
            item[step] = value if after is None else item.get(step, empty)
            item = item[step]


@st.composite
def _objects(draw):
    """A profile, and an object with values at some of its paths, and sometimes null instead of a mapping."""
    name = draw(st.sampled_from(_NAMES))
    types, _ = _WIRES[name]
    item = {"metadata": {"name": "x", "managedFields": [1]}, "spec": {"other": {}}, "more": [[1]]}
    for path, kind in types.items():
        if draw(st.booleans()):
            put(item, path, draw(st.sampled_from(next(some for known, some in _VALUES if known in (kind, None)))))
    for key in ("spec", "status"):
        if draw(st.integers(0, 9)) == 0:
            item[key] = None
    return name, item


@examples(300)
@given(drawn=_objects())
def test_a_compiled_profile_reads_what_its_paths_name(drawn):
    """Values are unchanged, missing fields have none, and the object counts as valid."""
    name, item = drawn
    types, wire = _WIRES[name]
    decoded, whole = Decoder(wire.type).decode(raw(item))
    assert whole
    values = wire.values(decoded)
    for path, kind in types.items():
        expected = at(item, path)
        if kind in (TEXT, LABEL):
            assert format_value(values[wire.index[path]]) == format_value(expected)
        else:
            assert (values[wire.index[path]] is None) == (expected is None)
    reader = Reader(resolve(name))
    state = reader.state(reader.values(msgspec.convert(item, reader.type)))
    assert state.state in {"waiting", "open", "succeeded", "failed", "cancelled"}
