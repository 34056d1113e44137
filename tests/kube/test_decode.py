"""From bytes to objects: what is malformed costs itself and nothing else."""

import datetime as dt
import json

import msgspec
import pytest

from exporter.kube import errors
from exporter.kube.decode import Bookmark, Decoder, decode_bookmark, decode_event, decode_page, error_from_event
from exporter.kube.depth import shallow


class Owner(msgspec.Struct, rename="camel"):
    """A part of an object."""

    uid: str | None = None
    block_deletion: bool | None = None


class Meta(msgspec.Struct, rename="camel"):
    """A part of an object."""

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
    """An object from Python's JSON."""
    return DECODER.decode(msgspec.Raw(json.dumps(obj).encode()))


def test_a_whole_object_is_whole():
    """And what we do not know of it is passed over."""
    assert decode({"metadata": {"uid": "u", "x": [1]}, "count": 3}) == (Wire(Meta(uid="u"), 3), True)


def test_a_field_of_the_wrong_type_costs_itself_alone():
    """Its neighbours, and theirs, are untouched."""
    meta = {"uid": "u", "creationTimestamp": "yesterday", "labels": {"a": "1", "b": ["x"]}}
    assert decode({"metadata": meta, "count": "many"}) == (Wire(Meta(uid="u", labels={"a": "1"})), False)


def test_a_number_in_quotes_is_read():
    """Where what is meant is plain."""
    assert decode({"count": "3"}) == (Wire(count=3), False)


def test_a_list_keeps_what_can_be_read():
    """An owner among broken ones is still the owner."""
    owners = ["x", {"uid": "o", "blockDeletion": "perhaps"}, 5]
    item, whole = decode({"metadata": {"ownerReferences": owners}})
    assert Owner(uid="o") in item.metadata.owner_references
    assert not whole


@pytest.mark.parametrize("obj", [None, 5, "x", [], {"metadata": None}, {"metadata": 5}, {"metadata": []}])
def test_what_is_no_object_at_all_has_defaults(obj):
    """Nothing is known of it, and it is not whole."""
    assert decode(obj) == (Wire(), False)


def test_a_broken_label_map_is_as_if_there_was_none():
    """A list where a mapping should be."""
    assert decode({"metadata": {"uid": "u", "labels": [1], "ownerReferences": {}}}) == (Wire(Meta(uid="u")), False)


def test_bytes_that_are_not_utf_8_are_replaced():
    """The rest of the object is there."""
    item, whole = DECODER.decode(msgspec.Raw(b'{"metadata":{"uid":"u\xff"},"count":1}'))
    assert (item.metadata.uid, item.count, whole) == ("u\ufffd", 1, False)


def test_bytes_that_are_not_json_are_nothing():
    """And no crash."""
    assert DECODER.decode(msgspec.Raw(b'{"count":')) == (Wire(), False)


def nested(levels):
    """An object with a field that goes so deep."""
    return b'{"metadata":{"uid":"u"},"spec":{"x":' + b"[" * levels + b'"]"' + b"]" * levels + b'},"count":2}'


def test_an_object_of_ten_thousand_levels_does_not_end_the_exporter():
    """Kubernetes takes it where a CRD preserves unknown fields, and decoders here go a thousand deep."""
    deep = nested(9_990)
    event = decode_event(b'{"type":"ADDED","object":' + deep + b"}")
    assert DECODER.decode(event.object) == (Wire(Meta(uid="u"), 2), True)
    assert DECODER.decode(msgspec.Raw(deep)) == (Wire(Meta(uid="u"), 2), True)
    page = decode_page(b'{"metadata":{},"items":[' + deep + b',{"count":1}]}')
    assert [DECODER.decode(item)[0].count for item in page.items] == [2, 1]


def test_a_deep_and_malformed_object_is_salvaged_as_well():
    """Both at once."""
    deep = nested(5_000).replace(b'"count":2', b'"count":"x"')
    assert DECODER.decode(msgspec.Raw(deep)) == (Wire(Meta(uid="u")), False)


@pytest.mark.parametrize("unreadable", [b"NaN", b'"\\ud800"'])
def test_a_deep_object_with_what_no_json_is_keeps_its_other_fields(unreadable):
    """The second decoder, which reads more, ends at a thousand levels as well."""
    deep = nested(5_000).replace(b'"count":2', b'"count":2,"more":' + unreadable)
    assert DECODER.decode(msgspec.Raw(deep)) == (Wire(Meta(uid="u"), 2), False)


def test_a_bookmark_and_a_status_may_be_deep_as_well():
    """What is deep in them is none of ours."""
    deep = b'{"metadata":{"resourceVersion":"5"},"code":410,"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert decode_bookmark(msgspec.Raw(deep)) == Bookmark("5", initial_end=False)
    assert isinstance(error_from_event(msgspec.Raw(deep), path="/p"), errors.GoneError)


@pytest.mark.parametrize("code", [0, -1, 99, 600, 123_456_789])
def test_a_code_that_is_no_http_status_is_a_servers_trouble(code):
    """Errors are counted by their code, and a count is kept for ever: its values are few."""
    error = error_from_event(msgspec.Raw(b'{"code":%d}' % code), path="/p")
    assert (type(error), error.code) == (errors.ServerError, "500")


def test_shallow_leaves_alone_what_is_not_deep():
    """Brackets and quotes inside strings are no levels."""
    plain = json.dumps({"a": ["[" * 300, '\\"{' * 200, {"b": None}], "c": 1.5}).encode()
    assert shallow(plain) == plain


def test_shallow_cuts_at_a_hundred_levels():
    """What lies deeper is null, and what follows it is there."""
    text = shallow(b"[" * 150 + b"1" + b"]" * 150)
    assert text == b"[" * 100 + b"null" + b"]" * 100
    assert shallow(b"[" * 100 + b"]" * 100) == b"[" * 100 + b"]" * 100


def test_what_is_deep_and_broken_is_a_broken_answer():
    """It has no end that could be found."""
    with pytest.raises(errors.InvalidResponseError):
        decode_event(b'{"type":"ADDED","object":' + b"[" * 5000)


@pytest.mark.parametrize("line", [b"", b"{}", b"<html>", b'{"type":"ADDED","object":{"a":', b'{"type":5,"object":1}'])
def test_a_line_that_is_no_event_is_a_broken_answer(line):
    """A truncated one, or a proxy's."""
    with pytest.raises(errors.InvalidResponseError, match="not an event") as caught:
        decode_event(line)
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"metadata":{},"items":{}}', b'{"metadata":{},"items":[{]}'])
def test_a_body_that_is_no_list_is_a_broken_answer(body):
    """It could not be told from an empty one."""
    with pytest.raises(errors.InvalidResponseError, match="a list cannot be read"):
        decode_page(body)


def test_a_list_may_have_null_items():
    """As Go writes an empty list."""
    page = decode_page(b'{"metadata":{"resourceVersion":"5","continue":"c"},"items":null}')
    assert (page.items, page.metadata.resource_version, page.metadata.continue_) == (None, "5", "c")


def test_a_bookmark_is_a_version_and_may_end_the_initial_objects():
    """KEP-956 and KEP-3157."""
    assert decode_bookmark(msgspec.Raw(b'{"metadata":{"resourceVersion":"5"}}')) == Bookmark("5", initial_end=False)
    end = b'{"metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}'
    assert decode_bookmark(msgspec.Raw(end)) == Bookmark("5", initial_end=True)


def test_a_bookmark_without_metadata_is_a_broken_answer():
    """There is nothing to go on from."""
    with pytest.raises(errors.InvalidResponseError, match="bookmark"):
        decode_bookmark(msgspec.Raw(b"{}"))


def test_an_error_event_is_its_status():
    """Or, without one, a broken answer."""
    gone = error_from_event(msgspec.Raw(b'{"kind":"Status","status":"Failure","code":410}'), path="/p")
    assert isinstance(gone, errors.GoneError)
    assert isinstance(error_from_event(msgspec.Raw(b"5"), path="/p"), errors.InvalidResponseError)
