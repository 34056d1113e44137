"""The web configuration file: how it is read, and the one line that is said of a wrong one."""

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

__all__ = ["parse", "parse_file", "read", "text_of"]

_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`", re.DOTALL)
_NOT_HERE = {
    "tls_server_config": {
        "cert": "a certificate in the file itself is not supported: write it to a file of its own, for cert_file",
        "key": "a key in the file itself is not supported: write it to a file of its own, for key_file",
        "client_ca": "CAs in the file itself are not supported: write them to a file, for client_ca_file",
    },
    "": {"rate_limit": "is not supported: --web.max-requests limits the scrapes at once"},
}


class _StrictLoader(yaml.SafeLoader):
    """As exporter-toolkit, which takes no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Raises a YAMLError for a key that is there twice."""
        names = [key.value for key, _ in node.value]
        for index, (key, _) in enumerate(node.value):
            if key.value in names[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
        return super().construct_mapping(node, deep)


def read(path: Path) -> WebConfig:
    """The file at this path. Raises WebConfigError."""
    return parse_file(text_of(path), path=path)


def text_of(path: Path) -> str:
    """The text of a file. Raises WebConfigError."""
    try:
        return read_text(path)
    except FileError as error:
        raise WebConfigError(f"{path}: cannot be read: {error}") from None


def parse_file(text: str, *, path: Path) -> WebConfig:
    """The text of the file at this path. Raises WebConfigError that names it."""
    try:
        return parse(text, folder=path.parent)
    except WebConfigError as error:
        raise WebConfigError(f"{path}: {error}") from None


def parse(text: str, *, folder: Path) -> WebConfig:
    """The text of such a file in this folder. Raises WebConfigError with no value of a secret in it."""
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
        raise WebConfigError(_said(str(error))) from None
    if config.tls_server_config is None and "tls_server_config" in tree:
        raise WebConfigError("tls_server_config: expected a mapping, got null")
    check(config)
    if config.tls_server_config is not None:
        config = msgspec.structs.replace(config, tls_server_config=_placed(config.tls_server_config, folder))
    return config


def _placed(tls: TlsServer, folder: Path) -> TlsServer:
    """Relative paths begin at the folder of the file, so that one Secret can hold it all."""
    names = ("cert_file", "key_file", "client_ca_file")
    return msgspec.structs.replace(tls, **{name: str(folder / at) for name in names if (at := getattr(tls, name))})


def _check_supported(tree: Any) -> None:
    """Keys of the format that this exporter does not have are told as such, and not as misspelled."""
    for section, reasons in _NOT_HERE.items():
        part = tree.get(section) if section and isinstance(tree, dict) else tree
        for key in reasons.keys() & part.keys() if isinstance(part, dict) else ():
            raise WebConfigError(f"{'.'.join(filter(None, (section, key)))}: {reasons[key]}")


def _said(message: str) -> str:
    """A message of msgspec's as one line, with the path of the key in front."""
    text, _, where = message.partition(" - at `")
    where, of_a_name = where.rstrip("`").replace("[...]", ""), where.startswith("key` in `")
    path = where.removeprefix("key` in `").removeprefix("$").removeprefix(".")
    if of_a_name:
        return f"{path}: every name is text: put it into quotes"
    if unknown := _UNKNOWN.fullmatch(text):
        kinds: Mapping[str, type[msgspec.Struct]] = {"tls_server_config": TlsServer, "http_server_config": HttpServer}
        near = difflib.get_close_matches(unknown[1], known := kinds.get(path, WebConfig).__struct_fields__, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {'.'.join(filter(None, (path, unknown[1])))!r}; {hint}"
    for theirs, ours in (("Expected", "expected"), ("`", ""), ("array", "a list"), ("object", "a mapping")):
        text = text.replace(theirs, ours)
    return f"{path or 'the file'}: {text}"
