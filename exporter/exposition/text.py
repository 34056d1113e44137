"""The text format, version 0.0.4, which for gauges reads the same as OpenMetrics 1.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Iterable

__all__ = ["escape", "escaped", "head", "number"]

# Prometheus' lexer takes a NUL for the end of the page, and a lone surrogate cannot be written as UTF-8 at all.
_HOSTILE = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
_SPECIAL = re.compile('[\\\\"\n\x00-\x1f\x7f\ud800-\udfff]')


def escape(value: str) -> str:
    r"""A label's value as it stands between quotes: `\\`, `\n`, `\"`; control characters become U+FFFD."""
    if not _SPECIAL.search(value):
        return value
    value = _HOSTILE.sub("\ufffd", value)
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def escaped(values: tuple[str, ...]) -> Iterable[str]:
    """Several values at once: in life none has anything to escape, and one look tells."""
    return map(escape, values) if _SPECIAL.search("".join(values)) else values


def number(value: float) -> str:
    """A value: whole numbers without a point, the rest so that no digit is lost; +Inf, -Inf and NaN by name."""
    if isinstance(value, int):
        return f"{value:d}"
    if value.is_integer():
        return f"{value:.0f}"
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text := repr(value), text)


def head(*, name: str, kind: str, text: str) -> str:
    """The HELP and TYPE lines of a family."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
