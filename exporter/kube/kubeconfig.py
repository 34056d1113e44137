"""Finds and merges kubeconfig files as kubectl does, and selects a context.

This module runs no plugin and sends no request. Errors are one line with the name of the file, without any value that
could be a secret.
"""

import dataclasses
import difflib
import functools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import msgspec
import yaml

from exporter import yaml_text
from exporter.files import FileError, read_bytes
from exporter.kube.entries import Entry, convert_settings
from exporter.kube.errors import KubeConfigError

__all__ = ["KubeContext", "load_context", "locate"]

_SAFE: Final[type[Any]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES: Final = 16 << 20
_MAX_DEPTH: Final = 100
_MAX_NAMES: Final = 10  # maximum number of known names in an error message


@dataclasses.dataclass(frozen=True, kw_only=True)
class KubeContext:
    """The selected context: its cluster, its user (None: anonymous) and its namespace."""

    context: str
    cluster: Entry
    user: Entry | None
    namespace: str | None


class _Loader(_SAFE):  # type: ignore[misc]  # libyaml is not everywhere
    """Parses as kubectl does, with libyaml: it accepts tabs in places where PyYAML's own parser does not.

    Dates and sexagesimal numbers are strings, because a token may look like one.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _form, _first in (
    ("bool", r"(?i:yes|no|true|false|on|off)", "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-+0123456789"),
    ("merge", "<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form})\Z"), list(_first))


class _NamedEntry(msgspec.Struct):
    name: str = ""
    context: dict[str, Any] | None = None
    cluster: dict[str, Any] | None = None
    user: dict[str, Any] | None = None


class _File(msgspec.Struct, rename="kebab"):
    current_context: str | None = None
    contexts: list[_NamedEntry] | None = None
    clusters: list[_NamedEntry] | None = None
    users: list[_NamedEntry] | None = None


class _Context(msgspec.Struct):
    cluster: str
    user: str = ""
    namespace: str | None = None


def locate(
    *, kubeconfig: str | None, context: str | None, environ: Mapping[str, str], service_account: Path
) -> list[Path] | None:
    """The files to read; None: use the pod's service account. Raises KubeConfigError.

    As in kubectl, `kubeconfig` must exist, and missing files of $KUBECONFIG are ignored. A `context` requires a
    kubeconfig, so the service account is not used then.
    """
    if kubeconfig:
        return _existing([kubeconfig], origin="")
    if listed := environ.get("KUBECONFIG"):
        return _existing([part for part in listed.split(os.pathsep) if part], origin=" (from $KUBECONFIG)")
    in_pod = bool(environ.get("KUBERNETES_SERVICE_HOST"))
    if in_pod and not context and _exists(service_account / "token"):
        return None
    usual = Path(environ.get("HOME", "/"), ".kube", "config")
    if _exists(usual):
        return [usual]
    if in_pod and not context:
        raise KubeConfigError(
            f"service account: {service_account / 'token'} does not exist; "
            "set automountServiceAccountToken: true for the pod, or specify a kubeconfig"
        )
    raise KubeConfigError(f"kubeconfig {usual}: no such file; specify a kubeconfig, set KUBECONFIG, or run in a pod")


def load_context(paths: list[Path], *, context: str | None = None) -> KubeContext:
    """The context of that name (default: current-context), with its cluster and its user. Raises KubeConfigError.

    The first file that sets a value takes precedence, as in kubectl.
    """
    # Not KubeConfigMerger: there the last current-context wins, and its errors contain users with their tokens.
    files = {path: _read(path) for path in paths}
    shown = os.pathsep.join(map(str, paths))
    contexts = list(_entries(files, "context"))
    name = context or next((file.current_context for file in files.values() if file.current_context), None)
    if name is None:
        known = _known(contexts, "")
        raise KubeConfigError(f"kubeconfig {shown}: there is no current-context; name a context; {known}")
    found = _named(contexts, name, where=f"kubeconfig {shown}", problem=f"there is no context {name!r}")
    wanted = found.convert(_Context)
    cluster = _named(
        list(_entries(files, "cluster")), wanted.cluster,
        where=found.where, problem=f"its cluster {wanted.cluster!r} does not exist",
    )  # fmt: skip
    user = wanted.user and _named(
        list(_entries(files, "user")), wanted.user,
        where=found.where, problem=f"its user {wanted.user!r} does not exist",
    )  # fmt: skip
    return KubeContext(context=name, cluster=cluster, user=user or None, namespace=wanted.namespace)


def _existing(paths: list[str], *, origin: str) -> list[Path]:
    files = [Path(path).expanduser() for path in paths]
    existing = [path for path in files if _exists(path)]
    if not existing:
        raise KubeConfigError(f"kubeconfig {os.pathsep.join(paths)}{origin}: no such file")
    return existing


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # unknown; reading it gives the reason


def _read(path: Path) -> _File:
    try:
        content = _document(read_bytes(path, max_bytes=_MAX_BYTES, pipes=True))
    except FileError as error:
        raise KubeConfigError(f"kubeconfig {path}: cannot be read: {error}") from error
    except yaml_text.ExpandedError as error:
        raise KubeConfigError(f"kubeconfig {path}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        # The parser's message quotes the file, and may contain a token.
        reason = "nested too deeply" if isinstance(error, RecursionError) else "not YAML"
        raise KubeConfigError(f"kubeconfig {path}{line}: {reason}") from None
    return convert_settings({} if content is None else content, _File, where=f"kubeconfig {path}")


@functools.lru_cache(maxsize=8)
def _document(content: bytes) -> Any:
    """The first document, as in kubectl.

    Cached: parsing 1,000 contexts takes a third of a second, and each renewal of credentials reads the file again.
    """
    _check_depth(content)
    return _without_nulls(yaml_text.load(content, loader=_Loader, single=False))


def _check_depth(content: bytes) -> None:
    """Raises RecursionError for a depth that would crash libyaml's loader."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise RecursionError
        if isinstance(event, yaml.DocumentEndEvent):
            return


def _without_nulls(value: Any) -> Any:
    """Removes nulls, as Go ignores them. Extensions do not change: they are passed to plugins."""
    if isinstance(value, dict):
        present = {key: part for key, part in value.items() if part is not None}
        return {key: part if key == "extensions" else _without_nulls(part) for key, part in present.items()}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value if part is not None]
    return value


def _entries(files: Mapping[Path, _File], kind: Literal["context", "cluster", "user"]) -> Iterator[Entry]:
    for path, file in files.items():
        for named in getattr(file, f"{kind}s") or ():
            yield Entry(kind=kind, name=named.name, path=path, settings=getattr(named, kind) or {})


def _named(entries: list[Entry], name: str, *, where: str, problem: str) -> Entry:
    for entry in entries:
        if entry.name == name:
            return entry
    raise KubeConfigError(f"{where}: {problem}; {_known(entries, name)}")


def _known(entries: list[Entry], name: str) -> str:
    names = list(dict.fromkeys(entry.name for entry in entries))
    known = ", ".join(map(repr, names[:_MAX_NAMES])) or "none"
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    near = difflib.get_close_matches(name, names, n=1)
    return f"known: {known}{more}" + (f"; did you mean {near[0]!r}?" if near else "")
