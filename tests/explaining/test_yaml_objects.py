"""Objects in YAML documents and lists, and text that is not YAML."""

import pytest

from exporter.explaining import yaml_objects as yaml_of
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
    """The names of the objects in a text."""
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
    """Objects may be in lists as kubectl prints them, in indented lists, and aliases."""
    assert names(text) == found


def test_no_line_of_a_document_is_lost():
    """The document start may have any form."""
    for mark in ("---\n", "--- # a\n", ""):
        found = filter(None, yaml_objects(f"{mark}apiVersion: v1\nkind: Pod\n"))
        assert [*found] == [{"apiVersion": "v1", "kind": "Pod"}], mark


def test_timestamps_are_text():
    """They are text in JSON, too."""
    assert next(iter(yaml_objects(LIST)))["metadata"]["creationTimestamp"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", r"line \d: not YAML"),
        (LIST.replace("kind: Pod", "kind: Pod: x"), "line 4: not YAML"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("a: &x [" + "*x," * 3 + "]", "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
    ],
)
def test_invalid_yaml_is_one_line_with_its_place(text, message):
    """A YAML tag does not create a Python object or call a function."""
    with pytest.raises(NotYamlError, match=message) as error:
        list(yaml_objects(text))
    assert "\n" not in str(error.value)


MARKDOWN = """- metadata: {name: c}
  data:
    a.md: |
      # Rules
      - *Never* push to main
      - **Always**: &more
"""


def test_each_item_is_parsed_alone_despite_markdown(monkeypatch):
    """Lines of Markdown may look like aliases or anchors. The list is not parsed as one tree because of them."""
    parsed = []
    tree = yaml_of._tree
    monkeypatch.setattr(yaml_of, "_tree", lambda text, line: parsed.append(len(text)) or tree(text, line))
    text = LIST.replace("kind: List", f"{MARKDOWN}kind: List")
    assert names(text) == ["a", "b", "c"]
    assert max(parsed) < len(text) / 2


def test_an_alias_yields_its_object_again():
    """Items before the alias are not yielded twice."""
    text = "items:\n- {metadata: {name: z}}\n- &x {metadata: {name: a}}\n- *x\n- {metadata: {name: b}}\n- *x\n"
    assert names(text) == ["z", "a", "a", "b", "a"]


@pytest.mark.parametrize("text", ["items:\n- &x {a: b}\n- *x\n", "a:\n  b: c\n"])
def test_one_tree_has_a_limit(monkeypatch, text):
    """A tree needs about a hundred times the memory of its text."""
    monkeypatch.setattr(yaml_of, "_MAX_OBJECT_CHARS", 8)
    with pytest.raises(NotYamlError, match=r"line \d: one document or item of more than"):
        list(yaml_objects(text))
