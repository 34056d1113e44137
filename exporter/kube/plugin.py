"""Exec credential plugins: run one, and take its answer (client.authentication.k8s.io)."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from exporter.kube.entries import Exec
from exporter.kube.errors import KubeConfigError

__all__ = ["Issued", "plain", "run"]

_WORDS: Final = 300  # characters of a plugin's own words that an error shows
_GRACE_SECONDS: Final = 1.0  # for the pipes to close after a kill
_TERMINAL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48 control sequences: colours and the like


@dataclasses.dataclass(frozen=True, kw_only=True)
class Issued:
    """What a plugin gave: a token, or a certificate with its key as PEM, or both; "" where it gave none.

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
    expiration_timestamp: dt.datetime | None = None


class _Credential(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    status: _Status | None = None


async def run(
    plugin: Exec, *, cluster: Mapping[str, Any], environ: Mapping[str, str], seconds: float, where: str
) -> Issued:
    """The plugin's answer; ended after `seconds`. Raises KubeConfigError with the plugin's own words.

    `cluster` is told to a plugin that asks for it (provideClusterInfo).
    """
    name = f"{where}: exec plugin {plugin.command!r}"
    if plugin.interactive_mode == "Always":
        raise KubeConfigError(f"{name}: wants a terminal (interactiveMode: Always), and there is none")
    # ExecProvider is not used: no time-out, a process left behind when cancelled, a deadlock on a long stderr.
    spec = {"interactive": False} | ({"cluster": cluster} if plugin.provide_cluster_info else {})
    told = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    variables = {variable.name: variable.value for variable in plugin.env}
    info = {"KUBERNETES_EXEC_INFO": msgspec.json.encode(told).decode()}
    process = _started(plugin, environ={**environ, **variables, **info}, name=name)
    # In a thread, for asyncio's own subprocesses hang, or leave pipes open, when cancelled while they start.
    ending = asyncio.get_running_loop().run_in_executor(None, _ended, process, seconds)
    try:
        out, err, in_time = await asyncio.shield(ending)
    except asyncio.CancelledError:
        _kill(process)  # by which the thread ends too
        raise
    if not in_time:
        raise KubeConfigError(f"{name}: no answer within {seconds:g} s, stopped{_words(err)}")
    if process.returncode != 0:
        raise KubeConfigError(f"{name}: ended with exit code {process.returncode}{_words(err)}")
    return _issued(out, plugin=plugin, name=name, words=_words(err))


def plain(text: str, *, limit: int = _WORDS) -> str:
    """One line without control characters, its middle cut out where it is longer than about `limit` characters.

    Both ends stay: a Python program's cause is at the end of what it says, a Go program's at the beginning.
    """
    shown = "".join(char if char.isprintable() else " " for char in _TERMINAL.sub("", text))
    line = " ".join(shown.split())
    half = (limit - 5) // 2
    return line if len(line) <= limit else f"{line[:half]} ... {line[-half:]}"


def _started(plugin: Exec, *, environ: Mapping[str, str], name: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 (the user's own kubeconfig names the command)
            [plugin.command, *plugin.args],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # its children can be ended with it
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "a command, argument or variable of it is not text"
        hint = f"; {plain(plugin.install_hint)}" if plugin.install_hint else ""
        raise KubeConfigError(f"{name}: cannot be started: {reason}{hint}") from error


def _ended(process: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bytes, bool]:
    """What it wrote to stdout and stderr, and whether it ended by itself; in any case it has ended."""
    with process:
        try:
            return *process.communicate(timeout=seconds), True
        except subprocess.TimeoutExpired:
            _kill(process)
        try:
            return *process.communicate(timeout=_GRACE_SECONDS), False
        except subprocess.TimeoutExpired:  # a child in a session of its own holds the pipes
            return b"", b"", False


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _words(stderr: bytes) -> str:
    words = plain(stderr.decode("utf-8", "replace"))
    return f": {words}" if words else ""


def _issued(out: bytes, *, plugin: Exec, name: str, words: str) -> Issued:
    try:
        answer = msgspec.json.decode(out, type=_Credential)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "not UTF-8"
        raise KubeConfigError(f"{name}: its answer is no ExecCredential ({reason}){words}") from None
    if answer.api_version != plugin.api_version or answer.kind != "ExecCredential":
        got, wanted = plain(f"{answer.api_version} {answer.kind}", limit=100), plugin.api_version
        raise KubeConfigError(f"{name}: answered with {got}, wanted was {wanted} ExecCredential{words}")
    status = answer.status or _Status()
    certificate, key = status.client_certificate_data or "", status.client_key_data or ""
    if bool(certificate) != bool(key):
        raise KubeConfigError(f"{name}: gave a certificate without its key, or a key without its certificate{words}")
    if not status.token and not certificate:
        raise KubeConfigError(f"{name}: gave no token and no certificate{words}")
    expiry = status.expiration_timestamp
    return Issued(
        token=status.token or "", certificate=certificate, key=key, expiry=expiry.timestamp() if expiry else None
    )
