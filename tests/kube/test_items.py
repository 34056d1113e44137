"""Decodes the items of a list while its bytes arrive."""

import json

import msgspec
import pytest
from hypothesis import given, settings, strategies as some

from exporter.kube.budget import Budget
from exporter.kube.depth import end_of_value
from exporter.kube.errors import InvalidResponseError, TooLargeError
from exporter.kube.items import Items

DEEP = b"[" * 3000 + b'"]}"' + b"]" * 3000
ITEMS = [{"metadata": {"name": "a", "uid": "1"}, "data": {"k": '},{"metadata":"\\'}}, {}, {"x": [{}, {"items": [1]}]}]


def read(*chunks, max_bytes=1 << 30):
    """Returns all items and the metadata."""
    budget = Budget(max_bytes=max_bytes)
    with budget.share("/p") as share:
        items = Items(share)
        found = [raw for chunk in chunks for batch in items.feed(chunk) for raw in batch]
        rest, meta = items.end()
    assert budget.used == 0
    return [bytes(raw) for raw in [*found, *rest]], meta


@pytest.mark.parametrize("order", [("kind", "metadata", "items"), ("items", "kind", "metadata")])
@settings(max_examples=30, deadline=None)
@given(size=some.integers(1, 40), indent=some.sampled_from([None, 2]))
def test_the_items_do_not_depend_on_the_chunks(order, size, indent):
    """Lists of built-in kinds have the metadata before the items, lists of custom resources after them."""
    whole = {"kind": "L", "metadata": {"resourceVersion": "7", "continue": "c"}, "items": ITEMS}
    body = json.dumps({key: whole[key] for key in order}, indent=indent).encode() + b"\n"
    found, meta = read(*(body[at : at + size] for at in range(0, len(body), size)))
    assert [json.loads(raw) for raw in found] == ITEMS
    assert (meta.resource_version, meta.continue_) == ("7", "c")


def test_items_are_yielded_in_batches():
    """Other tasks run between batches: a chunk of 256 KiB can contain 87,000 items."""
    with Budget().share("/p") as share:
        sizes = [len(batch) for batch in Items(share).feed(b'{"items":[' + b"{}," * 1000)]
    assert sizes == [256, 256, 256, 232]


@pytest.mark.parametrize("items", [b"[]", b"[ ]", b"null"])
def test_a_list_can_be_empty(items):
    """Servers that are written in Go may send an empty list as null."""
    found, meta = read(b'{"metadata":{"resourceVersion":"1"},"items":' + items + b"}")
    assert (found, meta.continue_) == ([], "")


def test_a_deeply_nested_item_is_yielded():
    """Its neighbours must not be lost. Strings in it can contain brackets."""
    body = b'{"items":[{"a":1},{"b":' + DEEP + b'},{"c":2}],"metadata":{}}'
    found, _ = read(body[:2000], body[2000:])
    assert found == [b'{"a":1}', b'{"b":' + DEEP + b"}", b'{"c":2}']


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"items":[]}',
        b'{"metadata":{},"items":[{}',
        b'{"metadata":{},"items":[{}]',
        b'{"metadata":{},"items":[{]}',
        b'{"metadata":{},"items":[nil]}',
        b'{"metadata":7,"items":[]}',
        b'{"metadata":{},"items":[]}{}',
        b'{"metadata":{},"items"',
    ],
)
def test_an_invalid_or_truncated_list_is_an_error(body):
    """Treating it as a shorter list would mean that objects were deleted."""
    for chunks in ([body], [body[at : at + 1] for at in range(len(body))]):
        with pytest.raises(InvalidResponseError):
            read(*chunks)


def test_an_item_without_an_end_is_rejected(monkeypatch):
    """The maximum is 16 MiB, as for a line of a watch."""
    monkeypatch.setattr("exporter.kube.items.MAX_OBJECT_BYTES", 1000)
    with pytest.raises(InvalidResponseError, match="an item of a list is larger than"):
        read(b'{"items":["', *[b"x" * 600] * 3)


def test_the_memory_of_an_incomplete_item_counts_towards_the_budget():
    """Complete items are passed on and no longer counted."""
    body = b'{"metadata":{},"items":[' + b",".join([b'{"a":"%s"}' % (b"x" * 500)] * 100) + b"]}"
    assert len(read(*(body[at : at + 100] for at in range(0, len(body), 100)), max_bytes=2000)[0]) == 100
    with pytest.raises(TooLargeError):
        read(b'{"metadata":{},"items":["', *[b"x" * 600] * 4, max_bytes=2000)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b'{"a":"}"},1', 9),
        (b'"x\\"]" ]', 7),
        (b"12,", 2),
        (b"12", None),
        (b'{"a":1', None),
        (b"nul", None),
        (b'{"a":[1,{}]} ,', 13),
    ],
)
def test_the_end_of_a_value(data, end):
    """It is taken from the text of msgspec's error. Whitespace after a value may belong to it."""
    found = end_of_value(b"xx" + data, 2)
    assert found == (None if end is None else end + 2)
    if end is not None:
        msgspec.json.decode(data[:end])
