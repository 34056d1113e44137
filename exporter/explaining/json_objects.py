"""Splits a stream of JSON into Kubernetes objects: lists, single objects, several documents one after another.

Only one item is in memory, because the dump of a cluster has hundreds of megabytes.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.kube.depth import end_of_value
from exporter.kube.errors import InvalidResponseError

__all__ = ["JsonObjects", "NotJsonError", "TruncatedError"]

_MAX_OBJECT_BYTES: Final = 32 << 20
_KEY: Final = re.compile(rb'\s*+,?\s*+"((?:[^"\\]|\\.)*+)"\s*+:\s*+(?=\S)', re.DOTALL)
_SPACE: Final = re.compile(rb"[\s,]*+")
_TYPES: Final = (b"apiVersion", b"kind")

_text = msgspec.json.Decoder(str)


class NotJsonError(Exception):
    """The data is not JSON. The message is one line, with the position."""


class TruncatedError(Exception):
    """The data ends in the middle of a document."""


class JsonObjects:
    """Yields each object with the kind and version that its list gives to items without their own.

    `empty` are the kinds of the lists without items.
    """

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._passed = 0
        self._enough = 0
        self._place = "top"
        self._parts: list[bytes] = []
        self._size = 0
        self._types = {b"apiVersion": "", b"kind": ""}
        self._listed = self._has_items = False
        self.empty: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[tuple[msgspec.Raw, str, str]]:
        """The objects that this chunk completes, as (object, kind, version). Raises NotJsonError."""
        self._data += chunk
        if len(self._data) < self._enough:
            return
        progress = False
        try:
            while (step := self._step()) is not None:
                progress = True
                if step:
                    yield msgspec.Raw(step), self._types[b"kind"].removesuffix("List"), self._types[b"apiVersion"]
        except InvalidResponseError as error:
            raise NotJsonError(f"byte {self._passed + self._at}: {str(error).partition(': ')[2]}") from error
        rest = len(self._data) - self._at
        if rest > _MAX_OBJECT_BYTES:
            raise NotJsonError(
                f"byte {self._passed + self._at}: an object is larger than {_MAX_OBJECT_BYTES >> 20} MiB"
            )
        self._enough = 0 if progress else 2 * rest
        self._passed += self._at
        self._data, self._at = self._data[self._at :], 0

    def end(self) -> Iterator[tuple[msgspec.Raw, str, str]]:
        """The objects in the rest of the data. Raises TruncatedError if it is incomplete."""
        self._enough = 0
        yield from self.feed(b"")
        if self._place != "top" or self._data.strip():
            raise TruncatedError

    def _step(self) -> bytes | None:
        """Reads the next part. Returns an object if it is complete, else b""; None if more data is needed."""
        space = _SPACE.match(self._data, self._at)
        self._at = space.end() if space else self._at
        if self._at >= len(self._data):
            return None
        return {"top": self._top, "keys": self._key, "items": self._item}[self._place]()

    def _top(self) -> bytes | None:
        if self._data[self._at : self._at + 1] != b"{":
            raise InvalidResponseError("not JSON: an object was expected", code="not_json")
        self._at += 1
        self._place, self._parts, self._size, self._listed = "keys", [], 0, False
        self._has_items = False
        self._types = {b"apiVersion": "", b"kind": ""}
        return b""

    def _key(self) -> bytes | None:
        if self._data[self._at : self._at + 1] == b"}":
            self._at += 1
            self._place = "top"
            if self._listed and not self._has_items:
                self.empty.append(self._types[b"kind"])
            whole = b"{" + b",".join(self._parts) + b"}"
            return whole if self._parts and not self._listed else b""
        if (key := _KEY.match(self._data, self._at)) is None:
            if self._data[self._at : self._at + 1] != b'"':
                raise InvalidResponseError("not JSON: a key was expected", code="not_json")
            return None
        start = key.end()
        if key[1] == b"items" and self._data[start : start + 1] == b"[":
            self._at, self._place, self._listed, self._parts = start + 1, "items", True, []
            return b""
        if (end := end_of_value(self._data, start)) is None:
            return None
        if key[1] in _TYPES:
            self._types[key[1]] = _string(self._data[start:end])
        if not self._listed:
            self._parts.append(b'"' + key[1] + b'":' + self._data[start:end])
            self._size += len(self._parts[-1])
            if self._size > _MAX_OBJECT_BYTES:
                raise InvalidResponseError(
                    f"not usable: an object is larger than {_MAX_OBJECT_BYTES >> 20} MiB", code="too_large"
                )
        self._at = end
        return b""

    def _item(self) -> bytes | None:
        if self._data[self._at : self._at + 1] == b"]":
            self._at, self._place = self._at + 1, "keys"
            return b""
        if (end := end_of_value(self._data, self._at)) is None:
            return None
        item, self._at, self._has_items = self._data[self._at : end], end, True
        return item


def _string(value: bytes) -> str:
    try:
        return _text.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
