"""Hostile or malformed CRDs and objects: the draft can be loaded, or the error is one line."""

import pytest
import yaml

from exporter.drafting import DraftError, parse_definition
from tests.drafting.drafts import a_crd, a_run, draft_of, read

OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
ODD_VALUES = [
    "a\nkind: Evil",
    "a: b",
    "\u2028x",
    "\x85y",
    "}, worker: {is: Pod",
    "'",
    '"',
    "#x",
    "x" * 5000,
    "\ud800",
    "No",
    "true",
    "0x1F",
    "12:30",
    "2025-10-09",
    "~",
    "null",
    "absent",
    "present",
    "",
    "sk-ant-api03-aaaaBBBBccccDDDD1234",
    "*alias",
    "!!python/object:os.system",
    "Failed\n",
    "It Failed",
]
COLUMNS = [{"name": f"c{n}", "type": "string", "jsonPath": f".status.c{n}"} for n in range(500)]
CRDS = {
    "no schema": a_crd(schema=None),
    "an empty schema": a_crd(properties={}),
    "preserve unknown fields": a_crd(schema={"openAPIV3Schema": OBJECT}),
    "500 columns": a_crd(properties={}, columns=COLUMNS),
    "columns that are no paths": a_crd(
        properties={},
        columns=[
            {"name": "a", "jsonPath": ".status.conditions[*].type"},
            {"name": "b", "jsonPath": ".status.list[-1:].x"},
            {"name": "c", "jsonPath": "status.phase\n- x"},
            {"name": "d", "jsonPath": 5},
            {"name": "e"},
            {"name": "f", "jsonPath": ".stauts.phase"},
            {"name": "g", "jsonPath": ".status.conditions[?(@.type=='a\nb')].status"},
            {"name": "h", "jsonPath": "." + "a." * 99 + "b"},
            None,
        ],
    ),
    "columns that do not go together": a_crd(
        properties={"status": OBJECT, "spec": OBJECT},
        columns=[
            {"name": "a", "jsonPath": ".status.phase"},
            {"name": "b", "jsonPath": ".status.phase.message"},
            {"name": "c", "jsonPath": ".spec.agent"},
            {"name": "d", "jsonPath": ".spec.agent.model"},
            {"name": "e", "jsonPath": ".spec.agent[0].repository"},
            {"name": "f", "jsonPath": ".status.conditions"},
        ],
    ),
    "names with line breaks": a_crd(
        properties={"spec": {"type": "object", "properties": {one: {"type": "string"} for one in ODD_VALUES}}}
    ),
    "huge descriptions": a_crd(
        properties={
            "status": {"type": "object", "properties": {"phase": {"type": "string", "description": "x" * 10**6}}}
        }
    ),
    "a phase with odd words": a_crd(
        properties={
            "status": {
                "type": "object",
                "properties": {"phase": {"type": "string", "enum": [*ODD_VALUES, 5, None, []]}},
            }
        }
    ),
    "500 phases": a_crd(
        properties={
            "status": {"type": "object", "properties": {"phase": {"enum": [f"X{n}Failed" for n in range(500)]}}}
        }
    ),
    "wrong types": a_crd(properties={"spec": [], "status": "x", "metadata": {"properties": {"labels": 5}}}),
    "a type that is a list": a_crd(
        properties={"status": {"properties": {"phase": {"type": ["string"], "format": {}, "enum": {}}}}}
    ),
    "a field of every name": a_crd(
        properties={
            part: {
                "properties": {
                    name: {"type": "string", "properties": {"name": {"type": "string"}}}
                    for name in ("agent", "model", "phase", "job", "pod", "message", "finishedAt", "type", "suspend")
                }
            }
            for part in ("spec", "status")
        }
    ),
}


def nested_schema(levels):
    """A schema with this number of levels."""
    node = {"type": "string"}
    for _ in range(levels):
        node = {"type": "object", "properties": {"a": node}}
    return node


CRDS["a deep schema"] = a_crd(properties={"spec": nested_schema(400)})
CRDS["a wide schema"] = a_crd(
    properties={"spec": {"properties": {f"f{n}": {"type": "string"} for n in range(20_000)}}}
)
OBJECTS = [
    None,
    [],
    "x",
    {"metadata": [], "spec": [], "status": 5},
    a_run(status={"phase": {"a": 1}, "conditions": {"type": "Ready"}}),
    a_run(status={"phase": "Running", "conditions": [None, 5, {"type": 5}, {"type": "Ready"}]}),
    *[
        a_run(
            spec={one: one, "agent": one, "model": one, "suspend": one},
            status={"phase": one, "message": one, "conditions": [{"type": one, "status": one, "reason": one}]},
            labels={one: one},
        )
        for one in ODD_VALUES
    ],
    a_run(spec={f"f{n}": n for n in range(5000)}, labels=5, annotations={"x": {"y": 1}}),
]


@pytest.mark.parametrize("name", CRDS)
@pytest.mark.parametrize("objects", [(), OBJECTS], ids=["alone", "with objects"])
def test_a_draft_of_anything_can_be_loaded(tmp_path, name, objects):
    """Its lines are printable and short. It has the keys of a profile, each once, and no others."""
    text = draft_of(CRDS[name], *objects)
    profile, own = read(text, tmp_path)
    assert set(own) - {"ready", "long_lived"} == {"resource", "kind", "state", "worker", "times", "about"}
    assert (profile.kind, profile.worker.is_) == ("AgentTask", own["worker"]["is"])
    assert all(line.isprintable() for line in text.split("\n"))
    assert max(map(len, text.split("\n"))) < 1500
    assert len([line for line in text.split("\n") if line and not line.startswith("#")]) <= 12
    assert "sk-ant" not in text
    assert len(text.split("\n")) < 40


@pytest.mark.parametrize("value", ODD_VALUES)
def test_a_value_is_listed_unchanged_or_not_at_all(tmp_path, value):
    """YAML reads a listed value as the same text. A value that is not a plain word is only counted."""
    crd = a_crd(properties={"status": {"type": "object", "properties": {"phase": {"enum": [value, "Done"]}}}})
    _, own = read(draft_of(crd), tmp_path)
    listed = {one for rule in own["state"] for values in rule.values() if isinstance(values, list) for one in values}
    assert listed - {value} <= {"absent", "Done"}


@pytest.mark.parametrize(
    ("crd", "line"),
    [
        (None, "the CRD serves no version: its objects cannot be read"),
        ([], "the CRD serves no version: its objects cannot be read"),
        ({"spec": {"versions": {}}}, "the CRD serves no version: its objects cannot be read"),
        (a_crd(served=False), "the CRD serves no version (v1): its objects cannot be read"),
        (
            a_crd(group="a b"),
            "the CRD cannot be used: group: 'a b' is not the name of an API group: a-z, 0-9, - and dots",
        ),
        (a_crd(kind="x\ny"), "the CRD cannot be used: kind: 'x\\ny' is not the name of a kind: A-Z, a-z, 0-9 and -"),
        (a_crd(plural=""), "the CRD cannot be used: plural: '' is not the name of a resource: a-z, 0-9 and -"),
        (
            a_crd(name="../v1"),
            "the CRD cannot be used: version: '../v1' is not the name of a version: a-z, 0-9 and -",
        ),
    ],
)
def test_a_crd_that_no_draft_can_be_made_of_is_one_line(crd, line):
    """The line says what is wrong."""
    with pytest.raises(DraftError) as caught:
        parse_definition(crd)
    assert str(caught.value) == line


def test_a_recursive_yaml_alias_has_a_limit(tmp_path):
    """A schema that contains itself is read to a maximum depth."""
    text = yaml.safe_dump(a_crd(properties={"spec": {"properties": {"a": None}}}))
    crd = yaml.safe_load(text.replace("a: null", "a: &a {properties: {a: *a, model: {type: string}}}"))
    assert read(draft_of(crd), tmp_path)[1]["about"]["model"]
