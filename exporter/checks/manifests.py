"""Rendered manifests: the objects in files of YAML or JSON, each with its place, read as kubectl reads them."""

import dataclasses
import json
import pathlib
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

__all__ = ["ManifestError", "Mapping", "Object", "files_in", "objects_in"]

_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 64 << 20
_MOST_MERGED = 10_000
_GZIP = b"\x1f\x8b"
_TAG = "tag:yaml.org,2002:"


class ManifestError(Exception):
    """Manifests that cannot be read: one line with the file and, where it is known, the line."""


class Mapping(dict[str, Any]):
    """A mapping, the line on which it begins (0: unknown), and the keys that it has twice."""

    line = 0
    repeated: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Object:
    """An object of a manifest; `kind` is that of its list where it has none itself."""

    file: str
    line: int
    kind: str
    tree: Mapping

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.file}:{self.line}"


def files_in(path: str) -> list[str]:
    """The file itself, `-` for standard input, or the manifests in a folder. Raises ManifestError."""
    folder = pathlib.Path(path)
    if not path:
        raise ManifestError("--filename: an empty name")
    if not folder.is_dir():
        return [str(folder)]
    try:
        found = sorted(str(file) for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from error
    if not found:
        raise ManifestError(f"{path}: no {', '.join(_SUFFIXES)} file in this folder")
    return found


def objects_in(path: str) -> Iterator[Object]:
    """The objects of a file, those in lists too. Raises ManifestError, after the objects before the fault."""
    file = "standard input" if path == "-" else path
    seen = set[int]()
    for tree, line in _documents(_text(path, file), file):
        if tree is not None:
            yield from _objects(tree, file=file, line=line, kind="", seen=seen)


def _objects(tree: Any, *, file: str, line: int, kind: str, seen: set[int]) -> Iterator[Object]:
    if not isinstance(tree, Mapping):
        raise ManifestError(f"{file}:{line}: not a Kubernetes object but {_named(tree)}")
    line, kind = tree.line or line, tree.get("kind") or kind
    if not isinstance(kind, str) or not kind:
        raise ManifestError(f"{file}:{line}: not a Kubernetes object: it has no kind")
    items = tree.get("items")
    if not kind.endswith("List") or not isinstance(items, list | None):
        yield Object(file=file, line=line, kind=kind, tree=tree)
        return
    if id(tree) in seen:
        raise ManifestError(f"{file}:{line}: a list that contains itself, or stands there twice by an alias")
    seen.add(id(tree))
    for item in items or ():
        yield from _objects(item, file=file, line=line, kind=kind.removesuffix("List"), seen=seen)


def _named(tree: Any) -> str:
    return "a list" if isinstance(tree, list) else f"the text {tree[:40]!r}" if isinstance(tree, str) else "a number"


def _text(path: str, file: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1) if sys.stdin else b""
        else:
            with pathlib.Path(path).open("rb") as opened:
                data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise ManifestError(f"{file}: larger than {_LARGEST >> 20} MiB")
    if data.startswith(_GZIP):
        raise ManifestError(f"{file}: compressed by gzip; decompress it first")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{file}:{line}: not UTF-8 text") from error


def _documents(text: str, file: str) -> Iterator[tuple[Any, int]]:
    """Each document with the line on which it begins. JSON first: as YAML, tabs in it would be an error."""
    if text.lstrip().startswith("{"):
        try:
            documents = list(_json(text))
        except RecursionError:
            raise ManifestError(f"{file}: nested too deeply") from None
        except json.JSONDecodeError as error:
            if file.endswith(".json"):
                raise ManifestError(f"{file}:{error.lineno}: not JSON: {error.msg}") from error
        except ValueError as error:  # a number of thousands of digits
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
    made.repeated = _repeated([key for key, _ in pairs])
    return made


def _repeated(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(key for key, number in Counter(keys).items() if number > 1)


class _Loader(yaml.SafeLoader):
    """Mappings know their line and repeated keys. In Python: libyaml's loader crashes on deep nesting."""

    bool_values = yaml.SafeLoader.bool_values | {"y": True, "n": False}

    def flatten_mapping(self, node: Any) -> None:
        """Once for each mapping, and bounded: merges of merges grow exponentially."""
        if hasattr(node, "repeated"):
            return
        own = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != f"{_TAG}merge"]
        node.repeated = _repeated(own)
        super().flatten_mapping(node)
        if len(node.value) > _MOST_MERGED:
            raise yaml.constructor.ConstructorError(None, None, "too many merged keys", node.start_mark)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Raises ConstructorError also where PyYAML fails in another way: a value that does not fit its tag."""
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
        """12:30 is text for kubectl, and a number to the base of 60 in YAML 1.1."""
        text = node.value
        return str(text) if ":" in text else int(text, 0) if text.startswith("0o") else self.construct_yaml_int(node)

    def text(self, node: Any) -> str:
        return str(node.value)

    def binary(self, node: Any) -> str:
        return self.construct_yaml_binary(node).decode("utf-8", "replace")

    def local(self, _: str, node: Any) -> Any:
        """A value with a tag of its own, such as !vault."""
        return node.value if isinstance(node, yaml.ScalarNode) else None


# What kubectl takes for truth values and numbers, and YAML 1.1 for text: its reader is Go's.
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
    ("value", _Loader.text),  # a plain = has a type of its own in YAML 1.1
):
    _Loader.add_constructor(f"{_TAG}{_kind}", _constructor)
_Loader.add_multi_constructor("!", _Loader.local)
