"""The settings' file: how it is read, and what is said of a wrong one: the key, the line, and what would be right."""

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
from exporter.yaml_text import node_of

__all__ = ["ConfigError", "UnreadableError", "load", "said"]

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
    """A wrong setting: one line that names the key, the file and line where it can, and what would be right."""


class UnreadableError(ConfigError):
    """The file itself is wrong, whatever is in it."""


def load(path: str) -> Settings:
    """The settings of a YAML file, and of the files with profiles that it names. Raises ConfigError."""
    tree, nodes = _read(Path(path))
    with _located(path, tree, nodes, Settings):
        settings = msgspec.convert({} if tree is None else tree, Settings)
        given, folder = settings.coderuns.kinds, Path(path).parent
        files = {
            kind: _ProfileFile(folder / kind) for kind in given if isinstance(kind, str) and kind.endswith(_ENDS)
        }
        kinds = tuple(files[kind].profile if isinstance(kind, str) and kind in files else kind for kind in given)
        for file in files.values():
            file.check(kinds)
        settings = msgspec.structs.replace(settings, coderuns=CodeRuns(kinds=kinds))
        check(settings)
    return settings


class _ProfileFile:
    """A file with one profile."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._tree, self._nodes = _read(path)
        with _located(self._path, self._tree, self._nodes, Profile):
            self.profile = msgspec.convert(self._tree, Profile)

    def check(self, kinds: Iterable[str | Profile]) -> None:
        """Its worker may be of another kind of the settings. Raises ConfigError."""
        with _located(self._path, self._tree, self._nodes, Profile):
            try:
                check_profile(self.profile, kinds=[one.kind or "" for one in kinds if isinstance(one, Profile)])
            except ProfileError as error:
                raise msgspec.ValidationError(f"{error} - at `$.{error.key}`") from error


def _read(path: Path) -> tuple[Any, Any]:
    """A YAML file as a tree of values, and as one of nodes, which know their lines."""
    try:
        text = read_text(str(path), pipes=True)
    except FileError as error:
        raise UnreadableError(f"{path}: cannot be read: {error}") from error
    try:
        loader = yaml.SafeLoader(text)
        nodes = node_of(loader, text)
        for key in _twice(nodes):
            raise ConfigError(f"{path}:{key.start_mark.line + 1}: the key {key.value!r} stands twice in one mapping")
        tree = None if nodes is None else loader.construct_document(nodes)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # The last ones: a value that does not fit its tag, such as a date that there is not.
        raise ConfigError(f"{path}{_place(error)}: not YAML: {_problem(error)}") from error
    return tree, nodes


def _twice(root: Any) -> Iterator[Any]:
    """The keys that their mapping has already, of which YAML takes the last. Aliases are seen once."""
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
    """What is wrong, with the file and the line."""
    try:
        yield
    except msgspec.ValidationError as error:
        keys, text = said(str(error), tree, root=root)
        line = _line(nodes, keys)
        raise ConfigError(f"{path}{f':{line}' if line else ''}: {text}") from error


def said(message: str, tree: Any, *, root: type[msgspec.Struct] = Settings) -> tuple[list[str], str]:
    """A message of `check` or of msgspec as a path of keys and a line; for a misspelled key the nearest right one."""
    text, _, where = message.partition(" - at `")
    keys = ["*" if key == "[...]" else key for key in _KEY.findall(where.rpartition("$")[2])]
    if where.startswith("key`"):
        return keys, f"{'.'.join(keys) or 'the file'}: every key is text: put it into quotes"
    if unknown := re.search(r"unknown field `(.+?)`", text):
        known = _type(keys, root).__struct_encode_fields__
        near = difflib.get_close_matches(unknown[1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        keys.append(unknown[1])
        return keys, f"unknown key {'.'.join(keys)!r}; {hint}"
    if text.startswith("Invalid enum value"):
        return keys, f"{'.'.join(keys)}: expected one of {', '.join(get_args(_type(keys, root)))}"
    if isinstance(tree, dict) or keys:
        if text.startswith(("Expected", "Object")):  # theirs, and not ours with a user's words in it
            for theirs, ours in _WORDS:
                text = text.replace(theirs, ours)
        return keys, f"{'.'.join(keys) or 'the file'}: {text}"
    return keys, "expected a mapping of settings"


def _type(keys: list[str], root: type[msgspec.Struct]) -> Any:
    """The type of what stands at a path."""
    where: Any = root
    for key in (key for key in keys if not key.isdecimal() and key != "*"):
        where = next(field.type for field in msgspec.structs.fields(where) if field.encode_name == key)
        where = _struct_in(where) or where
    return where


def _struct_in(kind: Any) -> Any:
    """The Struct inside a tuple, a dict or an optional of Structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for inner in getattr(kind, "__args__", ()) if (found := _struct_in(inner))), None)


def _line(node: Any, keys: list[str]) -> int | None:
    """The line on which a key stands, or the nearest above it; `*` is the one key that has the rest below it."""
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
