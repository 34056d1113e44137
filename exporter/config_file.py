"""Loads the settings file. Errors name the line, the key, and the expected value."""

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from exporter.config import CodeRuns, Settings, check
from exporter.files import FileError, read_text
from exporter.profiles import Profile, ProfileError, check as check_profile
from exporter.yaml_text import load_node

__all__ = ["ConfigError", "UnreadableError", "load", "readable"]

_ENDS = (".yaml", ".yml")  # of files with profiles
_KEY = re.compile(r"\[\.\.\.\]|[^.\[\]$`]+")
_WORDS = (
    ("Expected", "expected"),
    ("Object missing required field", "this key is missing:"),
    ("`", ""),
    ("array", "a list"),
    ("object", "a mapping"),
)


class ConfigError(Exception):
    """An invalid setting. The message is one line: file and line if known, key, and expected value."""


class UnreadableError(ConfigError):
    """The file cannot be read."""


def load(path: str) -> Settings:
    """Loads the settings from a YAML file, and the profile files that it names. Raises ConfigError."""
    tree, nodes = _read(Path(path))
    with _located(path, tree, nodes, Settings):
        settings = msgspec.convert({} if tree is None else tree, Settings)
        configured, folder = settings.coderuns.kinds, Path(path).parent
        files = {
            kind: _profile_file(folder / kind, index)
            for index, kind in enumerate(configured)
            if isinstance(kind, str) and kind.endswith(_ENDS)
        }
        kinds = tuple(files[kind].profile if isinstance(kind, str) and kind in files else kind for kind in configured)
        for file in files.values():
            file.check(kinds)
        settings = msgspec.structs.replace(settings, coderuns=CodeRuns(kinds=kinds))
        check(settings)
    return settings


def _profile_file(path: Path, index: int) -> "_ProfileFile":
    """Reads a file that is an entry of the kinds. If it cannot be read, the error has the line of that entry.

    Raises msgspec.ValidationError and ConfigError.
    """
    try:
        return _ProfileFile(path)
    except UnreadableError as error:
        raise msgspec.ValidationError(f"{error} - at `$.coderuns.kinds[{index}]`") from error


class _ProfileFile:
    """A file with one profile."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._tree, self._nodes = _read(path)
        with _located(self._path, self._tree, self._nodes, Profile):
            self.profile = msgspec.convert(self._tree, Profile)

    def check(self, kinds: Iterable[str | Profile]) -> None:
        """Validates the profile, whose worker may be one of the other `kinds`. Raises ConfigError."""
        with _located(self._path, self._tree, self._nodes, Profile):
            try:
                check_profile(self.profile, others=kinds)
            except ProfileError as error:
                raise msgspec.ValidationError(f"{error} - at `$.{error.key}`") from error


def _read(path: Path) -> tuple[Any, Any]:
    """Reads a YAML file as a value, and as nodes, which have line numbers. Raises ConfigError."""
    try:
        text = read_text(str(path), pipes=True)
    except FileError as error:
        raise UnreadableError(f"{path}: cannot be read: {error}") from error
    try:
        loader = yaml.SafeLoader(text)
        nodes = load_node(loader, text)
        for key in _duplicates(nodes):
            raise ConfigError(f"{path}:{key.start_mark.line + 1}: duplicate key {key.value!r}")
        tree = None if nodes is None else loader.construct_document(nodes)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # PyYAML raises the other types for a value that does not match its tag, such as an invalid date.
        raise ConfigError(f"{path}{_place(error)}: not YAML: {_problem(error)}") from error
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


@contextlib.contextmanager
def _located(path: str, tree: Any, nodes: Any, root: type[msgspec.Struct]) -> Iterator[None]:
    """Converts validation errors to ConfigError, with the file and the line."""
    try:
        yield
    except msgspec.ValidationError as error:
        keys, text = readable(str(error), tree, root=root)
        line = _line(nodes, keys)
        raise ConfigError(f"{path}{f':{line}' if line else ''}: {text}") from error


def readable(message: str, tree: Any, *, root: type[msgspec.Struct] = Settings) -> tuple[list[str], str]:
    """The path of keys and the text of a message of `check` or msgspec, with a suggestion for an unknown key."""
    text, _, where = message.partition(" - at `")
    keys = ["*" if key == "[...]" else key for key in _KEY.findall(where.rpartition("$")[2])]
    if where.startswith("key`"):
        return keys, f"{'.'.join(keys) or 'the file'}: each key must be a string: put it in quotes"
    if unknown := re.search(r"unknown field `(.+?)`", text):
        known = _type(keys, root).__struct_encode_fields__
        near = difflib.get_close_matches(unknown[1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        keys.append(unknown[1])
        return keys, f"unknown key {'.'.join(keys)!r}; {hint}"
    if text.startswith("Invalid enum value"):
        return keys, f"{'.'.join(keys)}: expected one of {', '.join(get_args(_type(keys, root)))}"
    if isinstance(tree, dict) or keys:
        if text.startswith(("Expected", "Object")):  # a message of msgspec, not one of ours with the user's text
            for theirs, ours in _WORDS:
                text = text.replace(theirs, ours)
        return keys, f"{'.'.join(keys) or 'the file'}: {text}"
    return keys, f"expected {'a profile: one mapping' if root is Profile else 'a mapping of settings'}"


def _type(keys: list[str], root: type[msgspec.Struct]) -> Any:
    """The type of the value at a path of keys."""
    where: Any = root
    for key in (key for key in keys if not key.isdecimal() and key != "*"):
        where = next(field.type for field in msgspec.structs.fields(where) if field.encode_name == key)
        where = _struct_in(where) or where
    return where


def _struct_in(kind: Any) -> Any:
    """The Struct in a tuple, dict or optional of Structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for inner in getattr(kind, "__args__", ()) if (found := _struct_in(inner))), None)


def _line(node: Any, keys: list[str]) -> int | None:
    """The line of a key, or of its closest parent; `*` matches the only key with the remaining path below it."""
    entries: list[tuple[str, Any, Any]] = []
    if isinstance(node, yaml.MappingNode):
        entries = [(str(name.value), name, value) for name, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        entries = [(str(index), item, item) for index, item in enumerate(node.value)]
    found = [(_line(value, keys[1:]), at) for name, at, value in entries if keys and keys[0] in {name, "*"}]
    if keys[:1] == ["*"]:
        found = [(below, at) for below, at in found if below is not None]
    return (found[0][0] or found[0][1].start_mark.line + 1) if len(found) == 1 else None


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
