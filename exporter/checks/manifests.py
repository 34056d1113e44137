"""Reads rendered manifests: the objects in files, each with its file and line."""

import dataclasses
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from exporter.checks.documents import ManifestError, Mapping, documents_in
from exporter.files import FileError, read_bytes

__all__ = ["Object", "files_in", "objects_in"]

_SUFFIXES = (".yaml", ".yml", ".json")
_MAX_BYTES = 64 << 20
_GZIP = b"\x1f\x8b"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Object:
    """An object of a manifest. `kind` and `version` default to the values of its list."""

    file: str
    line: int
    kind: str
    version: str
    tree: Mapping

    @property
    def location(self) -> str:
        """`FILE:LINE`, for messages."""
        return f"{self.file}:{self.line}"


def files_in(path: str) -> list[str]:
    """The file itself, `-` for standard input, or the manifest files in a folder. Raises ManifestError."""
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
    """Yields the objects of a file and of its lists. Raises ManifestError after the objects before the error."""
    file = "standard input" if path == "-" else path
    for tree, line in documents_in(_text(path, file), file=file):
        if tree is not None:
            yield from _objects(
                tree, parent=Object(file=file, line=line, kind="", version="", tree=Mapping()), seen=set()
            )


def _objects(tree: Any, *, parent: Object, seen: set[int], item: str = "") -> Iterator[Object]:
    """`parent` is the list that contains it. Items of a typed list, such as a ConfigMapList, may have no type."""
    location = f"{parent.file}:{getattr(tree, 'line', 0) or parent.line}{item}"
    if not isinstance(tree, Mapping):
        raise ManifestError(f"{location}: expected a Kubernetes object, found {_describe(tree)}")
    found = dataclasses.replace(
        parent,
        line=tree.line or parent.line,
        kind=_type(tree, "kind", parent.kind, location),
        version=_type(tree, "apiVersion", parent.version, location),
        tree=tree,
    )
    if not isinstance(tree.get("metadata"), Mapping | None):
        raise ManifestError(f"{location}: metadata must be a mapping, not {_describe(tree['metadata'])}")
    if (items := tree.get("items")) is None and not found.kind.endswith("List"):
        yield found
        return
    if not isinstance(items, list | None):  # kubectl treats any object with items as a list
        raise ManifestError(f"{location}: items must be a list, not {_describe(items)}")
    if id(tree) in seen:
        raise ManifestError(f"{location}: a list that contains itself, or is used twice by an alias")
    seen.add(id(tree))
    kind = found.kind.removesuffix("List")
    inherited = dataclasses.replace(found, kind=kind, version=found.version if kind else "")
    for number, each in enumerate(items or ()):
        yield from _objects(each, parent=inherited, seen=seen, item=f"{item} items[{number}]")


def _type(tree: Mapping, key: str, inherited: str, location: str) -> str:
    """`kind` or `apiVersion` of an object. Raises ManifestError if it is missing."""
    value = tree.get(key)
    if value is None or value == "":
        value = inherited
    if not isinstance(value, str):
        raise ManifestError(f"{location}: {key} must be text, not {_describe(value)}")
    if not value:
        raise ManifestError(f"{location}: not a Kubernetes object: it has no {key}")
    if key in tree.repeated:
        raise ManifestError(f"{location}: the key {key} is defined twice")
    return value


def _describe(tree: Any) -> str:
    """Describes a value in YAML terms."""
    match tree:
        case None:
            return "null"
        case str():
            return f"the text {tree[:40]!r}"
        case bool():
            return "true" if tree else "false"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
    return "a number"


def _text(path: str, file: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(_MAX_BYTES + 1) if sys.stdin else b""
        else:
            data = read_bytes(path, max_bytes=_MAX_BYTES, pipes=True, seconds=None)  # `helm template` may be slow
    except (OSError, FileError) as error:
        raise ManifestError(f"{file}: cannot be read: {getattr(error, 'strerror', error)}") from error
    if len(data) > _MAX_BYTES:
        raise ManifestError(f"{file}: cannot be read: it is larger than {_MAX_BYTES >> 20} MiB")
    if data.startswith(_GZIP):
        raise ManifestError(f"{file}: compressed by gzip; decompress it first")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{file}:{line}: not UTF-8 text") from error
