"""The text format, version 0.0.4, which for gauges reads the same as OpenMetrics 1.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Sequence

from exporter.untrusted import is_printable, printable

__all__ = ["escape", "escaped", "head", "number"]

_LARGEST = 10**308


def escape(value: str) -> str:
    r"""A label's value as it stands between quotes: `\\`, `\"`; U+FFFD for what is not printable."""
    if _is_plain(value):
        return value
    return printable(value).replace("\\", "\\\\").replace('"', '\\"')


def escaped(rows: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
    """The values of many objects at once: in life none has anything to escape, and one look tells."""
    if _is_plain("".join(map("".join, rows))):
        return rows
    return [tuple(map(escape, values)) for values in rows]


def _is_plain(text: str) -> bool:
    return '"' not in text and "\\" not in text and is_printable(text)


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
