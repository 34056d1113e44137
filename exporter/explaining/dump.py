"""Reads a dump: the output of `kubectl get coderuns,jobs,pods,events,configmaps -o json` or `-o yaml`.

Lists, single objects and several documents may follow one another. Objects of other kinds are ignored.
"""

import codecs
import contextlib
import json
import os
import pathlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from exporter.config import Settings, Workflows
from exporter.explaining.dump_findings import DUMPED
from exporter.explaining.errors import ExplainError
from exporter.explaining.json_objects import JsonObjects, NotJsonError, TruncatedError
from exporter.explaining.objects import Objects
from exporter.explaining.snapshot import Snapshot, TooManyError
from exporter.explaining.yaml_objects import NotYamlError, yaml_objects
from exporter.kube.depth import shallow

__all__ = ["read_dump"]

_DAY: Final = 86400.0
_CHUNK_BYTES: Final = 1 << 20
_MAX_YAML_BYTES: Final = 64 << 20
_GZIP: Final = b"\x1f\x8b"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Head(msgspec.Struct, rename="camel"):
    """The type of an object."""

    api_version: str | None = None
    kind: str | None = None


_head = msgspec.json.Decoder(_Head)


def read_dump(paths: list[str], settings: Settings) -> Snapshot:
    """The objects of all files; `-` is standard input. Raises ExplainError with the file and the position."""
    whole = msgspec.structs.replace(settings, namespaces=(), workflows=Workflows(enabled=True))
    snapshot = Snapshot(whole, latest=0.0)
    objects, seen = Objects(snapshot), Counter[str]()
    for path in paths:
        name = "standard input" if path == "-" else path
        try:
            with _open(path, name) as file:
                snapshot.latest = max(snapshot.latest, _written(file) + _DAY)
                _read(file, name, objects, seen)
        except OSError as error:
            raise ExplainError(f"{name}: cannot be read: {error.strerror}") from error
        except TooManyError:
            raise ExplainError(f"{name}: too many objects: dump fewer namespaces") from None
    first = paths[0] if paths[0] != "-" else "standard input"
    if not seen:
        raise ExplainError(f"{first}: no Kubernetes objects")
    if not objects.has_workloads:
        raise ExplainError(f"{first}: no runs, Jobs or Pods; dump {DUMPED}")
    objects.finish()
    return snapshot


@contextlib.contextmanager
def _open(path: str, name: str) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdin.buffer
        return
    if not path:
        raise ExplainError("--filename: an empty name")
    if pathlib.Path(path).is_dir():
        raise ExplainError(f"{name}: it is a folder; name a file")
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a pipe as well
        yield file


def _written(file: BinaryIO) -> float:
    """The modification time of the file, in seconds since the epoch; for a pipe, approximately the current time."""
    try:
        return os.fstat(file.fileno()).st_mtime
    except OSError:  # it has no file descriptor
        return time.time()


def _read(file: BinaryIO, name: str, objects: Objects, seen: Counter[str]) -> None:
    first = file.read(_CHUNK_BYTES)
    if first.startswith(_GZIP):
        raise ExplainError(f"{name}: compressed by gzip; decompress it first")
    if first.startswith(_UTF16) or b"\x00" in first[:64]:
        raise ExplainError(f"{name}: not UTF-8 text; in PowerShell, write it with: | Out-File -Encoding utf8 FILE")
    first = first.removeprefix(codecs.BOM_UTF8)
    if first.lstrip()[:1] in (b"{", b""):
        _read_json(file, first, name, objects, seen)
    else:
        _read_yaml(file, first, name, objects, seen)


def _read_json(file: BinaryIO, chunk: bytes, name: str, objects: Objects, seen: Counter[str]) -> None:
    found = JsonObjects()
    try:
        while chunk:
            for raw, kind, version in found.feed(chunk):
                _add(raw, kind, version, objects, seen)
            chunk = file.read(_CHUNK_BYTES)
        for raw, kind, version in found.end():
            _add(raw, kind, version, objects, seen)
        objects.empty.update(found.empty)
    except NotJsonError as error:
        raise ExplainError(f"{name}: {error}") from error
    except TruncatedError:
        _note_truncated(name, objects, seen)


def _note_truncated(name: str, objects: Objects, seen: Counter[str]) -> None:
    if not seen:
        raise ExplainError(f"{name}: truncated before the end of its first object")
    objects.snapshot.notes.append(f"{name} is truncated: only its first {seen.total()} objects were read")
    objects.is_cut = True


def _add(raw: msgspec.Raw, kind: str, version: str, objects: Objects, seen: Counter[str]) -> None:
    try:
        head = _head.decode(raw)
    except RecursionError:
        raw = msgspec.Raw(shallow(bytes(raw)))
        head = _decoded_head(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        head = _decoded_head(raw)
    kind, version = head.kind or kind, head.api_version or version
    if not kind:
        return
    seen[kind] += 1
    objects.add(raw, kind=kind, version=version)


def _decoded_head(raw: msgspec.Raw) -> _Head:
    """The type of an object; empty if its fields are not text, or if it is not an object."""
    try:
        return _head.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Head()


def _read_yaml(file: BinaryIO, first: bytes, name: str, objects: Objects, seen: Counter[str]) -> None:
    data = first + file.read(_MAX_YAML_BYTES + 1 - len(first))
    if len(data) > _MAX_YAML_BYTES:
        raise ExplainError(f"{name}: YAML of more than {_MAX_YAML_BYTES >> 20} MiB; dump it with -o json")
    try:
        text = data.decode("utf-8")
        for tree in yaml_objects(text):
            if isinstance(tree, dict) and tree.get("items") == []:
                objects.empty.add(str(tree.get("kind") or ""))
            elif isinstance(tree, dict):
                _add(msgspec.Raw(_json(tree)), "", "", objects, seen)
            elif tree is not None:
                raise ExplainError(f"{name}: expected Kubernetes objects, found {type(tree).__name__}")
    except UnicodeDecodeError as error:
        raise ExplainError(f"{name}: not UTF-8 text at byte {error.start}") from error
    except NotYamlError as error:
        if seen and "found" not in str(error):
            _note_truncated(name, objects, seen)
            return
        raise ExplainError(f"{name}: {error}") from error


def _json(tree: Any) -> bytes:
    try:
        return json.dumps(tree, default=str, skipkeys=True).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return b"{}"
