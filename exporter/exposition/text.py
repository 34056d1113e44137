"""The text format, version 0.0.4, which for gauges reads the same as OpenMetrics 1.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Sequence

__all__ = ["escape", "escaped", "head", "number", "writable"]

# A lone surrogate cannot be written as UTF-8 at all; the others would reach the terminal of whoever reads the page.
# C1 controls steer a terminal as well, and the bidirectional ones change the order in which a line is read.
_CONTROLS = "\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_HOSTILE = re.compile(f"[\x00-\x09\x0b-\x1f{_CONTROLS}]")
_SPECIAL = re.compile(f'[\\\\"\x00-\x1f{_CONTROLS}]')

_LARGEST = 10**308


def escape(value: str) -> str:
    r"""A label's value as it stands between quotes: `\\`, `\n`, `\"`; control characters become U+FFFD."""
    if not _SPECIAL.search(value):
        return value
    return writable(value).replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def writable(value: str) -> str:
    """Control characters, but for the newline, and lone surrogates become U+FFFD."""
    return _HOSTILE.sub("\ufffd", value)


def escaped(rows: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
    """The values of many objects at once: in life none has anything to escape, and one look tells."""
    if not _SPECIAL.search("".join(map("".join, rows))):
        return rows
    return [tuple(map(escape, values)) for values in rows]


def number(value: float) -> str:
    """A value: whole numbers without a point, the rest so that no digit is lost; +Inf, -Inf and NaN by name."""
    if isinstance(value, int):
        if -_LARGEST < value < _LARGEST:
            return f"{value:d}"
        return "+Inf" if value > 0 else "-Inf"  # Prometheus refuses a whole page with a number that is out of range
    if value.is_integer():
        return f"{value:.0f}"
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text := repr(value), text)


def head(*, name: str, kind: str, text: str) -> str:
    """The HELP and TYPE lines of a family."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
