"""Runs exec credential plugins (client.authentication.k8s.io)."""

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from exporter.kube import process
from exporter.kube.entries import Exec
from exporter.kube.errors import KubeConfigError
from exporter.untrusted import one_line, redact_message

__all__ = ["ExecCredential", "PluginError", "plain", "run"]

_MAX_LOGGED_LENGTH: Final = 300  # characters of a plugin's output that are logged
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48 control sequences, such as colors
_VERSION: Final = re.compile(r"client\.authentication\.k8s\.io/v[a-z0-9]{1,10}")


class PluginError(KubeConfigError):
    """A plugin failed to provide credentials.

    `output` is its standard error, or its install hint. It may contain a token, so only the log shows it.
    """

    def __init__(self, text: str, *, output: str) -> None:
        super().__init__(text)
        self.output = output


class _UnusableError(Exception):
    """A plugin failed, or its output is invalid. The message contains no secret."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExecCredential:
    """A plugin's credentials: a token, or a certificate with its key as PEM, or both; "" if not set.

    `expiry` is in seconds since the epoch.
    """

    token: str = dataclasses.field(repr=False)
    certificate: str = dataclasses.field(repr=False)
    key: str = dataclasses.field(repr=False)
    expiry: float | None


class _Status(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None


class _Credential(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    status: _Status | None = None


async def run(
    plugin: Exec, *, cluster: Mapping[str, Any], environ: Mapping[str, str], seconds: float, where: str
) -> ExecCredential:
    """Runs the plugin and returns its credentials. Stops it after `seconds`. Raises KubeConfigError.

    `cluster` is passed to the plugin if it sets provideClusterInfo.
    """
    name = f"{where}: exec plugin {plugin.command!r}"
    if plugin.interactive_mode == "Always":
        raise KubeConfigError(f"{name}: needs a terminal (interactiveMode: Always), which is not supported")
    # Not ExecProvider: it has no timeout, leaves a process behind when cancelled, and can deadlock on a long stderr.
    spec = {"interactive": False} | ({"cluster": cluster} if plugin.provide_cluster_info else {})
    request = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    variables = {variable.name: variable.value for variable in plugin.env}
    info = {"KUBERNETES_EXEC_INFO": msgspec.json.encode(request).decode()}
    try:
        ended = await process.run(
            [plugin.command, *plugin.args], environ={**environ, **variables, **info}, seconds=seconds
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its command, an argument or a variable is not valid text"
        raise PluginError(f"{name}: cannot be started: {reason}", output=plain(plugin.install_hint)) from None
    try:
        _check_end(ended, seconds=seconds)
        return _exec_credential(ended.out, version=plugin.api_version)
    except _UnusableError as fault:
        raise PluginError(f"{name}: {fault}", output=plain(ended.err.decode("utf-8", "replace"))) from None


def plain(text: str, *, limit: int = _MAX_LOGGED_LENGTH) -> str:
    """One line without secrets, truncated in the middle to about `limit` characters.

    Python programs print the cause of an error at the end, Go programs at the beginning.
    """
    line = one_line(_CONTROL_SEQUENCE.sub("", text), limit=len(text))
    half = (limit - 5) // 2
    return redact_message(line if len(line) <= limit else f"{line[:half]} ... {line[-half:]}", limit=limit)


def _check_end(ended: process.Ended, *, seconds: float) -> None:
    if len(ended.out) > process.MAX_OUTPUT:
        raise _UnusableError(f"its output is longer than {process.MAX_OUTPUT >> 20} MiB")
    if ended.code is None:
        raise _UnusableError(f"no response within {seconds:g} s, stopped")
    if ended.code != 0:
        raise _UnusableError(f"ended with exit code {ended.code}")


def _exec_credential(out: bytes, *, version: str) -> ExecCredential:
    try:
        answer = msgspec.json.decode(out, type=_Credential)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "not UTF-8"
        raise _UnusableError(f"its output is not an ExecCredential ({reason})") from None
    if answer.api_version != version or answer.kind != "ExecCredential":
        # Only a value that cannot be a token is shown.
        got = answer.api_version if _VERSION.fullmatch(answer.api_version) else "something else"
        raise _UnusableError(f"returned {got}, expected {version} ExecCredential")
    status = answer.status or _Status()
    certificate, key = status.client_certificate_data or "", status.client_key_data or ""
    if bool(certificate) != bool(key):
        raise _UnusableError("returned a certificate without its key, or a key without its certificate")
    if not status.token and not certificate:
        raise _UnusableError("returned neither a token nor a certificate")
    expiry = status.expiration_timestamp
    return ExecCredential(
        token=status.token or "", certificate=certificate, key=key, expiry=expiry.timestamp() if expiry else None
    )
