"""Reads JSON lines: whole ones, and what is left of one that is truncated or split. Nothing here raises.

The kubelet and the container runtime cut lines at 16 KiB and glue standard error into them; the poller keeps only
both ends of very long lines.
"""

import bisect
import contextlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

__all__ = ["Parsed", "clean", "members", "parse"]

_END_BYTES: Final = 4096
_MAX_TOKENS: Final = 1024  # at each end of a broken line: a member of an object has three to five
_MAX_ITEMS: Final = 32  # at each end of an array: a line of thousands of items must not take long
_MAX_BYTES: Final = 256 << 10  # of a line: a decoded one may take 30 times its size
_ANSI: Final = re.compile(rb"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\))")
_TOKEN: Final = re.compile(rb'\\.|["{}\[\],]', re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"


class Parsed(NamedTuple):
    """What was read of a line."""

    objects: list[dict[str, Any]]
    """The objects: one, or the items of an array, of a long one the first and the last 32."""
    is_json: bool
    """Whether the whole line is JSON."""


def clean(text: bytes) -> bytes:
    """The line without escape sequences for colours, byte order mark, line ends and blanks at its end.

    Of a line of more than 256 KiB: its first 4 KiB, a line feed, its last 4 KiB, as the poller cuts lines.
    """
    if len(text) > _MAX_BYTES:
        text = text[:_END_BYTES] + b"\n" + text[-_END_BYTES:]
    if b"\x1b" in text:
        text = _ANSI.sub(b"", text)
    return text.removeprefix(_BOM).rstrip()


def parse(text: bytes) -> Parsed:
    """The objects of a line that is one JSON object, or an array of them."""
    start = text.lstrip()
    if not (start.startswith(b"{") and start.endswith(b"}")) and not (
        start.startswith(b"[") and start.endswith(b"]")
    ):
        return Parsed([], is_json=False)
    found = _decode(start)
    if isinstance(found, dict):
        return Parsed([found], is_json=True)
    if not isinstance(found, list):
        return Parsed([], is_json=False)
    if len(found) > 2 * _MAX_ITEMS:
        found = found[:_MAX_ITEMS] + found[-_MAX_ITEMS:]
    return Parsed([item for item in found if isinstance(item, dict)], is_json=True)


def _decode(text: bytes) -> Any:
    """The value, or None. NaN, which some writers write, and numbers that are too large are decoded as well."""
    with contextlib.suppress(ValueError, RecursionError, msgspec.DecodeError):
        return msgspec.json.decode(text)
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text.decode("utf-8", "replace"), parse_int=_integer)
    return None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float("inf")  # noqa: PLR2004 - more than 64 bits


def members(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first and the last members of an object that cannot be parsed, from its first and last 4 KiB."""
    start = text.lstrip()
    first = _first(start[:_END_BYTES]) if start.startswith(b"{") else {}
    last = _last(start[-_END_BYTES:]) if start.endswith(b"}") else {}
    return first, last


def _first(head: bytes) -> dict[str, Any]:
    """The longest beginning that ends before a comma of the object itself, not of an inner one."""
    return _longest([head[:comma] + b"}" for comma in _commas(_TOKEN.finditer(head), opening=b"{[")])


def _last(tail: bytes) -> dict[str, Any]:
    """The longest end after a comma of the object itself. Its start is unknown, so it is read backwards."""
    tokens = reversed(list(_TOKEN.finditer(tail)))
    return _longest([b"{" + tail[comma + 1 :] for comma in _commas(tokens, opening=b"}]")])


def _commas(tokens: Iterable[re.Match[bytes]], *, opening: bytes) -> Iterator[int]:
    """The positions of the commas in the outermost brackets. `opening` are brackets that add a level."""
    level, in_text = 0, False
    for match in itertools.islice(tokens, _MAX_TOKENS):
        token = match[0]
        if token == b'"':
            in_text = not in_text
        elif in_text or len(token) > 1:
            continue
        elif token == b",":
            if level == 1:
                yield match.start()
        else:
            level += 1 if token in opening else -1
            if not level:
                return


def _longest(parts: list[bytes]) -> dict[str, Any]:
    """The last of these objects that can be parsed. Each contains the one before: after a mistake, all have it."""
    count = bisect.bisect_left(parts, True, key=lambda part: _try(part) is None)
    return (_try(parts[count - 1]) if count else None) or {}


def _try(text: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None
    return found if isinstance(found, dict) else None
