"""Splits YAML into Kubernetes objects: the documents, and the items of their lists.

The items of a list, as kubectl prints them, are parsed one by one, because a whole dump as one tree takes gigabytes.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from exporter.yaml_text import load

__all__ = ["NotYamlError", "yaml_objects"]

_DOCUMENT: Final = re.compile(r"^---(?:[ \t].*)?\r?$", re.MULTILINE)
_ITEMS: Final = re.compile(r"^items:[ \t]*\r?\n(?=- )", re.MULTILINE)
_ITEM: Final = re.compile(r"^- ", re.MULTILINE)
_AFTER: Final = re.compile(r"^[^\s#-]", re.MULTILINE)
_DEEP: Final = 500


class NotYamlError(Exception):
    """The text is not YAML. The message is one line."""


def yaml_objects(text: str) -> Iterator[Any]:
    """Yields each object, and None for an empty document. Raises NotYamlError after the objects before the error."""
    start, line = 0, 1
    for mark in [*_DOCUMENT.finditer(text), None]:
        end = len(text) if mark is None else mark.start()
        yield from _document(text[start:end], line)
        line += text.count("\n", start, len(text) if mark is None else mark.end())
        start = end if mark is None else mark.end()


def _document(text: str, line: int) -> Iterator[Any]:
    items = _ITEMS.search(text)
    if items is None or "&" in text[: items.end()] or _has_anchor(text):
        tree = _tree(text, line)
        listed = tree.get("items") if isinstance(tree, dict) else None
        yield from listed if isinstance(listed, list) else [tree]
        return
    after = _AFTER.search(text, items.end())
    stop = after.start() if after else len(text)
    starts = [one.start() for one in _ITEM.finditer(text, items.end(), stop)]
    line += text.count("\n", 0, items.end())
    for begin, end in zip(starts, [*starts[1:], stop], strict=True):
        parsed = _tree(text[begin:end], line)
        yield from parsed if isinstance(parsed, list) else [parsed]
        line += text.count("\n", begin, end)


def _has_anchor(text: str) -> bool:
    """An alias may refer to an anchor in another item."""
    return re.search(r"[:\-] [&*][A-Za-z0-9_]", text) is not None


def _text(_: Any, node: Any) -> str:
    return str(node.value)


class _Pure(yaml.SafeLoader):
    """Times are text, as in JSON."""


if yaml.__with_libyaml__:

    class _Fast(yaml.CSafeLoader):
        """The same with libyaml, which overflows the stack on deep nesting."""
else:
    _Fast = _Pure  # type: ignore[misc,assignment]

for _loader in (_Pure, _Fast):
    _loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def _tree(text: str, line: int) -> Any:
    deepest = (
        text.count("[")
        + text.count("{")
        + max((len(one) - len(one.lstrip(" -")) for one in text.split("\n")), default=0)
    )
    try:
        return load(text, loader=_Pure if deepest > _DEEP else _Fast)
    except RecursionError:
        raise NotYamlError(f"line {line}: nested too deeply") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        at = line + (mark.line if mark else 0)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "a value does not fit its type"
        raise NotYamlError(f"line {at}: not YAML: {str(reason).splitlines()[0]}") from error
