"""Reads the items of a list from a stream, because a list of 100,000 objects takes 400 MB.

Each item is yielded as soon as it is complete. At the end, only the metadata of the list remains.
"""

import re
from collections.abc import Iterator

import msgspec

from exporter.kube.budget import Share
from exporter.kube.decode import ListMeta, decode_list_meta
from exporter.kube.depth import end_of_value
from exporter.kube.errors import InvalidResponseError
from exporter.kube.lines import MAX_OBJECT_BYTES

__all__ = ["Items"]

_BATCH = 256  # items; decoding them takes some milliseconds

_KEY = re.compile(rb'\s*+[{,]\s*+"((?:[^"\\]|\\.)*+)"\s*+:\s*+(?=\S)', re.DOTALL)
_BEFORE_KEY = (b"", b"{", b",", b"}")
_GAP = re.compile(rb"[\s,]*+")
_END = re.compile(rb"\s*+\}\s*+")


class Items:
    """Reads one list. `share` counts the bytes of an incomplete item."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._data = b""
        self._at = 0
        self._enough = 0
        self._inside = False
        self._meta: ListMeta | None = None

    def feed(self, chunk: bytes) -> Iterator[list[msgspec.Raw]]:
        """Yields the items that this chunk completes, in batches. Raises InvalidResponseError if it is not a list."""
        self._data += chunk
        self._share.hold(len(self._data))
        if len(self._data) < self._enough:
            return
        found = False
        while items := self._read():
            found = True
            yield items
        rest = len(self._data) - self._at
        if rest > MAX_OBJECT_BYTES:
            raise InvalidResponseError(f"an item of a list is larger than {MAX_OBJECT_BYTES >> 20} MiB", code="line")
        # A large item arrives in many chunks: it is scanned again only when its size has doubled.
        self._enough = 0 if found else 2 * rest
        self._data, self._at = self._data[self._at :], 0
        self._share.hold(rest)

    def end(self) -> tuple[list[msgspec.Raw], ListMeta]:
        """The remaining items and the list's metadata. Raises InvalidResponseError if the list is incomplete."""
        items = self._read()
        if self._inside or self._meta is None or not _END.fullmatch(self._data, self._at):
            raise InvalidResponseError("a list cannot be read: it is incomplete, or not a list", code="not_json")
        return items, self._meta

    def _read(self) -> list[msgspec.Raw]:
        items: list[msgspec.Raw] = []
        while len(items) < _BATCH and (self._read_item(items) if self._inside else self._read_key()):
            pass
        return items

    def _read_key(self) -> bool:
        """Reads one key of the list with its value. Returns False if it is incomplete."""
        if (key := _KEY.match(self._data, self._at)) is None:
            if self._data[self._at :].lstrip()[:1] not in _BEFORE_KEY:
                raise InvalidResponseError("a list cannot be read: it is not a JSON object", code="not_json")
            return False
        start = key.end()
        if key[1] == b"items" and self._data[start : start + 1] == b"[":
            self._at, self._inside = start + 1, True
            return True
        if (end := end_of_value(self._data, start)) is None:
            return False
        if key[1] == b"metadata":
            self._meta = decode_list_meta(self._data[start:end])
        self._at = end
        return True

    def _read_item(self, items: list[msgspec.Raw]) -> bool:
        gap = _GAP.match(self._data, self._at)
        start = gap.end() if gap else self._at
        if self._data[start : start + 1] == b"]":
            self._at, self._inside = start + 1, False
            return True
        if (end := end_of_value(self._data, start)) is None:
            return False
        items.append(msgspec.Raw(self._data[start:end]))
        self._at = end
        return True
