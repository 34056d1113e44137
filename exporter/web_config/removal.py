"""A file that is emptied, cut, or half-written must not take protection away: what is removed has to be said."""

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
"""How the file says that a key is not wanted any more: by its empty or default value."""


def check_removal(old: str, new: str) -> str:
    """What is wrong with the new text of a file; empty where it can take the old one's place. Both are valid YAML.

    A key that was there must still be there. Users may go one by one: that lets nobody in.
    """
    if new and old.startswith(new) and old[len(new) :][:1] not in {"", "\n"} and not new.endswith("\n"):
        return "it ends in the middle of a line: is it being written?"
    kept = dict(_values(_tree(new)))
    for path, value in _values(_tree(old)):
        off = '""' if path.startswith("http_server_config.headers.") else _OFF.get(path)
        if off is not None and path not in kept and value != yaml.safe_load(off):
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
