"""JSON that arrives in pieces: lists, single objects, several documents, truncated and invalid JSON."""

import json
import time

import pytest

from exporter.explaining import json_objects
from exporter.explaining.json_objects import JsonObjects, NotJsonError, TruncatedError

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 'a"]}{', "labels": {"items": "[1]"}}}
LIST = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [POD, POD]}


def objects(text, size=7):
    """All objects of a text that is fed in pieces of `size` bytes."""
    found, data = JsonObjects(), text.encode()
    every = []
    for start in range(0, len(data), size):
        every += found.feed(data[start : start + size])
    return [(json.loads(bytes(raw)), kind) for raw, kind, _ in [*every, *found.end()]]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize(
    ("text", "number"),
    [
        (json.dumps(LIST), 2),
        (json.dumps(LIST, indent=4) + "\n" + json.dumps(POD) + json.dumps({**LIST, "items": []}), 3),
        ('{"items": [], "kind": "List"}', 0),
        (json.dumps(POD), 1),
        ("", 0),
        (" \n", 0),
    ],
)
def test_each_object_is_found(text, number, size):
    """The sizes of the pieces do not matter."""
    assert [tree for tree, _ in objects(text, size)] == [POD] * number


def test_items_of_a_typed_list_have_its_kind():
    """`kubectl get --raw` prints items without a kind."""
    assert objects('{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{}}]}')[0][1] == "Pod"


@pytest.mark.parametrize("end", range(1, len(json.dumps(LIST)) - 1))
def test_a_truncated_list_yields_its_complete_objects(end):
    """The list may be truncated at any byte."""
    found = JsonObjects()
    every = [*found.feed(json.dumps(LIST).encode()[:end])]
    with pytest.raises(TruncatedError):
        every += found.end()
    assert len(every) <= 2


@pytest.mark.parametrize("text", ["[1]", "{1}", '{"a" 1}', '{"items": [}', "nonsense", '{"a": tru}'])
def test_invalid_json_is_one_line(text):
    """The error line has no line break."""
    with pytest.raises((NotJsonError, TruncatedError)) as error:
        objects(text)
    assert "\n" not in str(error.value)


def test_a_deeply_nested_object_is_one_object():
    """JSON decoders fail at about 1000 levels, so they are not used to find the end of an object."""
    deep = "[" * 5000 + "]" * 5000
    assert len([*JsonObjects().feed(f'{{"items":[{{"a":{deep}}},{{}}],"kind":"List"}}'.encode())]) == 2


def test_an_object_with_many_keys_takes_linear_time():
    """The size of the object so far is not computed again for each key."""
    many = json.dumps({"kind": "ConfigMap", **{f"k{number}": 0 for number in range(60_000)}}).encode()
    start = time.process_time()
    assert len([*JsonObjects().feed(many + b"{}")]) == 1
    assert time.process_time() - start < 5


def test_an_object_with_many_large_keys_has_a_limit(monkeypatch):
    """The limit is for the whole object."""
    monkeypatch.setattr(json_objects, "_MAX_OBJECT_BYTES", 100)
    with pytest.raises(NotJsonError, match="larger than"):
        objects(json.dumps({f"key{number}": "x" for number in range(30)}))
    assert len(objects(json.dumps({"kind": "A" * 60}) * 5)) == 5
