"""Kubeconfig files: which ones to read, merged as kubectl merges them, and the one context that was chosen.

Nothing here runs anything or talks to anybody. What is wrong is told as one line that names the file and
never shows a value that could be a secret.
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
from exporter.kube.entries import Entry, shaped_as
from exporter.kube.errors import KubeConfigError

__all__ = ["KubeContext", "choose", "locate"]

_SAFE: Final[type[Any]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST: Final = 16 << 20
_DEEPEST: Final = 100
_MANY: Final = 10  # known names that one error line shows


@dataclasses.dataclass(frozen=True, kw_only=True)
class KubeContext:
    """The chosen context: its cluster, its user (None: anonymous) and its namespace."""

    context: str
    cluster: Entry
    user: Entry | None
    namespace: str | None


class _Loader(_SAFE):  # type: ignore[misc]  # libyaml is not everywhere
    """Reads as kubectl does, whose parser is a translation of libyaml: that takes tabs where Python's own does not.

    Dates and numbers to the base of 60 stay text, so that a token may look like one.
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


class _Named(msgspec.Struct):
    name: str = ""
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


def choose(paths: list[Path], *, context: str | None = None) -> KubeContext:
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
        where=found.where, text=f"its cluster {wanted.cluster!r} does not exist",
    )  # fmt: skip
    user = wanted.user and _named(
        list(_entries(files, "user")), wanted.user,
        where=found.where, text=f"its user {wanted.user!r} does not exist",
    )  # fmt: skip
    return KubeContext(context=name, cluster=cluster, user=user or None, namespace=wanted.namespace)


def _existing(paths: list[str], *, told_by: str) -> list[Path]:
    files = [Path(path).expanduser() for path in paths]
    existing = [path for path in files if _exists(path)]
    if not existing:
        raise KubeConfigError(f"kubeconfig {os.pathsep.join(paths)}{told_by}: no such file")
    return existing


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # as far as one can tell; reading it will say why


def _read(path: Path) -> _File:
    try:
        content = _document(read_bytes(path, most=_LARGEST, pipes=True))
    except FileError as error:
        raise KubeConfigError(f"kubeconfig {path}: cannot be read: {error}") from error
    except yaml_text.ExpandedError as error:
        raise KubeConfigError(f"kubeconfig {path}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        # The parser's own words quote the file, and so a token.
        reason = "nested too deeply" if isinstance(error, RecursionError) else "not YAML"
        raise KubeConfigError(f"kubeconfig {path}{line}: {reason}") from None
    return shaped_as({} if content is None else content, _File, where=f"kubeconfig {path}")


@functools.lru_cache(maxsize=8)
def _document(content: bytes) -> Any:
    """The first document, as kubectl has it.

    Parsed once for each state of a file: with 1,000 contexts that takes a third of a second, and each renewal of the
    credentials reads the file again.
    """
    _check_depth(content)
    return _without_nulls(yaml_text.load(content, loader=_Loader, single=False))


def _check_depth(content: bytes) -> None:
    """Raises RecursionError, where libyaml's loader would end the process."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise RecursionError
        if isinstance(event, yaml.DocumentEndEvent):
            return


def _without_nulls(value: Any) -> Any:
    """As Go decodes: a null is as if it were not there. What is passed on to a plugin as it is, stays."""
    if isinstance(value, dict):
        there = {key: part for key, part in value.items() if part is not None}
        return {key: part if key == "extensions" else _without_nulls(part) for key, part in there.items()}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value if part is not None]
    return value


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
