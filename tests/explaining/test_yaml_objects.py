"""YAML: documents, lists, and what is none."""

import pytest

from exporter.explaining.yaml_objects import NotYamlError, yaml_objects

LIST = """apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a, creationTimestamp: 2026-03-02T09:00:00Z}
- apiVersion: v1
  kind: Pod
  metadata: {name: b}
kind: List
metadata: {resourceVersion: ""}
"""


def names(text):
    """Of the objects."""
    return [tree["metadata"]["name"] for tree in yaml_objects(text) if tree]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LIST, ["a", "b"]),
        (f"---\n{LIST}---\nkind: Pod\nmetadata: {{name: c}}\n---\n", ["a", "b", "c"]),
        (
            LIST.replace("- ", "  - ")
            .replace("\n  kind: Pod", "\n    kind: Pod")
            .replace("\n  metadata", "\n    metadata"),
            ["a", "b"],
        ),
        ("items:\n- &x {metadata: {name: a}}\n- *x\n", ["a", "a"]),
    ],
)
def test_each_object_is_found(text, found):
    """In lists as kubectl prints them, indented ones, and with aliases."""
    assert names(text) == found


def test_no_line_of_a_document_is_lost():
    """Whatever follows its mark."""
    for mark in ("---\n", "--- # a\n", ""):
        found = filter(None, yaml_objects(f"{mark}apiVersion: v1\nkind: Pod\n"))
        assert [*found] == [{"apiVersion": "v1", "kind": "Pod"}], mark


def test_times_are_text():
    """As in JSON."""
    assert next(iter(yaml_objects(LIST)))["metadata"]["creationTimestamp"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", r"line \d: not YAML"),
        (LIST.replace("kind: Pod", "kind: Pod: x"), "line 4: not YAML"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("a: &x [" + "*x," * 3 + "]", "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
    ],
)
def test_what_is_no_yaml_is_one_line_with_its_place(text, words):
    """And nothing is executed."""
    with pytest.raises(NotYamlError, match=words) as error:
        list(yaml_objects(text))
    assert "\n" not in str(error.value)
