"""Where a JSON value ends, and JSON that is nested deeper than a decoder goes.

Kubernetes takes objects of thousands of levels where a CRD preserves unknown fields; decoders here end at about a
thousand, with a RecursionError that would end the exporter. One such object must not cost us all the others.
"""

import re

import msgspec

from exporter.kube.errors import BrokenAnswerError

__all__ = ["end_of_value", "shallow"]

_LEVELS = 100
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")

_skipping = msgspec.json.Decoder(msgspec.Raw)


def shallow(data: bytes) -> bytes:
    """The same JSON with null for every list and mapping that lies more than 100 levels deep."""
    kept: list[bytes] = []
    depth = start = 0
    for token in _TOKEN.finditer(data):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == _LEVELS + 1:
                    kept += data[start : token.start()], b"null"
            case b"]" | b"}":
                if depth == _LEVELS + 1:
                    start = token.end()
                depth -= 1
    return b"".join([*kept, data[start:]])


def end_of_value(data: bytes, start: int) -> int | None:
    """Where the value that begins at `start` ends; None where that cannot be seen yet.

    msgspec skips a value faster than anything else here, and says only in its error what came after it: the
    position of the byte behind. Raises BrokenAnswerError for what is no JSON.
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
        raise BrokenAnswerError(f"a list cannot be read: {error}", code="not_json") from error
    return None  # all of it is one value, which may be a number that goes on


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
