"""Finds the end of a JSON value, and handles JSON that is nested too deeply for a decoder.

Kubernetes accepts objects with thousands of levels if a CRD preserves unknown fields. Decoders here raise a
RecursionError at about a thousand. One such object must not affect others.
"""

import re

import msgspec

from exporter.kube.errors import InvalidResponseError

__all__ = ["end_of_value", "shallow"]

_MAX_DEPTH = 100
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")

_skipping = msgspec.json.Decoder(msgspec.Raw)


def shallow(data: bytes) -> bytes:
    """The same JSON with null in place of each array and object that is nested more than 100 levels deep."""
    parts: list[bytes] = []
    depth = start = 0
    for token in _TOKEN.finditer(data):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == _MAX_DEPTH + 1:
                    parts += data[start : token.start()], b"null"
            case b"]" | b"}":
                if depth == _MAX_DEPTH + 1:
                    start = token.end()
                depth -= 1
    return b"".join([*parts, data[start:]])


def end_of_value(data: bytes, start: int) -> int | None:
    """The end of the value that begins at `start`; None if the value is not complete.

    Skipping a value with msgspec is fastest. The position of the end is only in its error about trailing characters.
    Raises InvalidResponseError if the data is not JSON.
    """
    try:
        _skipping.decode(memoryview(data)[start:])
    except RecursionError:
        return _end_of_deep(data, start)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if (trailing := _TRAILING.search(str(error))) is not None:
            return start + int(trailing[1]) - 1
        if "truncated" in str(error):
            return None
        raise InvalidResponseError(f"a list cannot be read: {error}", code="not_json") from error
    return None  # the data is one value, and may be an incomplete number


def _end_of_deep(data: bytes, start: int) -> int | None:
    depth = 0
    for token in _TOKEN.finditer(data, start):
        if token[0] in b"[{":
            depth += 1
        elif token[0] in b"]}":
            depth -= 1
        if not depth:
            return token.end()
    return None
