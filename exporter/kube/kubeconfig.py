"""Kubeconfig files: which ones to read, merged as kubectl merges them, and the one context that was chosen.

Nothing here runs anything or talks to anybody. What is wrong is told as one line that names the file and
never shows a value that could be a secret.
"""

import dataclasses
import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
import yaml

from exporter.kube.errors import KubeConfigError

__all__ = ["Choice", "Cluster", "Entry", "Exec", "User", "choose", "locate"]

_T = TypeVar("_T")
_MANY: Final = 10  # known names that one error line shows
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
        return _shaped(there, kind, where=self.where)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """The chosen context: its cluster, its user (None: anonymous) and its namespace."""

    context: str
    cluster: Entry
    user: Entry | None
    namespace: str | None


class _Named(msgspec.Struct):
    name: str
    context: dict[str, Any] | None = None
    cluster: dict[str, Any] | None = None
    user: dict[str, Any] | None = None


class _File(msgspec.Struct, rename="kebab"):
    current_context: str | None = None
    contexts: list[_Named] | None = None
    clusters: list[_Named] | None = None
    users: list[_Named] | None = None


class _Context(msgspec.Struct):
    cluster: str
    user: str = ""
    namespace: str | None = None


def locate(
    *, kubeconfig: str | None, context: str | None, environ: Mapping[str, str], service_account: Path
) -> list[Path] | None:
    """The files to read, or None where the pod's service account is to be used.

    As kubectl: a file that is given must exist; of those in $KUBECONFIG the existing ones count. A context
    can only be a kubeconfig's, so that naming one passes the service account by.
    """
    if kubeconfig:
        return _existing([kubeconfig], told_by="")
    if listed := environ.get("KUBECONFIG"):
        return _existing([part for part in listed.split(os.pathsep) if part], told_by=" (from $KUBECONFIG)")
    in_pod = bool(environ.get("KUBERNETES_SERVICE_HOST"))
    if in_pod and not context and (service_account / "token").exists():
        return None
    usual = Path(environ.get("HOME", "/"), ".kube", "config")
    if usual.exists():
        return [usual]
    if in_pod and not context:
        raise KubeConfigError(
            f"service account: {service_account / 'token'} is not there; "
            "set automountServiceAccountToken: true for the pod, or give a kubeconfig"
        )
    raise KubeConfigError(f"kubeconfig {usual}: no such file; give a kubeconfig, or set KUBECONFIG, or run in a pod")


def choose(paths: list[Path], *, context: str | None = None) -> Choice:
    """The context of that name (default: current-context), with its cluster and its user.

    The first file that tells a thing wins, as in kubectl.
    """
    # KubeConfigMerger is not used: there the last current-context wins, and its errors quote whole users, tokens too.
    files = {path: _read(path) for path in paths}
    shown = os.pathsep.join(map(str, paths))
    contexts = list(_entries(files, "context"))
    name = context or next((file.current_context for file in files.values() if file.current_context), None)
    if name is None:
        known = _known(contexts, "")
        raise KubeConfigError(f"kubeconfig {shown}: there is no current-context; name a context; {known}")
    found = _named(contexts, name, where=f"kubeconfig {shown}", text=f"there is no context {name!r}")
    wanted = found.shaped(_Context)
    cluster = _named(
        list(_entries(files, "cluster")), wanted.cluster,
        where=found.where, text=f"its cluster {wanted.cluster!r} is not there",
    )  # fmt: skip
    user = wanted.user and _named(
        list(_entries(files, "user")), wanted.user,
        where=found.where, text=f"its user {wanted.user!r} is not there",
    )  # fmt: skip
    return Choice(context=name, cluster=cluster, user=user or None, namespace=wanted.namespace)


def _existing(paths: list[str], *, told_by: str) -> list[Path]:
    files = [Path(path).expanduser() for path in paths]
    existing = [path for path in files if path.exists()]
    if not existing:
        raise KubeConfigError(f"kubeconfig {os.pathsep.join(paths)}{told_by}: no such file")
    return existing


def _read(path: Path) -> _File:
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise KubeConfigError(f"kubeconfig {path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        # The parser's own words quote the file, and so a token.
        raise KubeConfigError(f"kubeconfig {path}{line}: not YAML") from None
    return _shaped({} if content is None else content, _File, where=f"kubeconfig {path}")


def _shaped(value: object, kind: type[_T], *, where: str) -> _T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")  # these words hold keys and types, never values
        key = place.strip("`.")
        raise KubeConfigError(f"{where}: {key + ': ' if key else ''}{what[:1].lower()}{what[1:]}") from error


def _entries(files: Mapping[Path, _File], kind: Literal["context", "cluster", "user"]) -> Iterator[Entry]:
    for path, file in files.items():
        for named in getattr(file, f"{kind}s") or ():
            yield Entry(kind=kind, name=named.name, path=path, settings=getattr(named, kind) or {})


def _named(entries: list[Entry], name: str, *, where: str, text: str) -> Entry:
    for entry in entries:
        if entry.name == name:
            return entry
    raise KubeConfigError(f"{where}: {text}; {_known(entries, name)}")


def _known(entries: list[Entry], name: str) -> str:
    names = list(dict.fromkeys(entry.name for entry in entries))
    known = ", ".join(map(repr, names[:_MANY])) or "none"
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    near = difflib.get_close_matches(name, names, n=1)
    return f"known: {known}{more}" + (f"; did you mean {near[0]!r}?" if near else "")
