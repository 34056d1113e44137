"""Parses YAML files of users. Errors name the line, the key, and what is expected or the most similar valid name."""

import difflib
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import yaml

from exporter.yaml_text import load_node

__all__ = ["YamlTextError", "line_of", "parse", "readable"]

_KEY = re.compile(r"\[\.\.\.\]|[^.\[\]$`]+")
_WORDS = (
    ("Expected", "expected"),
    ("Object missing required field", "this key is missing:"),
    ("`", ""),
    ("array", "a list"),
    ("object", "a mapping"),
)


class YamlTextError(ValueError):
    """A text that is not YAML, or has a duplicate key. The message is one line; `line` is None if it is unknown."""

    def __init__(self, message: str, *, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def parse(text: str) -> tuple[Any, Any]:
    """The document as a value, and as nodes, which have line numbers. Raises YamlTextError."""
    try:
        loader = yaml.SafeLoader(text)
        nodes = load_node(loader, text)
        duplicate = next(_duplicates(nodes), None)
        tree = None if nodes is None or duplicate else loader.construct_document(nodes)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # PyYAML raises the other types for a value that does not match its tag, such as an invalid date.
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise YamlTextError(f"not YAML: {problem}", line=mark.line + 1 if mark else None) from error
    if duplicate:
        raise YamlTextError(f"duplicate key {duplicate.value!r}", line=duplicate.start_mark.line + 1)
    return tree, nodes


def _duplicates(root: Any) -> Iterator[Any]:
    """The duplicate keys of all mappings, for which PyYAML would use the last value. Visits aliases once."""
    seen, waiting = set[int](), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = set[tuple[str, str]]()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in names:
                    yield key
                names.add((key.tag, str(key.value)))
                waiting += key, value
        else:
            waiting += node.value


def readable(message: str, tree: Any, *, root: type[msgspec.Struct], whole: str) -> tuple[list[str], str]:
    """The path of keys and the text of a message of msgspec, with a suggestion for an unknown key.

    Messages of others may end in " - at `$.KEY`" as well. `whole` is what the document must be, such as `a mapping`.
    """
    text, _, where = message.partition(" - at `")
    keys = ["*" if key == "[...]" else key for key in _KEY.findall(where.rpartition("$")[2])]
    if where.startswith("key`"):
        return keys, f"{'.'.join(keys) or 'the file'}: each key must be a string: put it in quotes"
    if unknown := re.search(r"unknown field `(.+?)`", text):
        known = _struct_at(keys, root).__struct_encode_fields__
        near = difflib.get_close_matches(unknown[1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        keys.append(unknown[1])
        return keys, f"unknown key {'.'.join(keys)!r}; {hint}"
    if text.startswith("Invalid enum value"):
        return keys, f"{'.'.join(keys)}: {_choice(text, _type_at(keys, root))}"
    if isinstance(tree, dict) or keys:
        if text.startswith(("Expected", "Object")):  # a message of msgspec, not one of ours with the user's text
            for theirs, ours in _WORDS:
                text = text.replace(theirs, ours)
        return keys, f"{'.'.join(keys) or 'the file'}: {text}"
    return keys, f"expected {whole}"


def _choice(text: str, kind: Any) -> str:
    """The allowed values of a key, or the value that was probably meant."""
    known = list(dict.fromkeys(_choices(kind)))
    near = difflib.get_close_matches(text.removeprefix("Invalid enum value ").strip("'"), known, n=1)
    return f"expected one of {', '.join(known)}" + (f"; did you mean {near[0]!r}?" if near else "")


def _choices(kind: Any) -> Iterator[str]:
    for inner in get_args(kind):
        if isinstance(inner, str):
            yield inner
        else:
            yield from _choices(inner)


def _type_at(keys: list[str], root: type[msgspec.Struct]) -> Any:
    """The type of the value at a path of keys."""
    where: Any = root
    for key in (key for key in keys if not key.isdecimal() and key != "*"):
        fields = msgspec.structs.fields(_struct_in(where))
        where = next(field.type for field in fields if field.encode_name == key)
    return where


def _struct_at(keys: list[str], root: type[msgspec.Struct]) -> Any:
    """The type of the mapping at a path of keys."""
    return _struct_in(_type_at(keys, root))


def _struct_in(kind: Any) -> Any:
    """The Struct in a tuple, dict or optional of Structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for inner in getattr(kind, "__args__", ()) if (found := _struct_in(inner))), None)


def line_of(node: Any, keys: list[str]) -> int | None:
    """The line of a key, or of its closest parent; `*` matches the only key with the remaining path below it."""
    entries: list[tuple[str, Any, Any]] = []
    if isinstance(node, yaml.MappingNode):
        entries = [(str(name.value), name, value) for name, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        entries = [(str(index), item, item) for index, item in enumerate(node.value)]
    found = [(line_of(value, keys[1:]), at) for name, at, value in entries if keys and keys[0] in {name, "*"}]
    if keys[:1] == ["*"]:
        found = [(below, at) for below, at in found if below is not None]
    return (found[0][0] or found[0][1].start_mark.line + 1) if len(found) == 1 else None
