"""Rejects a file that lacks keys of the previous one: an empty or half-written file must not disable protection."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

__all__ = ["check_removal"]

_OFF = {
    "basic_auth_users": "{}",
    "tls_server_config.client_auth_type": "NoClientCert",
    "tls_server_config.client_allowed_sans": "[]",
    "tls_server_config.cipher_suites": "[]",
    "tls_server_config.curve_preferences": "[]",
    "tls_server_config.min_version": "TLS12",
    "tls_server_config.max_version": "TLS13",
    "tls_server_config.prefer_server_cipher_suites": "true",
    "http_server_config.http2": "true",
}
"""The value to write in order to remove a key: its empty or default value."""


def check_removal(old: str, new: str) -> str:
    """The reason for which the new text of a file must not replace the old one; empty if it may. Both are valid YAML.

    The new text must have all keys of the old one. Single users may be missing, because that grants no access.
    """
    if new and old.startswith(new) and old[len(new) :][:1] not in {"", "\n"} and not new.endswith("\n"):
        return "it ends in the middle of a line: is it being written?"
    present = dict(_values(_tree(new)))
    for path, value in _values(_tree(old)):
        off = '""' if path.startswith("http_server_config.headers.") else _OFF.get(path)
        if off is not None and path not in present and value != yaml.safe_load(off):
            return f"{path} is missing: write `{path.rpartition('.')[2]}: {off}` to remove it"
    return ""


def _tree(text: str) -> Mapping[str, Any]:
    tree = yaml.safe_load(text)
    return tree if isinstance(tree, dict) else {}


def _values(tree: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        path = f"{within}{key}"
        yield path, value
        if isinstance(value, dict) and path != "basic_auth_users":
            yield from _values(value, f"{path}.")
