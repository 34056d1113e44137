"""Colors for a terminal. Escape sequences in text from the cluster are made visible before it is colored."""

import os
from collections.abc import Callable
from typing import Final, TextIO

from exporter.untrusted import escape_invisible

__all__ = ["Paint", "paint_for", "plain"]

Paint = Callable[[str, str], str]
"""A function of a style and a text. Returns the text as it is printed."""

_CODES: Final = {"bad": "31;1", "wait": "33", "good": "32", "dim": "2", "bold": "1"}


def plain(_: str, text: str) -> str:
    """The text without colors."""
    return escape_invisible(text)


def _color(style: str, text: str) -> str:
    code = _CODES.get(style)
    return f"\x1b[{code}m{escape_invisible(text)}\x1b[0m" if code and text.strip() else escape_invisible(text)


def paint_for(stream: TextIO) -> Paint:
    """The function for this stream: with colors only for a terminal without NO_COLOR (https://no-color.org)."""
    colored = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return _color if colored else plain
