"""The text format, version 0.0.4. For gauges it is identical to OpenMetrics 1.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Sequence

from exporter.untrusted import is_printable, printable

__all__ = ["escape", "escape_rows", "format_number", "head"]

_MAX_INTEGER = 10**308
_TEMPLATE = re.compile(r"\{(?=\{)")


def escape(value: str) -> str:
    r"""Escapes a label value: `\\`, `\"`; U+FFFD replaces characters that are not printable.

    Splits the start of Go templates, because some Alertmanager receivers expand templates in the labels of alerts.
    """
    if _is_plain(value):
        return value
    text = _TEMPLATE.sub("{ ", printable(value))
    return text.replace("\\", "\\\\").replace('"', '\\"')


def escape_rows(rows: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
    """Escapes the label values of many objects. Fast if none needs it, which is the common case."""
    if _is_plain("".join(map("".join, rows))):
        return rows
    return [tuple(map(escape, values)) for values in rows]


def _is_plain(text: str) -> bool:
    return '"' not in text and "\\" not in text and "{{" not in text and is_printable(text)


def format_number(value: float) -> str:
    """Formats a sample value: integers without a decimal point, others without loss of precision; +Inf, -Inf, NaN."""
    if isinstance(value, int):
        if -_MAX_INTEGER < value < _MAX_INTEGER:
            return f"{value:d}"
        return "+Inf" if value > 0 else "-Inf"  # Prometheus rejects a scrape with a number that is out of range
    if value.is_integer():
        return f"{value:.0f}"
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text := repr(value), text)


def head(*, name: str, kind: str, help_text: str) -> str:
    """The HELP and TYPE lines of a family."""
    escaped_help = help_text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {escaped_help}\n# TYPE {name} {kind}\n"
