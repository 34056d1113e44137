"""Parses YAML and JSON as kubectl does: the documents of a text, each with its first line."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

__all__ = ["ManifestError", "Mapping", "documents_in"]

_MAX_MERGED = 10_000
_TAG = "tag:yaml.org,2002:"


class ManifestError(Exception):
    """Invalid manifests. The message is one line with the file and, if known, the line."""


class Mapping(dict[str, Any]):
    """A mapping with its first line (0: unknown) and its duplicate keys."""

    line = 0
    repeated: tuple[str, ...] = ()


def documents_in(text: str, *, file: str) -> Iterator[tuple[Any, int]]:
    """Yields each document with its line. JSON is tried first, because YAML does not allow tabs.

    Raises ManifestError after the documents before the error.
    """
    if text.lstrip().startswith("{"):
        try:
            documents = list(_json(text))
        except RecursionError:
            raise ManifestError(f"{file}: nested too deeply") from None
        except json.JSONDecodeError as error:
            if file.endswith(".json"):
                raise ManifestError(f"{file}:{error.lineno}: not JSON: {error.msg}") from error
        except ValueError as error:  # an integer with too many digits
            raise ManifestError(f"{file}: not JSON: {error}") from error
        else:
            yield from documents
            return
    try:
        yield from _yaml(text)
    except RecursionError:
        raise ManifestError(f"{file}: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or error
        raise ManifestError(f"{file}:{line}: not YAML: {str(reason).splitlines()[0]}") from error


def _yaml(text: str) -> Iterator[tuple[Any, int]]:
    loader = _Loader(text)
    while loader.check_node():
        node: Any = loader.get_node()
        yield loader.construct_document(node), node.start_mark.line + 1


def _json(text: str) -> Iterator[tuple[Any, int]]:
    decoder, at = json.JSONDecoder(object_pairs_hook=_mapping), 0
    while at < len(text.rstrip()):
        at += len(text[at:]) - len(text[at:].lstrip())
        line = text.count("\n", 0, at) + 1
        tree, at = decoder.raw_decode(text, at)
        yield tree, line


def _mapping(pairs: Sequence[tuple[str, Any]]) -> Mapping:
    made = Mapping(pairs)
    made.repeated = _duplicates([key for key, _ in pairs])
    return made


def _duplicates(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(key for key, number in Counter(keys).items() if number > 1)


class _Loader(yaml.SafeLoader):
    """Records lines and duplicate keys of mappings. Pure Python, because libyaml's loader crashes on deep nesting."""

    bool_values = yaml.SafeLoader.bool_values | {"y": True, "n": False}

    def flatten_mapping(self, node: Any) -> None:
        """Resolves merge keys once for each mapping, with a limit: nested merges grow exponentially."""
        if hasattr(node, "repeated"):
            return
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != f"{_TAG}merge"]
        node.repeated = _duplicates(keys)
        super().flatten_mapping(node)
        if len(node.value) > _MAX_MERGED:
            raise yaml.constructor.ConstructorError(None, None, "too many merged keys", node.start_mark)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Raises ConstructorError for values that do not fit their tag, for which PyYAML raises other errors."""
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            reason = f"a value does not fit its type {node.tag.removeprefix(_TAG)}"
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark) from error

    def mapping(self, node: Any) -> Iterator[Mapping]:
        made = Mapping()
        made.line = node.start_mark.line + 1
        yield made
        made.update(self._pairs(node))
        made.repeated = node.repeated

    def _pairs(self, node: Any) -> dict[Any, Any]:
        return self.construct_mapping(node)

    def integer(self, node: Any) -> int | str:
        """12:30 is text for kubectl, and a base 60 integer in YAML 1.1."""
        text = node.value
        return str(text) if ":" in text else int(text, 0) if text.startswith("0o") else self.construct_yaml_int(node)

    def text(self, node: Any) -> str:
        return str(node.value)

    def binary(self, node: Any) -> str:
        return self.construct_yaml_binary(node).decode("utf-8", "replace")

    def local(self, _: str, node: Any) -> Any:
        """A value with a custom tag, such as !vault."""
        return node.value if isinstance(node, yaml.ScalarNode) else None


# Booleans and numbers for kubectl, whose parser is written in Go, that PyYAML reads as text.
for _kind, _form, _first in (
    ("bool", r"[yYnN]", "yYnN"),
    ("int", r"0o[0-7]+", "0"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_form})$"), list(_first))
for _kind, _constructor in (
    ("map", _Loader.mapping),
    ("int", _Loader.integer),
    ("binary", _Loader.binary),
    ("timestamp", _Loader.text),  # a date is text for Kubernetes
    ("value", _Loader.text),  # a plain = has a separate type in YAML 1.1
):
    _Loader.add_constructor(f"{_TAG}{_kind}", _constructor)
_Loader.add_multi_constructor("!", _Loader.local)
