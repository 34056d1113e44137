"""Flags that several commands share, named as in Prometheus, and the settings that they override.

The `dest` of a flag that overrides a setting is the path of that setting.
"""

import argparse
from typing import Any

import msgspec

from exporter import logs
from exporter.config import Settings
from exporter.config_checks import check
from exporter.config_file import ConfigError, UnreadableError, load, readable
from exporter.flags import UsageError, one_of

__all__ = [
    "add_cluster_arguments",
    "add_log_arguments",
    "add_review_argument",
    "add_setting",
    "add_settings_arguments",
    "load_settings",
    "reject_cluster_flags",
    "setting_name",
]

_FLAGS = {
    "namespaces": "--namespaces",
    "label_selector": "--label-selector",
    "kubernetes.kubeconfig": "--kubeconfig",
    "kubernetes.context": "--context",
    "web.listen_addresses": "--web.listen-address",
    "web.telemetry_path": "--web.telemetry-path",
    "web.max_requests": "--web.max-requests",
    "web.config_file": "--web.config.file",
    "web.kubernetes_auth": "--web.kubernetes-auth",
    "web.kubernetes_auth_audience": "--web.kubernetes-auth-audience",
    "web.kubernetes_auth_without_tls": "--web.kubernetes-auth-without-tls",
    "log.level": "--log.level",
    "log.format": "--log.format",
}
"""The flags that override settings, by path of the setting."""
_CLUSTER_SETTINGS = (
    "namespaces",
    "label_selector",
    "kubernetes.kubeconfig",
    "kubernetes.context",
    "web.kubernetes_auth",
)


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags for the settings file and the namespaces."""
    parser.add_argument("--config.file", dest="config_file", metavar="FILE", help="settings in YAML")
    add_setting(parser, "namespaces", metavar="A,B", help="namespaces to read; default: all")


def add_cluster_arguments(parser: argparse.ArgumentParser, *, with_labels: bool = True) -> None:
    """Adds the flags for the cluster and the objects to read."""
    add_settings_arguments(parser)
    add_setting(
        parser,
        "kubernetes.kubeconfig",
        metavar="FILE",
        help="default: $KUBECONFIG, in-cluster, ~/.kube/config",
    )
    add_setting(
        parser, "kubernetes.context", metavar="NAME", help="the kubeconfig's context; default: its current one"
    )
    if with_labels:
        add_setting(
            parser,
            "label_selector",
            metavar="LABELS",
            help="read only the runs, Jobs and worker Pods that these labels select, as in kubectl -l; default: all",
        )


def add_review_argument(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Adds the flag for token reviews. `help_text` describes its effect on the command."""
    add_setting(
        parser,
        "web.kubernetes_auth",
        action="store_const",
        const=True,
        help=f"{help_text}; default: no",
    )


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags for log level and format."""
    for path, values, default in (("log.level", logs.LEVELS, "info"), ("log.format", logs.FORMATS, "logfmt")):
        add_setting(parser, path, choices=values, type=one_of(*values), help=f"default: {default}")


def add_setting(parser: argparse.ArgumentParser, path: str, **options: Any) -> None:
    """Adds the flag that overrides the setting at this path."""
    parser.add_argument(_FLAGS[path], dest=path, **options)


def setting_name(path: str, arguments: argparse.Namespace) -> str:
    """The name of a setting for messages: the flag if it was given, else the path in the file."""
    return _FLAGS[path] if _is_given(path, arguments) else path


def reject_cluster_flags(arguments: argparse.Namespace, *, flag: str) -> None:
    """Raises UsageError if flags about a cluster are given beside `flag`, with which no cluster is read."""
    for path in _CLUSTER_SETTINGS:
        if _is_given(path, arguments):
            raise UsageError(f"{_FLAGS[path]}: not with {flag}, which reads no cluster")


def load_settings(arguments: argparse.Namespace) -> Settings:
    """The settings of the file, overridden by flags. Raises UsageError."""
    try:
        settings = load(arguments.config_file) if arguments.config_file else Settings()
    except UnreadableError as error:
        raise UsageError(f"--config.file: {error}") from error
    except ConfigError as error:
        raise UsageError(str(error)) from error
    for path in _FLAGS:
        if _is_given(path, arguments):
            settings = _with(settings, path.split("."), vars(arguments)[path])
    try:
        check(settings)
    except msgspec.ValidationError as error:
        keys, text = readable(str(error), {})
        path = ".".join(keys)
        raise UsageError(text.replace(path, setting_name(path, arguments), 1) if path in _FLAGS else text) from error
    return settings


def _is_given(path: str, arguments: argparse.Namespace) -> bool:
    """Whether a flag was given. Empty values, as from unset shell variables, are ignored, except for namespaces."""
    value = vars(arguments).get(path)
    return value is not None and (value != "" or path == "namespaces")


def _with(settings: Any, keys: list[str], value: Any) -> Any:
    """A copy of the settings with another value at this path."""
    key, *rest = keys
    if key == "namespaces":
        value = tuple(name.strip() for name in value.split(","))
    inner = _with(getattr(settings, key), rest, value) if rest else value
    return msgspec.structs.replace(settings, **{key: inner})
