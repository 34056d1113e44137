"""Reads JSON lines: whole ones, and what is left of one that is truncated or split. Nothing here raises.

The kubelet and the container runtime cut lines at 16 KiB and glue standard error into them; the poller keeps only
both ends of very long lines.
"""

import contextlib
import json
import re
from typing import Any, Final, NamedTuple

import msgspec

__all__ = ["Parsed", "clean", "members", "parse"]

_END_BYTES: Final = 4096
_MAX_TRIES: Final = 128
_MAX_ITEMS: Final = 32  # at each end of an array: a line of thousands of items must not take long
_MAX_BYTES: Final = 256 << 10  # of a line: a decoded one may take 30 times its size
_ANSI: Final = re.compile(rb"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\))")
_COMMA: Final = re.compile(rb',[ \t]{0,4}"')
_BOM: Final = b"\xef\xbb\xbf"


class Parsed(NamedTuple):
    """What was read of a line."""

    objects: list[dict[str, Any]]
    """The objects: one, or the items of an array, of a long one the first and the last 32."""
    is_json: bool
    """Whether the whole line is JSON."""


def clean(text: bytes) -> bytes:
    """The line without escape sequences for colours, byte order mark, line ends and blanks at its end."""
    if b"\x1b" in text:
        text = _ANSI.sub(b"", text)
    return text.removeprefix(_BOM).rstrip()


def parse(text: bytes) -> Parsed:
    """The objects of a line that is one JSON object, or an array of them. Empty for a line of more than 256 KiB."""
    start = text.lstrip()
    if len(start) > _MAX_BYTES:
        return Parsed([], is_json=False)
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
    """A comma inside an inner object or a text leaves something open, so only commas of the object itself decode."""
    best: dict[str, Any] = {}
    for comma in list(_COMMA.finditer(head))[:_MAX_TRIES]:
        best = _try(head[: comma.start()] + b"}") or best
    return best


def _last(tail: bytes) -> dict[str, Any]:
    """The members after the first comma after which the rest is an object."""
    for comma in list(_COMMA.finditer(tail))[-_MAX_TRIES:]:
        if found := _try(b"{" + tail[comma.start() + 1 :]):
            return found
    return {}


def _try(text: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None
    return found if isinstance(found, dict) else None
