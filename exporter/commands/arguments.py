"""Arguments that several commands share, named as Prometheus' users know them, and the settings they make."""

import argparse

import msgspec

from exporter import logs
from exporter.config import Settings, check
from exporter.config_file import ConfigError, load, said

__all__ = ["UsageError", "add_cluster_arguments", "add_log_arguments", "add_review_argument", "settings_of"]


class UsageError(Exception):
    """A wrong argument or setting: one line."""


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """Which cluster, and what of it. Each goes before the same setting in the file."""
    parser.add_argument("--config.file", dest="config_file", metavar="FILE", help="settings in YAML")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, in-cluster, ~/.kube/config")
    parser.add_argument("--context", metavar="NAME", help="the kubeconfig's context; default: its current one")
    parser.add_argument("--namespaces", metavar="A,B", help="read only these; default: all")
    parser.add_argument(
        "--label-selector",
        dest="label_selector",
        metavar="LABELS",
        help="read only runs and Jobs that both carry these, as kubectl -l takes them; default: all",
    )


def add_review_argument(parser: argparse.ArgumentParser) -> None:
    """Whether tokens are reviewed, which needs a permission."""
    parser.add_argument(
        "--web.kubernetes-auth",
        dest="kubernetes_auth",
        action="store_const",
        const=True,
        help="require a Kubernetes bearer token authorized to GET the path (TokenReview and SubjectAccessReview)",
    )


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """What is logged, and how."""
    parser.add_argument("--log.level", dest="log_level", choices=logs.LEVELS, help="default: info")
    parser.add_argument("--log.format", dest="log_format", choices=logs.FORMATS, help="default: logfmt")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of the file, with the arguments on top. Raises UsageError."""
    try:
        settings = load(arguments.config_file) if arguments.config_file else Settings()
    except ConfigError as error:
        raise UsageError(str(error)) from error
    given = vars(arguments)
    if given.get("namespaces") is not None:
        names = tuple(name.strip() for name in given["namespaces"].split(","))
        settings = msgspec.structs.replace(settings, namespaces=names)
    if given.get("label_selector") is not None:
        settings = msgspec.structs.replace(settings, label_selector=given["label_selector"])
    for section, fields in (
        ("kubernetes", {"kubeconfig": "kubeconfig", "context": "context"}),
        (
            "web",
            {name: name for name in ("listen_addresses", "telemetry_path", "max_requests", "kubernetes_auth")}
            | {name: name for name in ("kubernetes_auth_audience", "kubernetes_auth_without_tls")}
            | {"config_file": "web_config_file"},
        ),
        ("log", {"level": "log_level", "format": "log_format"}),
    ):
        own = {field: given[name] for field, name in fields.items() if given.get(name) not in (None, "")}
        if own:
            settings = msgspec.structs.replace(
                settings, **{section: msgspec.structs.replace(getattr(settings, section), **own)}
            )
    try:
        check(settings)
    except msgspec.ValidationError as error:
        raise UsageError(said(str(error), {})[1]) from error
    return settings
