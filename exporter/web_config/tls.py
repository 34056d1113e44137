"""Creates the listeners' SSLContext from `tls_server_config`. Rejects certificates that clients would not accept."""

import ipaddress
import platform
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final

from exporter.files import FileError, read_bytes
from exporter.web_config.format import CIPHERS, CURVES, TlsServer, WebConfigError

__all__ = ["is_allowed", "server_context"]

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


def server_context(tls: TlsServer) -> ssl.SSLContext:
    """Reads the files of `tls`. Raises WebConfigError, which names the file."""
    context = _with_certificate(tls)
    _check_handshake(tls)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    if tls.cipher_suites:
        _set_ciphers(context, tls.cipher_suites)
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.curve_preferences:
        _set_curve(context, tls.curve_preferences[0])
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    if tls.client_ca_file:
        _trust(context, tls.client_ca_file)
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    return context


def _set_ciphers(context: ssl.SSLContext, suites: Sequence[str]) -> None:
    """Python cannot configure the suites of TLS 1.3. If only such suites are listed, TLS 1.3 is the minimum."""
    older = [name for suite in suites if (name := CIPHERS[suite])]
    if not older:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return
    try:
        context.set_ciphers(":".join(older))
    except ssl.SSLError:
        raise WebConfigError(_unsupported("cipher_suites", ", ".join(suites))) from None


def _set_curve(context: ssl.SSLContext, name: str) -> None:
    """Some releases of Python 3.11 do not support X25519 (python/cpython#77063)."""
    try:
        context.set_ecdh_curve(CURVES[name])
    except (ssl.SSLError, ValueError):
        raise WebConfigError(_unsupported("curve_preferences", name)) from None


def _unsupported(key: str, value: str) -> str:
    """An error message about a key of `tls_server_config`."""
    python = platform.python_version()
    return f"tls_server_config.{key}: Python {python} with {ssl.OPENSSL_VERSION} does not support {value}"


def is_allowed(certificate: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether a SAN of the client's certificate is in `names`. `certificate` is the result of getpeercert()."""
    return not names or any(
        (_address(name) if kind == "IP Address" else name) in names
        for kind, name in certificate.get("subjectAltName", ())
    )


def _address(text: str) -> str:
    """The IP address in Go's format. OpenSSL does not compress IPv6 addresses."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text


def _text(path: str, *, name: str, mark: bytes, what: str) -> bytes:
    try:
        text = read_bytes(path)
    except FileError as error:
        raise WebConfigError(f"{name} {path}: cannot be read: {error}") from None
    if mark not in text:
        raise WebConfigError(f"{name} {path}: not PEM: there is no {what} in it")
    return text


def _with_certificate(tls: TlsServer) -> ssl.SSLContext:
    """A server context with Python's defaults and the certificate."""
    _text(tls.cert_file, name="cert_file", mark=_CERTIFICATE, what="certificate")
    if b"ENCRYPTED" in _text(tls.key_file, name="key_file", mark=_KEY, what="private key"):
        raise WebConfigError(f"key_file {tls.key_file}: the key has a passphrase; use a key without one")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password, OpenSSL would prompt for one at the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"key_file {tls.key_file}: the key does not match cert_file {tls.cert_file}"
            raise WebConfigError(text) from None
        reason = f" ({error.reason.replace('_', ' ').lower()})" if error.reason else ""
        text = f"cert_file {tls.cert_file} or key_file {tls.key_file}: cannot be read{reason}"
        raise WebConfigError(text) from None
    except OSError as error:
        raise WebConfigError(f"cert_file {tls.cert_file}: cannot be read: {error.strerror}") from None
    return context


def _trust(context: ssl.SSLContext, path: str) -> None:
    text = _text(path, name="client_ca_file", mark=_CERTIFICATE, what="certificate")
    try:
        # Python requires ASCII, and the comments of a bundle may have other characters.
        context.load_verify_locations(cadata=text.decode("ascii", "ignore"))
    except ssl.SSLError:
        raise WebConfigError(f"client_ca_file {path}: a certificate in it cannot be read") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as in Go, an intermediate CA may be the trusted end


def _check_handshake(tls: TlsServer) -> None:
    """Checks in an in-memory handshake that a client that trusts the certificate accepts it. Raises WebConfigError.

    This checks its dates and its purpose; Python has no public API for the dates.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    certificate = _text(tls.cert_file, name="cert_file", mark=_CERTIFICATE, what="certificate")
    client.load_verify_locations(cadata=certificate.decode("ascii", "ignore"))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_end = _with_certificate(tls).wrap_bio(to_server, to_client, server_side=True)
    client_end = client.wrap_bio(to_client, to_server)
    try:
        for end in (client_end, server_end, client_end):
            _step(end)
    except ssl.SSLCertVerificationError as error:
        raise WebConfigError(f"cert_file {tls.cert_file}: {error.verify_message}") from None
    except ssl.SSLError as error:
        reason = (error.reason or "the handshake fails").replace("_", " ").lower()
        raise WebConfigError(f"cert_file {tls.cert_file}: cannot be used for TLS ({reason})") from None


def _step(end: ssl.SSLObject) -> None:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return
