"""Rows in columns with two blanks in between, as kubectl prints them."""

from collections.abc import Iterator, Sequence

from exporter.explaining.paint import Paint
from exporter.untrusted import escape_invisible

__all__ = ["columns"]


def columns(
    rows: Sequence[Sequence[str]], paint: Paint, *, head: bool = False, styles: Sequence[str] = ()
) -> Iterator[str]:
    """One line for each row. `styles` has the style of each row. `head`: the first row is the header."""
    shown = [[escape_invisible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for number, row in enumerate(shown):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        style = "dim" if head and not number else styles[number] if number < len(styles) else ""
        yield paint(style, line)
