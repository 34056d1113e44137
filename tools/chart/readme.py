"""The chart's README: a table of its values, from the comments in values.yaml."""

import pathlib
import string
from collections.abc import Iterator
from typing import Any

import yaml

from exporter import __version__
from lab import fast_yaml

__all__ = ["page"]

TEXT = pathlib.Path(__file__).with_name("README.md.in")


def page(values: pathlib.Path) -> str:
    """The text of the README. Raises ValueError if a value has no comment."""
    text = values.read_text("utf-8")
    lines = [f"| `{path}` | `{default}` | {meaning} |" for path, default, meaning in _rows(text)]
    table = "\n".join(["| value | default | meaning |", "| --- | --- | --- |", *lines])
    return string.Template(TEXT.read_text("utf-8")).substitute(values=table, version=__version__)


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and meaning of each value with a comment. The comment of a mapping describes all its keys."""
    lines = text.splitlines()

    def described(node: yaml.MappingNode, tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
        for key, value in node.value:
            path, default = f"{prefix}{key.value}", tree[key.value]
            meaning = _comment(lines, key.start_mark.line)
            if meaning:
                yield path, _format_default(default), meaning
            elif isinstance(value, yaml.MappingNode) and value.value:
                yield from described(value, default, f"{path}.")
            else:
                raise ValueError(f"values.yaml:{key.start_mark.line + 1}: {path} has no comment")

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise TypeError("values.yaml is no mapping")
    yield from described(root, fast_yaml.load(text), "")


def _comment(lines: list[str], line: int) -> str:
    """The comment directly above a line."""
    words: list[str] = []
    while line and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        words.insert(0, lines[line].lstrip(" #"))
    return " ".join(words)


def _format_default(default: Any) -> str:
    """The default as YAML on one line."""
    shown: str = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=999)
    return shown.splitlines()[0]
