"""Flags that several commands share, named as Prometheus' users know them, and the settings they make.

The destination of a flag that overrides a setting is the path of that setting.
"""

import argparse
from typing import Any

import msgspec

from exporter import logs
from exporter.config import Settings, check
from exporter.config_file import ConfigError, UnreadableError, load, readable
from exporter.flags import UsageError, one_of

__all__ = [
    "add_cluster_arguments",
    "add_log_arguments",
    "add_review_argument",
    "add_setting",
    "add_settings_arguments",
    "named",
    "settings_of",
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
"""The flags that override a setting, by its path."""


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """What is read, and the file that says so."""
    parser.add_argument("--config.file", dest="config_file", metavar="FILE", help="settings in YAML")
    add_setting(parser, "namespaces", metavar="A,B", help="namespaces to read; default: all")


def add_cluster_arguments(parser: argparse.ArgumentParser, *, with_labels: bool = True) -> None:
    """What is read, and from which cluster."""
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
            help="read only runs and Jobs with these labels, as in kubectl -l; default: all",
        )


def add_review_argument(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Whether tokens are reviewed, which needs a permission. `help_text` is what the command does about it."""
    add_setting(
        parser,
        "web.kubernetes_auth",
        action="store_const",
        const=True,
        help=f"{help_text}; default: no",
    )


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """What is logged, and how."""
    for path, values, default in (("log.level", logs.LEVELS, "info"), ("log.format", logs.FORMATS, "logfmt")):
        add_setting(parser, path, choices=values, type=one_of(*values), help=f"default: {default}")


def add_setting(parser: argparse.ArgumentParser, path: str, **options: Any) -> None:
    """The flag that overrides the setting at this path."""
    parser.add_argument(_FLAGS[path], dest=path, **options)


def named(path: str, arguments: argparse.Namespace) -> str:
    """How the user wrote this setting: the flag where it was given, else the path in the file."""
    return _FLAGS[path] if _is_given(path, arguments) else path


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of the file, with the flags on top. Raises UsageError."""
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
        raise UsageError(text.replace(path, named(path, arguments), 1) if path in _FLAGS else text) from error
    return settings


def _is_given(path: str, arguments: argparse.Namespace) -> bool:
    """An empty value is that of a shell's variable that is not set; of namespaces it must not mean all."""
    value = vars(arguments).get(path)
    return value is not None and (value != "" or path == "namespaces")


def _with(settings: Any, keys: list[str], value: Any) -> Any:
    """The same settings with another value at this path."""
    key, *below = keys
    if key == "namespaces":
        value = tuple(name.strip() for name in value.split(","))
    inner = _with(getattr(settings, key), below, value) if below else value
    return msgspec.structs.replace(settings, **{key: inner})
