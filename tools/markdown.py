"""Pages in Markdown: the templates in tools/pages, and tables."""

import pathlib
import string
from collections.abc import Iterable, Sequence

__all__ = ["ROOT", "code", "fill_page", "table"]

ROOT = pathlib.Path(__file__).resolve().parent.parent


def fill_page(page: str, **parts: str) -> str:
    """The text of a page in tools/pages, with `parts` for its placeholders."""
    template = string.Template((ROOT / f"tools/pages/{page}.md").read_text("utf-8"))
    return template.substitute({name: text.rstrip("\n") for name, text in parts.items()})


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. Line breaks in cells become spaces, because they would end the table."""
    lines = [
        head,
        ["---"] * len(head),
        *([" ".join(cell.split()).replace("|", r"\|") for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(names: Sequence[str]) -> str:
    """The names in backticks, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)
