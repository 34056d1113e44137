"""Loads the settings file and the files that it names. Errors name the line, the key, and the expected value."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from exporter import yaml_errors
from exporter.config import CodeRuns, Settings
from exporter.config_checks import check
from exporter.files import FileError, read_text
from exporter.log_formats import Format, FormatError, check_format
from exporter.profiles import Profile, ProfileError, check as check_profile

__all__ = ["ConfigError", "UnreadableError", "load", "readable"]

_ENDS = (".yaml", ".yml")  # of files with profiles or log formats
_WHOLE = {Profile: "a profile: one mapping", Format: "a log format: one mapping"}


class ConfigError(Exception):
    """An invalid setting. The message is one line: file and line if known, key, and expected value."""


class UnreadableError(ConfigError):
    """The file cannot be read."""


def load(path: str) -> Settings:
    """Loads the settings from a YAML file, and the files that it names. Raises ConfigError."""
    tree, nodes = _read(Path(path))
    with _located(path, tree, nodes, Settings):
        settings = msgspec.convert({} if tree is None else tree, Settings)
        folder = Path(path).parent
        settings = msgspec.structs.replace(
            settings,
            coderuns=CodeRuns(kinds=_kinds(settings.coderuns.kinds, folder)),
            logs=msgspec.structs.replace(settings.logs, formats=_formats(settings.logs.formats, folder)),
        )
        check(settings)
    return settings


def _kinds(configured: tuple[str | Profile, ...], folder: Path) -> tuple[str | Profile, ...]:
    """The kinds, with the profiles of the files that are named. Raises msgspec.ValidationError and ConfigError."""
    files = {
        kind: _profile_file(folder / kind, index)
        for index, kind in enumerate(configured)
        if isinstance(kind, str) and kind.endswith(_ENDS)
    }
    kinds = tuple(files[kind].profile if isinstance(kind, str) and kind in files else kind for kind in configured)
    for file in files.values():
        file.check(kinds)
    return kinds


def _formats(configured: tuple[str | Format, ...], folder: Path) -> tuple[str | Format, ...]:
    """The log formats, with those of the files that are named. Raises msgspec.ValidationError and ConfigError."""
    return tuple(
        _format_file(folder / one, index) if isinstance(one, str) and one.endswith(_ENDS) else one
        for index, one in enumerate(configured)
    )


def _format_file(path: Path, index: int) -> Format:
    """Reads a file that is an entry of the log formats; see `_profile_file`."""
    try:
        tree, nodes = _read(path)
    except UnreadableError as error:
        raise msgspec.ValidationError(f"{error} - at `$.logs.formats[{index}]`") from error
    with _located(str(path), tree, nodes, Format):
        found = msgspec.convert(tree, Format)
        try:
            check_format(found)
        except FormatError as error:
            raise msgspec.ValidationError(f"{error} - at `$.{error.key}`") from error
    return found


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
        return yaml_errors.parse(text)
    except yaml_errors.YamlTextError as error:
        raise ConfigError(f"{path}{f':{error.line}' if error.line else ''}: {error}") from error


@contextlib.contextmanager
def _located(path: str, tree: Any, nodes: Any, root: type[msgspec.Struct]) -> Iterator[None]:
    """Converts validation errors to ConfigError, with the file and the line."""
    try:
        yield
    except msgspec.ValidationError as error:
        keys, text = readable(str(error), tree, root=root)
        line = yaml_errors.line_of(nodes, keys)
        raise ConfigError(f"{path}{f':{line}' if line else ''}: {text}") from error


def readable(message: str, tree: Any, *, root: type[msgspec.Struct] = Settings) -> tuple[list[str], str]:
    """The path of keys and the text of a message of `check` or msgspec, with a suggestion for an unknown key."""
    return yaml_errors.readable(message, tree, root=root, whole=_WHOLE.get(root, "a mapping of settings"))
