"""The shipped log formats, one file for each CLI, and the formats of the settings, which are added to them."""

import functools
import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import yaml

from exporter.log_formats.classes import Words
from exporter.log_formats.compiling import compile_format
from exporter.log_formats.formats import Formats
from exporter.log_formats.language import Format

__all__ = ["check_format", "compile_formats", "ending_phrases", "shipped_formats", "shipped_tables"]


_PHRASES: Final = {"words.yml", "endings.yml"}


@functools.cache
def shipped_tables() -> Sequence[Format]:
    """The shipped formats, in the order of their names."""
    names = sorted(
        item.name for item in _folder().iterdir() if item.name.endswith(".yml") and item.name not in _PHRASES
    )
    return tuple(msgspec.convert(yaml.safe_load((_folder() / name).read_text("utf-8")), Format) for name in names)


@functools.cache
def shipped_formats() -> Formats:
    """The shipped formats, compiled."""
    return Formats(compile_format(one, _words()) for one in shipped_tables())


def compile_formats(given: Iterable[Format]) -> Formats:
    """Adds formats to the shipped formats; a format of the same name is replaced. Raises FormatError."""
    added = {one.name: compile_format(one, _words()) for one in given}
    shipped = {one.format.name: one for one in shipped_formats().all}
    new = [one for name, one in added.items() if name not in shipped]
    return Formats([*new, *(added.get(name, one) for name, one in shipped.items())])


def check_format(given: Format) -> None:
    """Raises FormatError, with the key."""
    compile_format(given, _words())


@functools.cache
def _words() -> Words:
    return Words(_phrases("words.yml"))


@functools.cache
def ending_phrases() -> Mapping[str, list[str]]:
    """The phrases of termination messages, by class."""
    return _phrases("endings.yml")


def _phrases(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load((_folder() / name).read_text("utf-8"))
    return found


def _folder() -> Any:
    return importlib.resources.files("exporter.log_formats") / "shipped"
