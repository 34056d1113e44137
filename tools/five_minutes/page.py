"""Reads the commands and configurations in docs/five-minutes.md, by heading."""

import pathlib
import re

__all__ = ["ROOT", "block", "commands"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/five-minutes.md"


def block(heading: str, language: str, *, text: str = "") -> str:
    """The first code block in this language below the heading. Raises ValueError if there is none."""
    section = re.search(
        rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text or PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    found = re.search(rf"^```{language}\n(.*?)^```$", section[1] if section else "", re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{PAGE.name}: no {language} below the heading {heading!r}")
    return found[1]


def commands(heading: str, *, text: str = "") -> list[str]:
    """The commands of the first shell block below the heading, each with its continuation lines."""
    return re.split(r"(?<!\\)\n", block(heading, "sh", text=text).strip())
