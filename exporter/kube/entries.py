"""A kubeconfig's entries, as far as the exporter uses them.

Types are checked, for YAML turns an unquoted token into a number, and a quoted "false" into what counts as true.
An empty value is no value, as in client-go.
"""

import dataclasses
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from exporter.kube.errors import KubeConfigError

__all__ = ["Cluster", "Entry", "Exec", "User", "shaped_as"]

_T = TypeVar("_T")
_PLUGIN_CONFIG: Final = "client.authentication.k8s.io/exec"  # the extension that exec plugins are given


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
        return f"Exec(command={self.command!r})"  # arguments and variables may be secret


class _Extension(msgspec.Struct):
    name: str
    extension: Any = None


class Cluster(msgspec.Struct, rename="kebab", kw_only=True, omit_defaults=True):
    """A context's cluster; paths are absolute. As a mapping it has kubeconfig's own keys."""

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
        """What the cluster wants each exec plugin to be given, or None."""
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
    """One named entry and the file that it stands in."""

    kind: Literal["context", "cluster", "user"]
    name: str
    path: Path
    settings: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def where(self) -> str:
        """How an error line begins."""
        return f"kubeconfig {self.path}: {self.kind} {self.name!r}"

    def shaped(self, kind: type[_T], *paths: str) -> _T:
        """These settings as `kind`, the keys in `paths` made absolute as client-go does: from this file's folder."""
        there = {key: value for key, value in self.settings.items() if value not in (None, "")}
        for key in paths:
            if isinstance(there.get(key), str):
                there[key] = str(self.path.absolute().parent / there[key])
        return shaped_as(there, kind, where=self.where)


def shaped_as(value: object, kind: type[_T], *, where: str) -> _T:
    """Decoded YAML as `kind`. Raises KubeConfigError, which begins with `where` and names the key."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")  # these words hold keys and types, never values
        key = place.strip("`.")
        raise KubeConfigError(f"{where}: {key + ': ' if key else ''}{what[:1].lower()}{what[1:]}") from error
