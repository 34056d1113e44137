"""Prints RBAC manifests with exactly the permissions that these settings need, for `kubectl apply -f -`.

The ServiceAccount itself is created with the exporter's pods. Needs no cluster.
"""

import argparse
import shlex

import yaml

from exporter.commands.arguments import add_review_argument, add_settings_arguments, settings_of
from exporter.flags import UsageError
from exporter.rbac import Account, GrantError, manifests

__all__ = ["add_arguments", "run", "text_of"]

_DEFAULTS = Account()
_TOLD = {
    "--config.file": ("config_file", None),
    "--namespaces": ("namespaces", None),
    "--service-account.name": ("account_name", _DEFAULTS.name),
    "--service-account.namespace": ("account_namespace", _DEFAULTS.namespace),
}
"""The flags that change the manifests; with each its attribute and its default."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `rbac`."""
    add_settings_arguments(parser)
    add_review_argument(parser, "include the permissions for TokenReview and SubjectAccessReview")
    parser.add_argument(
        "--service-account.name",
        dest="account_name",
        default=_DEFAULTS.name,
        metavar="NAME",
        help=f"of the exporter's pods, and of its roles and bindings; default: {_DEFAULTS.name}",
    )
    parser.add_argument(
        "--service-account.namespace",
        dest="account_namespace",
        default=_DEFAULTS.namespace,
        metavar="NAME",
        help=f"where the exporter's pods run; default: {_DEFAULTS.namespace}",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the manifests; 0. Raises UsageError."""
    print(text_of(arguments), end="")
    return 0


def text_of(arguments: argparse.Namespace) -> str:
    """The manifests as YAML, with the command that made them at the top. Raises UsageError."""
    account = Account(name=arguments.account_name, namespace=arguments.account_namespace)
    try:
        made = manifests(settings_of(arguments), account=account)
    except GrantError as error:
        raise UsageError(str(error)) from error
    body: str = yaml.safe_dump_all(made, sort_keys=False, width=118)
    return f"# Made by: {_command(arguments)}\n# Make it anew when the settings change.\n{body}"


def _command(arguments: argparse.Namespace) -> str:
    given = vars(arguments)
    flags = [f"{flag}={given[name]}" for flag, (name, default) in _TOLD.items() if given[name] != default]
    flags += ["--web.kubernetes-auth"] if given["web.kubernetes_auth"] else []
    words = shlex.join(["coderun-exporter", "rbac", *flags])
    return "\\n".join(words.splitlines())  # nothing of it may end the comment
