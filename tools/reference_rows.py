"""Rows of the reference pages, from code and docstrings: settings, keys of profiles and of log formats, flags."""

import argparse
import ast
import importlib
import inspect
import itertools
import pathlib
import pkgutil
import types
import typing
from collections.abc import Iterator, Sequence

import msgspec
import yaml

import exporter.commands
from exporter import config
from exporter.log_formats import language as log_language
from exporter.profiles import language
from tools.markdown import code

__all__ = ["commands", "described", "is_struct", "keys", "log_keys", "log_summary", "settings"]

_OWN_PAGE = (language.Profile, log_language.Format)  # documented in docs/profiles.md and docs/log-formats.md


def settings(
    struct: type[msgspec.Struct], *, prefix: str = "", only: Sequence[str] = ()
) -> Iterator[tuple[str, ...]]:
    """A row for each setting of a section, including the settings of list items and mapping values."""
    for field in msgspec.structs.fields(struct):
        if only and field.name not in only:
            continue
        path = prefix + field.name
        yield f"`{path}`", words(field.type), default(field), described(struct)[field.name]
        for inner in typing.get_args(field.type):
            for item in (inner, *typing.get_args(inner)):
                if is_struct(item) and item not in _OWN_PAGE:
                    yield from settings(item, prefix=f"{path}{'.NAME' if is_dict(field.type) else '[]'}.")


def keys(struct: type[msgspec.Struct], *, prefix: str = "") -> Iterator[tuple[str, ...]]:
    """A row for each key of a profile, including nested keys."""
    for field in msgspec.structs.fields(struct):
        path = f"{prefix}{field.encode_name}"
        inner = [item for item in (field.type, *typing.get_args(field.type)) if is_struct(item)]
        rule = [item for item in typing.get_args(field.type) if item is language.StateRule]
        kind = "source" if field.type == language.Source else "" if inner else words(field.type)
        yield f"`{path}`", "list of mapping" if rule else kind or "mapping", described(struct)[field.name]
        if field.type != language.Source:
            for item in inner:
                yield from keys(item, prefix=f"{path}[]." if rule else f"{path}.")


def log_summary(given: log_language.Format) -> list[str]:
    """The keys of events that a format uses, except those of the match."""
    match = ("when", "text", "own", "tail", "if_none", "aside")
    default = log_language.Event()
    names = [name for name in log_language.Event.__struct_fields__ if name not in match]
    return [name for name in names if any(getattr(one, name) != getattr(default, name) for one in given.events)]


def log_keys(struct: type[msgspec.Struct]) -> Iterator[tuple[str, ...]]:
    """A row for each key of a mapping of a log format."""
    known = {
        log_language.Conditions: "conditions",
        log_language.Classes: "class or list",
        log_language.Amounts: "amount or list",
        tuple[log_language.Conditions, ...]: "list of conditions",
        tuple[log_language.Event, ...]: "list of events",
    }
    for field in msgspec.structs.fields(struct):
        parts = (field.type, *typing.get_args(field.type))
        kind = next((word for type_, word in known.items() if field.type == type_), None) or (
            f"{code(typing.get_args(parts[1]))} or conditions"
            if log_language.Conditions in parts
            else words(field.type)
        )
        yield f"`{field.encode_name}`", kind, described(struct)[field.name]


def commands() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each command with its flags."""
    for found in pkgutil.iter_modules(exporter.commands.__path__):
        module = importlib.import_module(f"exporter.commands.{found.name}")
        if hasattr(module, "run"):
            parser = Flags(add_help=False)
            module.add_arguments(parser)
            yield found.name, parser.rows


class Flags(argparse.ArgumentParser):
    """A parser that records the flags added to it, as rows of a table."""

    def __init__(self, **options: typing.Any) -> None:
        self.rows: list[tuple[str, str]] = []
        super().__init__(**options)

    def add_argument(self, *names: str, **options: typing.Any) -> argparse.Action:
        """Adds the flag, and records its names and help text."""
        action = super().add_argument(*names, **options)
        value = action.metavar or "|".join(action.choices or ())
        shown = " ".join(filter(None, (", ".join(action.option_strings), str(value))))
        self.rows.append((f"`{shown}`", action.help or ""))
        return action


def described(struct: type) -> dict[str, str]:
    """The docstrings of the fields of a class, by field name."""
    tree = ast.parse(pathlib.Path(inspect.getfile(struct)).read_text("utf-8"))
    body = next(item.body for item in tree.body if isinstance(item, ast.ClassDef) and item.name == struct.__name__)
    return {
        ast.unparse(field.target): ast.literal_eval(text.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def words(kind: object) -> str:
    """The name of a type for the tables, such as `list of string`."""
    if typing.get_origin(kind) is typing.Annotated:  # a type with bounds
        kind = typing.get_args(kind)[0]
    inner = [item for item in typing.get_args(kind) if item not in (types.NoneType, Ellipsis)]
    if typing.get_origin(kind) is typing.Literal:
        return code(inner)
    if typing.get_origin(kind) is tuple:
        return f"list of {words(inner[0])}"
    if is_dict(kind):
        return f"mapping of {words(inner[0])} to {words(inner[1])}"
    for word, known in (("duration", config.Duration), ("value", language.Value)):
        if set(inner) == set(typing.get_args(known)):
            return word
    if inner:
        return " or ".join(map(words, inner))
    plain = {int: "number", bool: "boolean"}
    return "mapping" if is_struct(kind) else next((word for known, word in plain.items() if kind is known), "string")


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default value of a setting in YAML, as code."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if not value and value is not False:
        return "not set"
    text = yaml.safe_dump(msgspec.to_builtins(value), default_flow_style=True, sort_keys=False, width=999)
    return f"`{text.splitlines()[0]}`"


def is_struct(kind: object) -> typing.TypeGuard[type[msgspec.Struct]]:
    """Whether the type is a section of the settings, or an item of a list in them."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def is_dict(kind: object) -> bool:
    """Whether the type is a mapping whose keys the user chooses."""
    return typing.get_origin(kind) is dict
