"""Creates the SSLContext for the API server from certificates and keys."""

import base64
import binascii
import contextlib
import dataclasses
import functools
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from exporter.files import FileError, read_bytes
from exporter.kube.errors import KubeConfigError

__all__ = ["Pem", "client_context"]

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pem:
    """PEM text, its name in error messages, and its file, if any."""

    name: str
    text: bytes = dataclasses.field(repr=False)
    path: Path | None = None

    @classmethod
    def from_config(cls, *, where: str, key: str, file: str, data: str) -> "Pem | None":
        """Reads `key` (a file) or `key`-data (base64). The data takes precedence, as in client-go."""
        if data:
            return cls(name=f"{where}: {key}-data", text=_decode_base64(data, name=f"{where}: {key}-data"))
        return cls.read(Path(file), name=f"{where}: {key}") if file else None

    @classmethod
    def read(cls, path: Path, *, name: str) -> "Pem":
        """Reads a file. Raises KubeConfigError."""
        try:
            return cls(name=f"{name} {path}", text=read_bytes(path), path=path)
        except FileError as error:
            raise KubeConfigError(f"{name} {path}: cannot be read: {error}") from error


@functools.lru_cache(maxsize=1)
def client_context(*, ca: Pem | None, certificate: Pem | None, key: Pem | None, verify: bool) -> ssl.SSLContext:
    """The context for one cluster: trusts `ca` (None: the system's), and sends `certificate`, if any.

    Cached: connections are pooled by context, and a new context for each reload would leave old connections open.
    Raises KubeConfigError, which names the file or setting.
    """
    context = _trusting(ca)
    # Verify as kubectl (Go) does. The strict rules of RFC 5280, Python's default from 3.13 on, reject the CAs of
    # existing clusters (kubernetes-client/python#2394). The trusted end of the chain may be an intermediate CA.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None and key is not None:
        _load_certificate(context, certificate, key)
    elif certificate is not None or key is not None:
        given, missing = (certificate, "client-key") if certificate else (key, "client-certificate")
        raise KubeConfigError(f"{given.name if given else ''}: the user has no {missing}")
    return context


def _trusting(ca: Pem | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    if _CERTIFICATE not in ca.text:
        raise KubeConfigError(f"{ca.name}: not PEM: there is no certificate in it")
    try:
        # Python requires ASCII, and the comments of a bundle may have other characters.
        return ssl.create_default_context(cadata=ca.text.decode("ascii", "ignore"))
    except ssl.SSLError as error:
        raise KubeConfigError(f"{ca.name}: a certificate in it cannot be read") from error


def _load_certificate(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    if _CERTIFICATE not in certificate.text:
        raise KubeConfigError(f"{certificate.name}: not PEM: there is no certificate in it")
    if _KEY not in key.text:
        raise KubeConfigError(f"{key.name}: not PEM: there is no private key in it")
    if b"ENCRYPTED" in key.text:
        raise KubeConfigError(f"{key.name}: the key has a passphrase; use a key without one")
    try:
        with _files(certificate, key) as (certificate_file, key_file):
            # Without a password, OpenSSL would prompt for one at the terminal.
            context.load_cert_chain(certificate_file, key_file, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise KubeConfigError(f"{key.name}: the key does not match {certificate.name}") from error
        raise KubeConfigError(f"{key.name}: the key, or {certificate.name}, cannot be read") from error
    except OSError as error:
        raise KubeConfigError(f"{key.name}: needs a directory for temporary files: {error.strerror}") from error


@contextlib.contextmanager
def _files(*pems: Pem) -> Iterator[list[Path]]:
    """The paths of the PEMs, in temporary files if necessary: Python loads a client certificate only from files."""
    if all(pem.path for pem in pems):
        yield [pem.path for pem in pems if pem.path]
        return
    # The kubernetes package would leave the private key in the temporary directory until exit.
    with tempfile.TemporaryDirectory(prefix="kube-") as folder:
        paths = [Path(folder, str(number)) for number in range(len(pems))]
        for path, pem in zip(paths, pems, strict=True):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem.text)
        yield paths


def _decode_base64(data: str, *, name: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise KubeConfigError(f"{name}: not base64") from None
