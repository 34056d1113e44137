"""The flags of `explain --from`. A flag that would have no effect is an error."""

import argparse
from typing import Final

from exporter.explaining.remote_url import is_url, may_send_credentials
from exporter.flags import UsageError

__all__ = ["REMOTE", "add_remote_arguments", "check_remote"]

_TEXTS: Final = (
    ("certificate_authority", "FILE", "with --from: certificates of the authorities to trust, in PEM"),
    ("client_certificate", "FILE", "with --from: client certificate, in PEM"),
    ("client_key", "FILE", "with --from: its key, in PEM; default: in the same file"),
    ("token_file", "FILE", "with --from: file with a bearer token"),
    ("user", "NAME", "with --from: user for basic authentication"),
    ("password_file", "FILE", "with --from: file with the password of --user"),
)
REMOTE: Final = (*(name for name, *_ in _TEXTS), "insecure_skip_tls_verify")
"""The names of the arguments."""
_TLS: Final = ("certificate_authority", "client_certificate", "client_key", "insecure_skip_tls_verify")
_CREDENTIALS: Final = ("token_file", "user")
_NEEDS: Final = {"password_file": "user", "client_key": "client_certificate"}


def add_remote_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags for TLS and credentials."""
    for name, metavar, text in _TEXTS:
        parser.add_argument(_flag(name), metavar=metavar, default="", help=text)
    parser.add_argument(
        "--insecure-skip-tls-verify",
        action="store_true",
        help="with --from: do not verify the certificate of the exporter",
    )


def check_remote(arguments: argparse.Namespace) -> None:
    """Raises UsageError for flags that cannot be combined, and for credentials over plain HTTP."""
    given = [name for name in REMOTE if vars(arguments)[name]]
    if not arguments.url:
        if given:
            raise UsageError(f"{_flag(given[0])}: only with --from")
        return
    _check_url(arguments.url)
    for name in given:
        _check_flag(name, arguments)
    if arguments.token_file and arguments.user:
        raise UsageError("--token-file: not with --user")
    if ":" in arguments.user:
        raise UsageError(f"--user: {arguments.user!r} must not have a colon")


def _check_url(url: str) -> None:
    if "@" in url:
        raise UsageError("--from: no user in the URL: use --user and --password-file")
    if "?" in url or "#" in url:
        raise UsageError("--from: the URL must have no query (?) and no fragment (#)")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--from: {url!r} is not a URL: it must begin with http:// or https://")
    if not is_url(url):
        raise UsageError(f"--from: {url!r} is not a URL such as http://127.0.0.1:10911")


def _check_flag(name: str, arguments: argparse.Namespace) -> None:
    if name in _TLS and not arguments.url.startswith("https://"):
        raise UsageError(f"{_flag(name)}: only with https://")
    needed = _NEEDS.get(name)
    if needed and not vars(arguments)[needed]:
        raise UsageError(f"{_flag(name)}: only with {_flag(needed)}")
    if name in _CREDENTIALS and not may_send_credentials(arguments.url):
        raise UsageError(f"{_flag(name)}: not over plain HTTP, which others can read: use https://")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
