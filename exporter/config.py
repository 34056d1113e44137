"""The settings: what they are, their defaults, and what is said of a wrong one.

Only the command line and the composition root read them. Durations are as Prometheus writes them (`10m`), or
`none`; plain numbers are seconds.
"""

import difflib
import re
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import yaml

from exporter.durations import seconds_of

__all__ = ["ConfigError", "Kind", "Settings", "load"]

Duration = str | float | int

_KEY = re.compile(r"\[\.\.\.\]|[^.\[\]$`]+")
_WORDS = (
    ("Expected", "expected"),
    ("Object missing required field", "this key is missing:"),
    ("`", ""),
    ("array", "a list"),
    ("object", "a mapping"),
)


class ConfigError(Exception):
    """A wrong setting: one line that names the key, the file and line where it can, and what would be right."""


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part of the settings; a key that it does not have is an error."""


class Kubernetes(_Section, frozen=True):
    """How the API server is reached. Not set: $KUBECONFIG, the service account, ~/.kube/config."""

    kubeconfig: str | None = None
    """The kubeconfig file."""
    context: str | None = None
    """The kubeconfig's context; by default its current one."""


class Kind(_Section, frozen=True):
    """A kind of run, as its CRD names it."""

    group: str = "agents.platform"
    """The API group."""
    version: str = "v1"
    """The version that is read; a Job's owner may name another."""
    plural: str = "coderuns"
    """The resource, as in `kubectl get`."""
    kind: str = "CodeRun"
    """The kind, as the ownerReference of a Job names it."""


class CodeRuns(_Section, frozen=True):
    """The kinds of runs. The first one is required; others may be missing from the cluster."""

    kinds: tuple[Kind, ...] = (Kind(),)
    """At least one. A run of any but the first has its kind before its name: `docsrun/NAME`."""


class Jobs(_Section, frozen=True):
    """Jobs that no run controls are shown as well if they carry all these labels."""

    match_labels: dict[str, str] = {}
    """Label names and their values. Not set: only Jobs that a run controls."""


class RequiredConfigMap(_Section, frozen=True):
    """A ConfigMap that the controller needs, and the keys in it that it needs."""

    name: str
    """The ConfigMap's name."""
    keys: tuple[str, ...] = ()
    """Keys that must be there, in `data` or `binaryData`, and not empty."""


class ConfigMaps(_Section, frozen=True):
    """The required ConfigMaps, by name or with their required keys."""

    namespace: str = "agent-platform"
    """Where they all are."""
    required: tuple[str | RequiredConfigMap, ...] = tuple(
        f"controller-agent-templates-{name}"
        for name in ("claude", "codex", "cursor", "factory", "integration", "shared")
    )
    """Names, or mappings with a name and keys. Healthy: it exists, is not empty, and has its keys."""


class AgentThresholds(_Section, frozen=True):
    """Limits of one agent, where they differ from the defaults."""

    job_creation_deadline: Duration | None = None
    """How long after its creation a run of this agent may have no Job."""
    job_max_runtime: Duration | None = None
    """How long a Job of this agent may run."""


class Thresholds(_Section, frozen=True):
    """How long a run may wait for its Job, and how long a Job may run. An object's annotation goes first."""

    job_creation_deadline: Duration = "10m"
    """How long after its creation a run may have no Job."""
    job_max_runtime: Duration = "1h"
    """How long a Job may run after its start."""
    agents: dict[str, AgentThresholds] = {}
    """By the agent's name as the metrics show it, such as `tess`."""


class Web(_Section, frozen=True):
    """Where metrics are served."""

    listen_addresses: tuple[str, ...] = (":10911",)
    """`HOST:PORT`, or `:PORT` for every interface."""
    telemetry_path: str = "/metrics"
    """The path of the metrics."""


class Log(_Section, frozen=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warn", "error"] = "info"
    """The least that is logged."""
    format: Literal["logfmt", "json"] = "logfmt"
    """One line for each message, on standard error, in this form."""


class Settings(_Section, frozen=True):
    """All settings."""

    kubernetes: Kubernetes = Kubernetes()
    namespaces: tuple[str, ...] = ()
    """Where runs and Jobs are read. Not set: in all namespaces, which needs a ClusterRole."""
    coderuns: CodeRuns = CodeRuns()
    jobs: Jobs = Jobs()
    configmaps: ConfigMaps = ConfigMaps()
    thresholds: Thresholds = Thresholds()
    retention: Duration = "6h"
    """How long a finished run or Job keeps its series after its end; 0: as long as it exists."""
    web: Web = Web()
    log: Log = Log()


def load(path: str) -> Settings:
    """The settings of a YAML file. Raises ConfigError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}") from error
    try:
        tree = yaml.safe_load(text)
        nodes = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that there is not
        raise ConfigError(f"{path}{_place(error)}: not YAML: {_problem(error)}") from error
    try:
        settings = msgspec.convert({} if tree is None else tree, Settings)
        _check(settings)
    except msgspec.ValidationError as error:
        keys, text = _said(str(error), tree)
        line = _line(nodes, keys)
        raise ConfigError(f"{path}{f':{line}' if line else ''}: {text}") from error
    return settings


def _check(settings: Settings) -> None:
    """What types cannot say. Raises msgspec.ValidationError with the key's path, as decoding does."""
    limits = settings.thresholds
    durations = {"retention": settings.retention}
    durations |= {
        f"thresholds.{name}": getattr(limits, name) for name in ("job_creation_deadline", "job_max_runtime")
    }
    for agent, own in limits.agents.items():
        durations |= {f"thresholds.agents.{agent}.{name}": getattr(own, name) for name in own.__struct_fields__}
    for key, duration in durations.items():
        if duration is not None:
            try:
                seconds_of(str(duration))
            except ValueError as error:
                raise msgspec.ValidationError(f"{error} - at `$.{key}`") from error
    if not settings.coderuns.kinds:
        raise msgspec.ValidationError("at least one kind of run is needed - at `$.coderuns.kinds`")
    if not settings.web.listen_addresses:
        raise msgspec.ValidationError("at least one address is needed - at `$.web.listen_addresses`")
    if not settings.web.telemetry_path.startswith("/"):
        raise msgspec.ValidationError("a path begins with / - at `$.web.telemetry_path`")


def _said(message: str, tree: Any) -> tuple[list[str], str]:
    """A message of msgspec's as a path of keys and a line of text; a misspelled key gets the nearest right one."""
    text, _, where = message.partition(" - at `")
    keys = ["*" if key == "[...]" else key for key in _KEY.findall(where.rpartition("$")[2])]
    if where.startswith("key`"):
        return keys, f"{'.'.join(keys) or 'the file'}: every key is text: put it into quotes"
    if unknown := re.search(r"unknown field `(.+?)`", text):
        known = _type(keys).__struct_fields__
        near = difflib.get_close_matches(unknown[1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        keys.append(unknown[1])
        return keys, f"unknown key {'.'.join(keys)!r}; {hint}"
    if text.startswith("Invalid enum value"):
        return keys, f"{'.'.join(keys)}: expected one of {', '.join(get_args(_type(keys)))}"
    if isinstance(tree, dict) or keys:
        if text.startswith(("Expected", "Object")):  # theirs, and not ours with a user's words in it
            for theirs, ours in _WORDS:
                text = text.replace(theirs, ours)
        return keys, f"{'.'.join(keys) or 'the file'}: {text}"
    return keys, "expected a mapping of settings"


def _type(keys: list[str]) -> Any:
    """The type of what stands at a path."""
    where: Any = Settings
    for key in (key for key in keys if not key.isdecimal() and key != "*"):
        where = next(field.type for field in msgspec.structs.fields(where) if field.name == key)
        where = _struct_in(where) or where
    return where


def _struct_in(kind: Any) -> Any:
    """The Struct inside a tuple, a dict or an optional of Structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for inner in getattr(kind, "__args__", ()) if (found := _struct_in(inner))), None)


def _line(node: Any, keys: list[str]) -> int | None:
    """The line on which a key stands, or the nearest above it; `*` is the one key that has the rest below it."""
    entries: list[tuple[str, Any, Any]] = []
    if isinstance(node, yaml.MappingNode):
        entries = [(str(name.value), name, value) for name, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        entries = [(str(index), item, item) for index, item in enumerate(node.value)]
    found = [(_line(value, keys[1:]), at) for name, at, value in entries if keys and keys[0] in {name, "*"}]
    if keys[:1] == ["*"]:
        found = [(below, at) for below, at in found if below is not None]
    return (found[0][0] or found[0][1].start_mark.line + 1) if len(found) == 1 else None


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
