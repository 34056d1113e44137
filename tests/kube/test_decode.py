"""Decodes JSON to objects: a malformed field does not affect the other fields."""

import datetime as dt
import json

import msgspec
import pytest

from exporter.kube import errors
from exporter.kube.decode import Bookmark, Decoder, decode_bookmark, decode_event, decode_page, error_from_event
from exporter.kube.depth import shallow


class Owner(msgspec.Struct, rename="camel"):
    """A nested Struct."""

    uid: str | None = None
    block_deletion: bool | None = None


class Meta(msgspec.Struct, rename="camel"):
    """A nested Struct."""

    uid: str | None = None
    creation_timestamp: dt.datetime | None = None
    labels: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class Wire(msgspec.Struct):
    """An object."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    count: int | None = None


DECODER = Decoder(Wire)


def decode(obj):
    """Decodes an object that is given as Python values."""
    return DECODER.decode(msgspec.Raw(json.dumps(obj).encode()))


def test_a_valid_object_is_decoded():
    """Unknown fields are ignored."""
    assert decode({"metadata": {"uid": "u", "x": [1]}, "count": 3}) == (Wire(Meta(uid="u"), 3), True)


def test_a_field_of_the_wrong_type_affects_only_itself():
    """Other fields of the same and of nested Structs are kept."""
    meta = {"uid": "u", "creationTimestamp": "yesterday", "labels": {"a": "1", "b": ["x"]}}
    assert decode({"metadata": meta, "count": "many"}) == (Wire(Meta(uid="u", labels={"a": "1"})), False)


def test_a_number_in_quotes_is_read():
    """The meaning is clear."""
    assert decode({"count": "3"}) == (Wire(count=3), False)


def test_the_valid_elements_of_a_list_are_kept():
    """A valid ownerReference among malformed ones is still used."""
    owners = ["x", {"uid": "o", "blockDeletion": "perhaps"}, 5]
    item, whole = decode({"metadata": {"ownerReferences": owners}})
    assert Owner(uid="o") in item.metadata.owner_references
    assert not whole


@pytest.mark.parametrize("obj", [None, 5, "x", [], {"metadata": None}, {"metadata": 5}, {"metadata": []}])
def test_a_value_that_is_not_an_object_is_decoded_with_defaults(obj):
    """It is also marked as malformed."""
    assert decode(obj) == (Wire(), False)


def test_malformed_labels_are_ignored():
    """Here they are a list instead of a map."""
    assert decode({"metadata": {"uid": "u", "labels": [1], "ownerReferences": {}}}) == (Wire(Meta(uid="u")), False)


def test_invalid_utf_8_is_replaced():
    """The other fields are kept."""
    item, whole = DECODER.decode(msgspec.Raw(b'{"metadata":{"uid":"u\xff"},"count":1}'))
    assert (item.metadata.uid, item.count, whole) == ("u\ufffd", 1, False)


def test_invalid_json_is_decoded_with_defaults():
    """No exception is raised."""
    assert DECODER.decode(msgspec.Raw(b'{"count":')) == (Wire(), False)


def nested(levels):
    """An object with a field that has this number of levels of nesting."""
    return b'{"metadata":{"uid":"u"},"spec":{"x":' + b"[" * levels + b'"]"' + b"]" * levels + b'},"count":2}'


def test_an_object_with_ten_thousand_levels_is_decoded():
    """Kubernetes accepts it if the CRD preserves unknown fields. The JSON decoders here have a limit of 1,000."""
    deep = nested(9_990)
    event = decode_event(b'{"type":"ADDED","object":' + deep + b"}")
    assert DECODER.decode(event.object) == (Wire(Meta(uid="u"), 2), True)
    assert DECODER.decode(msgspec.Raw(deep)) == (Wire(Meta(uid="u"), 2), True)
    page = decode_page(b'{"metadata":{},"items":[' + deep + b',{"count":1}]}')
    assert [DECODER.decode(item)[0].count for item in page.items] == [2, 1]


def test_the_valid_fields_of_a_deep_and_malformed_object_are_kept():
    """An object can be both deeply nested and malformed."""
    deep = nested(5_000).replace(b'"count":2', b'"count":"x"')
    assert DECODER.decode(msgspec.Raw(deep)) == (Wire(Meta(uid="u")), False)


@pytest.mark.parametrize("unreadable", [b"NaN", b'"\\ud800"'])
def test_the_valid_fields_of_a_deep_object_with_invalid_json_are_kept(unreadable):
    """The more tolerant second decoder has the same limit of nesting."""
    deep = nested(5_000).replace(b'"count":2', b'"count":2,"more":' + unreadable)
    assert DECODER.decode(msgspec.Raw(deep)) == (Wire(Meta(uid="u"), 2), False)


def test_a_bookmark_and_a_status_can_be_deep():
    """Their nested fields are not used."""
    deep = b'{"metadata":{"resourceVersion":"5"},"code":410,"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert decode_bookmark(msgspec.Raw(deep)) == Bookmark("5", initial_end=False)
    assert isinstance(error_from_event(msgspec.Raw(deep), path="/p"), errors.GoneError)


@pytest.mark.parametrize("code", [0, -1, 99, 600, 123_456_789])
def test_a_code_that_is_no_http_status_is_a_server_error(code):
    """The code becomes a label value, so its values must be few."""
    error = error_from_event(msgspec.Raw(b'{"code":%d}' % code), path="/p")
    assert (type(error), error.code) == (errors.ServerError, "500")


def test_shallow_does_not_change_an_object_with_few_levels():
    """Brackets and quotes within strings do not count."""
    plain = json.dumps({"a": ["[" * 300, '\\"{' * 200, {"b": None}], "c": 1.5}).encode()
    assert shallow(plain) == plain


def test_shallow_replaces_everything_below_a_hundred_levels_with_null():
    """What follows the deep value is kept."""
    text = shallow(b"[" * 150 + b"1" + b"]" * 150)
    assert text == b"[" * 100 + b"null" + b"]" * 100
    assert shallow(b"[" * 100 + b"]" * 100) == b"[" * 100 + b"]" * 100


def test_a_deep_and_truncated_event_is_invalid():
    """Its end cannot be determined."""
    with pytest.raises(errors.InvalidResponseError):
        decode_event(b'{"type":"ADDED","object":' + b"[" * 5000)


@pytest.mark.parametrize("line", [b"", b"{}", b"<html>", b'{"type":"ADDED","object":{"a":', b'{"type":5,"object":1}'])
def test_a_line_that_is_not_an_event_is_invalid(line):
    """Such a line was truncated, or comes from a proxy."""
    with pytest.raises(errors.InvalidResponseError, match="not an event") as caught:
        decode_event(line)
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"metadata":{},"items":{}}', b'{"metadata":{},"items":[{]}'])
def test_a_body_that_is_not_a_list_is_invalid(body):
    """It could not be distinguished from an empty list."""
    with pytest.raises(errors.InvalidResponseError, match="a list cannot be read"):
        decode_page(body)


def test_the_items_of_a_list_can_be_null():
    """Servers that are written in Go send an empty list as null."""
    page = decode_page(b'{"metadata":{"resourceVersion":"5","continue":"c"},"items":null}')
    assert (page.items, page.metadata.resource_version, page.metadata.continue_) == (None, "5", "c")


def test_a_bookmark_has_a_resource_version_and_can_end_the_initial_list():
    """KEP-956 and KEP-3157 define this."""
    assert decode_bookmark(msgspec.Raw(b'{"metadata":{"resourceVersion":"5"}}')) == Bookmark("5", initial_end=False)
    end = b'{"metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}'
    assert decode_bookmark(msgspec.Raw(end)) == Bookmark("5", initial_end=True)


def test_a_bookmark_without_metadata_is_invalid():
    """A watch could not continue from it."""
    with pytest.raises(errors.InvalidResponseError, match="bookmark"):
        decode_bookmark(msgspec.Raw(b"{}"))


def test_an_error_event_is_the_error_of_its_status():
    """Without a Status, the response is invalid."""
    gone = error_from_event(msgspec.Raw(b'{"kind":"Status","status":"Failure","code":410}'), path="/p")
    assert isinstance(gone, errors.GoneError)
    assert isinstance(error_from_event(msgspec.Raw(b"5"), path="/p"), errors.InvalidResponseError)
