"""Parses the web configuration file, with one-line errors."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from exporter import yaml_text
from exporter.files import FileError, read_text
from exporter.web_config.format import HttpServer, TlsServer, WebConfig, WebConfigError, check

__all__ = ["file_text", "parse", "parse_file", "read"]

_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`", re.DOTALL)
_NOT_HERE = {
    "tls_server_config": {
        "cert": "inline certificates are not supported: use cert_file",
        "key": "inline keys are not supported: use key_file",
        "client_ca": "inline CA certificates are not supported: use client_ca_file",
    },
    "": {"rate_limit": "is not supported: --web.max-requests limits concurrent scrapes"},
}


class _StrictLoader(yaml.SafeLoader):
    """Rejects duplicate keys, as exporter-toolkit does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Raises a YAMLError for a duplicate key."""
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
        return super().construct_mapping(node, deep)


def read(path: Path) -> WebConfig:
    """Reads the file at this path. Raises WebConfigError."""
    return parse_file(file_text(path), path=path)


def file_text(path: Path) -> str:
    """The text of a file. Raises WebConfigError."""
    try:
        return read_text(path)
    except FileError as error:
        raise WebConfigError(f"{path}: cannot be read: {error}") from None


def parse_file(text: str, *, path: Path) -> WebConfig:
    """Parses the text of the file at this path. Raises WebConfigError, which names the path."""
    try:
        return parse(text, folder=path.parent)
    except WebConfigError as error:
        raise WebConfigError(f"{path}: {error}") from None


def parse(text: str, *, folder: Path) -> WebConfig:
    """Parses the text of a file in this directory. Raises WebConfigError, which contains no secret."""
    try:
        tree = yaml_text.load(text, loader=_StrictLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise WebConfigError(f"{place}not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}") from None
    tree = {} if tree is None else tree
    _check_supported(tree)
    try:
        config = msgspec.convert(tree, WebConfig)
    except msgspec.ValidationError as error:
        raise WebConfigError(_readable(str(error))) from None
    if config.tls_server_config is None and "tls_server_config" in tree:
        raise WebConfigError("tls_server_config: expected a mapping, got null")
    check(config)
    if config.tls_server_config is not None:
        config = msgspec.structs.replace(config, tls_server_config=_with_paths(config.tls_server_config, folder))
    return config


def _with_paths(tls: TlsServer, folder: Path) -> TlsServer:
    """Resolves paths relative to the directory of the file, so that one Secret can contain all files."""
    names = ("cert_file", "key_file", "client_ca_file")
    return msgspec.structs.replace(tls, **{name: str(folder / at) for name in names if (at := getattr(tls, name))})


def _check_supported(tree: Any) -> None:
    """Raises WebConfigError for keys of exporter-toolkit that are not supported, instead of "unknown key"."""
    for section, reasons in _NOT_HERE.items():
        part = tree.get(section) if section and isinstance(tree, dict) else tree
        for key in reasons.keys() & part.keys() if isinstance(part, dict) else ():
            raise WebConfigError(f"{'.'.join(filter(None, (section, key)))}: {reasons[key]}")


def _readable(message: str) -> str:
    """A message of msgspec as one line, with the path of the key as its prefix."""
    text, _, where = message.partition(" - at `")
    where, of_a_name = where.rstrip("`").replace("[...]", ""), where.startswith("key` in `")
    path = where.removeprefix("key` in `").removeprefix("$").removeprefix(".")
    if of_a_name:
        return f"{path}: each name must be a string: put it in quotes"
    if unknown := _UNKNOWN.fullmatch(text):
        kinds: Mapping[str, type[msgspec.Struct]] = {"tls_server_config": TlsServer, "http_server_config": HttpServer}
        near = difflib.get_close_matches(unknown[1], known := kinds.get(path, WebConfig).__struct_fields__, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {'.'.join(filter(None, (path, unknown[1])))!r}; {hint}"
    for theirs, ours in (("Expected", "expected"), ("`", ""), ("array", "a list"), ("object", "a mapping")):
        text = text.replace(theirs, ours)
    return f"{path or 'the file'}: {text}"
