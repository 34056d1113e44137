"""The entries of a kubeconfig, with the fields that the exporter uses.

Types are checked: in YAML, an unquoted token may be a number, and "false" in quotes is a string, which is true in
Python. An empty value counts as not set, as in client-go.
"""

import dataclasses
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from exporter.kube.errors import KubeConfigError

__all__ = ["Cluster", "Entry", "Exec", "User", "convert_settings"]

_T = TypeVar("_T")
_PLUGIN_CONFIG: Final = "client.authentication.k8s.io/exec"  # the extension that is passed to exec plugins


class _Variable(msgspec.Struct):
    name: str
    value: str = ""


class Exec(msgspec.Struct, rename="camel", kw_only=True):
    """A user's `exec`: the plugin to run (client.authentication.k8s.io)."""

    api_version: str
    command: str
    args: list[str] = []
    env: list[_Variable] = []
    install_hint: str = ""
    interactive_mode: str = "IfAvailable"
    provide_cluster_info: bool = False

    def __repr__(self) -> str:
        return f"Exec(command={self.command!r})"  # arguments and variables may hold secrets


class _Extension(msgspec.Struct):
    name: str
    extension: Any = None


class Cluster(msgspec.Struct, rename="kebab", kw_only=True, omit_defaults=True):
    """A context's cluster; paths are absolute. As a mapping it has the keys of the kubeconfig."""

    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    extensions: list[_Extension] = []

    def __repr__(self) -> str:
        return f"Cluster(server={self.server!r})"  # the proxy's URL may hold a password

    @property
    def plugin_config(self) -> Any:
        """The cluster's configuration for exec plugins, or None."""
        return next((item.extension for item in self.extensions if item.name == _PLUGIN_CONFIG), None)


class _Provider(msgspec.Struct):
    name: str
    config: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Provider(name={self.name!r})"


class User(msgspec.Struct, rename="kebab", kw_only=True):
    """A context's user; paths are absolute."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    username: str = ""
    password: str = ""
    exec: Exec | None = None
    auth_provider: _Provider | None = None
    as_: str = msgspec.field(default="", name="as")

    def __repr__(self) -> str:
        return "User(...)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A named entry and its file."""

    kind: Literal["context", "cluster", "user"]
    name: str
    path: Path
    settings: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def where(self) -> str:
        """The prefix of an error message."""
        return f"kubeconfig {self.path}: {self.kind} {self.name!r}"

    def convert(self, kind: type[_T], *paths: str) -> _T:
        """The settings as `kind`. Paths (keys in `paths`) are relative to the file's directory, as in client-go.

        Raises KubeConfigError.
        """
        settings = {key: value for key, value in self.settings.items() if value not in (None, "")}
        for key in paths:
            if isinstance(settings.get(key), str):
                settings[key] = str(self.path.absolute().parent / settings[key])
        return convert_settings(settings, kind, where=self.where)


def convert_settings(value: object, kind: type[_T], *, where: str) -> _T:
    """Decoded YAML as `kind`. Raises KubeConfigError with `where` as its prefix and the name of the key."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")  # the message has keys and types, but no values
        key = place.strip("`.")
        raise KubeConfigError(f"{where}: {key + ': ' if key else ''}{what[:1].lower()}{what[1:]}") from error
