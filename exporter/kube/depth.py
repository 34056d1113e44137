"""JSON that is nested deeper than a decoder goes.

Kubernetes takes objects of thousands of levels where a CRD preserves unknown fields; decoders here end at about a
thousand, with a RecursionError that would end the exporter. One such object must not cost us all the others.
"""

import re

__all__ = ["shallow"]

_LEVELS = 100
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


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
