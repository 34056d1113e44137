"""Decodes watch events, lists and their objects from JSON. A malformed object does not affect other objects.

msgspec rejects an object with one field of a wrong type. Such an object is decoded field by field, because the
exporter has to report broken runs.
"""

import json
import types
from typing import Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from exporter.kube.depth import shallow
from exporter.kube.errors import InvalidResponseError, KubeError
from exporter.kube.responses import Status, error_from_status

__all__ = [
    "Bookmark",
    "Decoder",
    "Event",
    "ListMeta",
    "Page",
    "decode_bookmark",
    "decode_event",
    "decode_list_meta",
    "decode_page",
    "error_from_event",
]

W = TypeVar("W")

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"  # KEP-3157

_MIN_CODE, _MAX_CODE = 100, 599  # RFC 9110, 15

_MAX_DIGITS = 400  # of an integer; more than a float can represent


class Event(msgspec.Struct):
    """A line of a watch: its type (ADDED, MODIFIED, DELETED, BOOKMARK or ERROR) and its object."""

    type: str
    object: msgspec.Raw


class ListMeta(msgspec.Struct, rename="camel"):
    """The resourceVersion of a list, and the token for its next page."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    """A list, or a page of one. Go may encode an empty list as null."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class BookmarkMeta(msgspec.Struct, rename="camel"):
    """The metadata of a bookmark: a version and, once, the annotation that ends the initial events."""

    resource_version: str = ""
    annotations: dict[str, str] | None = None


class BookmarkObject(msgspec.Struct):
    """The object of a BOOKMARK event."""

    metadata: BookmarkMeta


class Bookmark(NamedTuple):
    """A resourceVersion to resume from; `initial_end`: it ends the initial events of a streamed list."""

    version: str
    initial_end: bool


_event = msgspec.json.Decoder(Event)
_page = msgspec.json.Decoder(Page)
_list_meta = msgspec.json.Decoder(ListMeta)
_bookmark = msgspec.json.Decoder(BookmarkObject)
_status = msgspec.json.Decoder(Status)
_any = msgspec.json.Decoder()


def decode_event(line: bytes) -> Event:
    """Decodes a line of a watch. Raises InvalidResponseError."""
    try:
        return _decode(_event, line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponseError(f"a line of a watch is not an event: {error}", code="not_json") from error


def decode_page(body: bytes) -> Page:
    """Decodes the body of a list. Raises InvalidResponseError."""
    try:
        return _decode(_page, body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponseError(f"a list cannot be read: {error}", code="not_json") from error


def decode_list_meta(data: bytes) -> ListMeta:
    """Decodes the metadata of a list. Raises InvalidResponseError."""
    try:
        return _decode(_list_meta, data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponseError(f"the metadata of a list cannot be read: {error}", code="not_json") from error


def decode_bookmark(raw: msgspec.Raw) -> Bookmark:
    """Decodes the object of a BOOKMARK event. Raises InvalidResponseError."""
    try:
        meta = _decode(_bookmark, raw).metadata
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponseError(f"a bookmark cannot be read: {error}", code="not_json") from error
    return Bookmark(meta.resource_version, (meta.annotations or {}).get(_INITIAL_EVENTS_END) == "true")


def error_from_event(raw: msgspec.Raw, *, path: str) -> KubeError:
    """The error for the object of an ERROR event, a Status."""
    try:
        status = _decode(_status, raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return InvalidResponseError(f"an ERROR event without a Status at {path}", code="not_json")
    if status.code is not None and not _MIN_CODE <= status.code <= _MAX_CODE:
        status.code = None  # the code becomes a label, whose values must be limited
    return error_from_status(status, path=path)


class Decoder(Generic[W]):
    """Decodes objects to `wire`, a `msgspec.Struct` with only the fields that the exporter reads, all optional."""

    def __init__(self, wire: type[W]) -> None:
        self._wire = wire
        self._decoder = msgspec.json.Decoder(wire)

    def decode(self, raw: msgspec.Raw) -> tuple[W, bool]:
        """The object, and whether all of it was valid; an invalid field has its default."""
        try:
            return _decode(self._decoder, raw), True
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._salvage(bytes(raw)), False

    def _salvage(self, raw: bytes) -> W:
        """Decodes the valid fields. Falls back to `json`, which accepts NaN, infinite numbers and lone surrogates."""
        text = shallow(raw).decode("utf-8", "replace")
        try:
            untyped = _any.decode(text)
        except msgspec.DecodeError:
            try:
                untyped = json.loads(text, parse_int=_integer)
            except ValueError:
                untyped = {}
        salvaged: W = _struct(untyped, self._wire)
        return salvaged


def _decode(decoder: msgspec.json.Decoder[W], data: bytes | msgspec.Raw) -> W:
    try:
        return decoder.decode(data)
    except RecursionError:
        return decoder.decode(shallow(bytes(data)))


def _integer(digits: str) -> float:
    """An integer; a float if it has so many digits that int() rejects it."""
    return int(digits) if len(digits) < _MAX_DIGITS else float(digits)


def _struct(value: Any, wire: type[Any]) -> Any:
    """A Struct of the valid fields of a mapping; all defaults if it is not a mapping."""
    fields: dict[str, Any] = {}
    if isinstance(value, dict):
        for field in msgspec.structs.fields(wire):
            if field.encode_name in value:
                fields[field.name] = _value(value[field.encode_name], field.type)
    return wire(**{name: item for name, item in fields.items() if item is not msgspec.NODEFAULT})


def _value(value: Any, kind: Any) -> Any:
    """The valid part of a value of this type; NODEFAULT if there is none."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (
        ValueError,
        OverflowError,
    ):  # ValidationError is a ValueError; others: a lone surrogate in a time, the year 10000
        pass
    members = get_args(kind) if get_origin(kind) in {types.UnionType, Union} else ()
    for inner in (kind, *members):  # the members of an "X | None"
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return _struct(value, inner)
        if get_origin(inner) is list and isinstance(value, list):
            items = (_value(item, get_args(inner)[0]) for item in value)
            return [item for item in items if item is not msgspec.NODEFAULT]
        if get_origin(inner) is dict and isinstance(value, dict):
            pairs = ((str(key), _value(item, get_args(inner)[1])) for key, item in value.items())
            return {key: item for key, item in pairs if item is not msgspec.NODEFAULT}
    return msgspec.NODEFAULT
