"""The text format, version 0.0.4, which for gauges reads the same as OpenMetrics 1.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re

__all__ = ["escape", "head", "labels", "number"]

# Prometheus' lexer takes a NUL for the end of the page, and a lone surrogate cannot be written as UTF-8 at all.
_HOSTILE = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
_SPECIAL = re.compile('[\\\\"\n\x00-\x1f\x7f\ud800-\udfff]')


def escape(value: str) -> str:
    r"""A label's value as it stands between quotes: `\\`, `\n`, `\"`; control characters become U+FFFD."""
    if not _SPECIAL.search(value):
        return value
    value = _HOSTILE.sub("\ufffd", value)
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def labels(**pairs: str) -> str:
    """`a="1",b="2"`: label pairs without their braces."""
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs.items())


def number(value: float) -> str:
    """A value: whole numbers without a point, the rest so that no digit is lost; +Inf, -Inf and NaN by name."""
    if value != value:  # noqa: PLR0124 - NaN is the one value that differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))


def head(*, name: str, kind: str, text: str) -> str:
    """The HELP and TYPE lines of a family."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
