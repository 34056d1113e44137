"""The shipped log formats, one file for each CLI, and those of the settings, which are added to them."""

import functools
import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import yaml

from exporter import yaml_errors
from exporter.log_formats.classes import Words
from exporter.log_formats.compiling import CompiledFormat, FormatError, compile_format
from exporter.log_formats.formats import Formats
from exporter.log_formats.language import Format

__all__ = ["compile_formats", "shipped_formats", "shipped_tables"]

_WHOLE = "a log format: a mapping, or a list of mappings"


@functools.cache
def shipped_tables() -> Sequence[Format]:
    """The shipped formats, in the order of their names."""
    names = sorted(
        item.name for item in _folder().iterdir() if item.name.endswith(".yml") and item.name != "words.yml"
    )
    return tuple(msgspec.convert(yaml.safe_load((_folder() / name).read_text("utf-8")), Format) for name in names)


@functools.cache
def shipped_formats() -> Formats:
    """The shipped formats, compiled."""
    return Formats(compile_format(one, _words()) for one in shipped_tables())


def compile_formats(given: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], *, source: str = "") -> Formats:
    """Adds formats to the shipped formats; a format of the same name is replaced. Raises FormatError.

    `given` is YAML text, or what it contains: one format or a list. `source` is the file, for the error; for YAML
    text, the error also has the line.
    """
    try:
        tree, nodes = yaml_errors.parse(given) if isinstance(given, str) else (given, None)
    except yaml_errors.YamlTextError as error:
        raise FormatError(_placed(str(error), source, error.line)) from error
    is_list = isinstance(tree, list | tuple)
    added: dict[str, CompiledFormat] = {}
    for index, item in enumerate(tree if is_list else [tree]):
        try:
            one = compile_format(msgspec.convert(item, Format), _words())
        except (FormatError, msgspec.ValidationError) as error:
            where = f" - at `$.{error.key}`" if isinstance(error, FormatError) else ""
            keys, text = yaml_errors.readable(f"{error}{where}", item, root=Format, whole=_WHOLE)
            keys = [str(index), *keys] if is_list else keys
            line = yaml_errors.line_of(nodes, keys)
            raise FormatError(_placed(text, source, line), key=".".join(keys)) from error
        if one.format.name in added:
            raise FormatError(_placed(f"there are two formats {one.format.name!r}", source, None), key=str(index))
        added[one.format.name] = one
    shipped = {one.format.name: one for one in shipped_formats().all}
    new = [one for name, one in added.items() if name not in shipped]
    return Formats([*new, *{**shipped, **{name: one for name, one in added.items() if name in shipped}}.values()])


def _placed(text: str, source: str, line: int | None) -> str:
    place = ":".join([*([source] if source else []), *([str(line)] if line else [])])
    return f"{place if source else f'line {line}'}: {text}" if place else text


@functools.cache
def _words() -> Words:
    return Words(yaml.safe_load((_folder() / "words.yml").read_text("utf-8")))


def _folder() -> Any:
    return importlib.resources.files("exporter.log_formats") / "shipped"
