"""Splits YAML into Kubernetes objects: the documents, and the items of their lists.

The items of a list, as kubectl prints them, are parsed one by one, because a whole dump as one tree takes gigabytes.
Only if an alias refers to another item, the document is parsed as one tree, up to a maximum size.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from exporter.yaml_text import load

__all__ = ["NotYamlError", "yaml_objects"]

_DOCUMENT: Final = re.compile(r"^---(?:[ \t].*)?\r?$", re.MULTILINE)
_ITEMS: Final = re.compile(r"^items:[ \t]*\r?\n(?P<indent> *)- ", re.MULTILINE)
_MAX_OBJECT_CHARS: Final = 8 << 20
_MAX_FAST_DEPTH: Final = 500


class NotYamlError(Exception):
    """The text is not YAML. The message is one line."""


class _UndefinedAliasError(NotYamlError):
    """An alias has no anchor before it."""


def yaml_objects(text: str) -> Iterator[Any]:
    """Yields each object; None for an empty document, and an empty list as it is.

    Raises NotYamlError after the objects before the error.
    """
    start, line = 0, 1
    for mark in [*_DOCUMENT.finditer(text), None]:
        end = len(text) if mark is None else mark.start()
        yield from _document(text[start:end], line)
        line += text.count("\n", start, len(text) if mark is None else mark.end())
        start = end if mark is None else mark.end()


def _document(text: str, line: int) -> Iterator[Any]:
    items, number = _ITEMS.search(text), 0
    try:
        for part, at in [] if items is None else _parts(text, line, items):
            parsed = _tree(part, at)
            for one in parsed if isinstance(parsed, list) else [parsed]:
                yield one
                number += 1
    except _UndefinedAliasError:  # its anchor is in another item
        items = None
    if items is None:
        tree = _tree(text, line)
        listed = tree.get("items") if isinstance(tree, dict) else None
        yield from listed[number:] if isinstance(listed, list) and listed else [tree]


def _parts(text: str, line: int, items: re.Match[str]) -> Iterator[tuple[str, int]]:
    """The text of each item with its line. Items have the indentation of the first one."""
    indent = len(items["indent"])
    less = rf" {{0,{indent - 1}}}[^\s#]|" if indent else ""
    after = re.compile(rf"^(?:{less} {{{indent}}}[^\s#-])", re.MULTILINE)
    begin, found = items.start("indent"), after.search(text, items.end())
    stop = found.start() if found else len(text)
    starts = [
        begin,
        *(one.start() for one in re.compile(rf"^ {{{indent}}}- ", re.MULTILINE).finditer(text, begin + 1, stop)),
    ]
    line += text.count("\n", 0, begin)
    for start, end in itertools.pairwise([*starts, stop]):
        yield text[start:end], line
        line += text.count("\n", start, end)


def _text(_: Any, node: Any) -> str:
    return str(node.value)


class _Pure(yaml.SafeLoader):
    """Reads timestamps as text, as in JSON."""


if yaml.__with_libyaml__:

    class _Fast(yaml.CSafeLoader):
        """The same with libyaml, which overflows the stack on deep nesting."""
else:
    _Fast = _Pure  # type: ignore[misc,assignment]

for _loader in (_Pure, _Fast):
    _loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def _tree(text: str, line: int) -> Any:
    if len(text) > _MAX_OBJECT_CHARS:
        size = f"{_MAX_OBJECT_CHARS >> 20} MiB"
        raise NotYamlError(f"line {line}: one document or item of more than {size}; dump it with -o json")
    deepest = (
        text.count("[")
        + text.count("{")
        + max((len(one) - len(one.lstrip(" -")) for one in text.split("\n")), default=0)
    )
    try:
        return load(text, loader=_Pure if deepest > _MAX_FAST_DEPTH else _Fast)
    except RecursionError:
        raise NotYamlError(f"line {line}: nested too deeply") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        at = line + (mark.line if mark else 0)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "a value does not fit its type"
        kind = _UndefinedAliasError if "undefined alias" in str(reason) else NotYamlError
        raise kind(f"line {at}: not YAML: {str(reason).splitlines()[0]}") from error
