"""The format of the web configuration file, and its validation.

It is the format of exporter-toolkit 0.17:
https://github.com/prometheus/exporter-toolkit/blob/v0.17.1/docs/web-configuration.md
"""

import re
from collections.abc import Mapping
from typing import Literal

import bcrypt
import msgspec

__all__ = ["CIPHERS", "CURVES", "MAX_COST", "HttpServer", "TlsServer", "WebConfig", "WebConfigError", "check"]

MAX_COST = 14
"""Maximum cost of a bcrypt hash. Each step doubles the time; 14 takes about a second."""

CIPHERS = {
    f"TLS_ECDHE_{proof}_WITH_{go}": f"ECDHE-{proof}-{openssl}"
    for proof in ("ECDSA", "RSA")
    for go, openssl in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
    )
} | dict.fromkeys(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"))
"""The cipher suites that Go considers secure, by their names in Go; the values are the names in OpenSSL.

The suites of TLS 1.3 have the value None. They are always enabled, as in Go.
"""

CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
"""The curves by their names in Go; the values are the names in OpenSSL."""

_HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_HASH = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")


class WebConfigError(Exception):
    """The web configuration, or a file that it names, is invalid. The message is one line."""


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A section of the file."""


class TlsServer(_Section, frozen=True):
    """`tls_server_config`. Its paths are absolute, or relative to the working directory of the exporter."""

    cert_file: str = ""
    key_file: str = ""
    client_auth_type: Literal[
        "NoClientCert",
        "RequestClientCert",
        "RequireAnyClientCert",
        "RequireClientCert",
        "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
    ] = "NoClientCert"
    client_ca_file: str = ""
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of all files that it names."""
        return tuple(filter(None, (self.cert_file, self.key_file, self.client_ca_file)))


class HttpServer(_Section, frozen=True):
    """`http_server_config`. HTTP/2 is not supported: clients use HTTP/1.1."""

    http2: bool = True
    headers: dict[str, str] = {}


class WebConfig(_Section, frozen=True):
    """The web configuration file. Without `tls_server_config`: HTTP; without users: no authentication."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[str, str] = {}

    def __repr__(self) -> str:
        """Omits the hashes, because a repr may be logged."""
        return f"WebConfig(tls_server_config={self.tls_server_config!r}, users={len(self.basic_auth_users)})"


def check(config: WebConfig) -> None:
    """Validates values beyond their types. Raises WebConfigError with the path of the key as its prefix."""
    if config.tls_server_config is not None:
        _check_tls(config.tls_server_config)
    _check_headers(config.http_server_config.headers)
    _check_users(config.basic_auth_users)


def _check_tls(tls: TlsServer) -> None:
    where = "tls_server_config"
    for name in ("cert_file", "key_file"):
        if not getattr(tls, name):
            raise WebConfigError(f"{where}.{name} is missing")
    for name in ("min_version", "max_version"):
        if getattr(tls, name) in {"TLS10", "TLS11"}:
            raise WebConfigError(f"{where}.{name}: {getattr(tls, name)} is not supported: use TLS12 or TLS13")
    if tls.min_version > tls.max_version:
        raise WebConfigError(f"{where}: min_version {tls.min_version} is above max_version {tls.max_version}")
    _check_ciphers(tls)
    _check_clients(tls)


def _check_ciphers(tls: TlsServer) -> None:
    where = "tls_server_config"
    for name in tls.cipher_suites:
        if name not in CIPHERS:
            raise WebConfigError(f"{where}.cipher_suites: {name!r} is not known; known: {', '.join(CIPHERS)}")
    if tls.max_version == "TLS12" and tls.cipher_suites and not any(map(CIPHERS.get, tls.cipher_suites)):
        raise WebConfigError(f"{where}.cipher_suites: none of them is for TLS 1.2, and max_version is TLS12")
    for name in tls.curve_preferences:
        if name not in CURVES:
            raise WebConfigError(f"{where}.curve_preferences: {name!r} is not known; known: {', '.join(CURVES)}")
    if len(tls.curve_preferences) > 1:
        raise WebConfigError(
            f"{where}.curve_preferences: only one curve is supported, or none for OpenSSL's own order"
        )
    _check_clients(tls)


def _check_clients(tls: TlsServer) -> None:
    where, kind = "tls_server_config", tls.client_auth_type
    if kind in {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"}:
        better = "VerifyClientCertIfGiven" if kind == "RequestClientCert" else "RequireAndVerifyClientCert"
        raise WebConfigError(
            f"{where}.client_auth_type: {kind} accepts unverified certificates and is not supported: use {better}"
        )
    if tls.client_ca_file and kind == "NoClientCert":
        raise WebConfigError(f"{where}: client_ca_file needs a client_auth_type: use RequireAndVerifyClientCert")
    if kind != "NoClientCert" and not tls.client_ca_file:
        raise WebConfigError(
            f"{where}: client_auth_type {kind} needs a client_ca_file: the system's CAs are not used"
        )
    if tls.client_allowed_sans and kind != "RequireAndVerifyClientCert":
        raise WebConfigError(f"{where}: client_allowed_sans needs the client_auth_type RequireAndVerifyClientCert")


def _check_headers(headers: Mapping[str, str]) -> None:
    where = "http_server_config.headers"
    for name, value in headers.items():
        if name not in _HEADERS:
            raise WebConfigError(f"{where}: {name!r} cannot be set; these can: {', '.join(_HEADERS)}")
        if not (value.isascii() and value.isprintable()):
            raise WebConfigError(f"{where}.{name}: expected one line of ASCII text")
        if (allowed := _HEADERS[name]) and value and value not in allowed:
            raise WebConfigError(f"{where}.{name}: expected {' or '.join(allowed)}, got {value!r}")


def _check_users(users: Mapping[str, str]) -> None:
    for user, hashed in users.items():
        where = f"basic_auth_users.{user if user.isprintable() else repr(user)}"
        if not user or ":" in user:
            raise WebConfigError(f"{where}: expected a user name without a colon")
        found = _HASH.fullmatch(hashed)
        if not found or not _is_salted(hashed):
            raise WebConfigError(f"{where}: not a bcrypt hash, which begins with $2y$ or $2b$ and has 60 characters")
        if not 4 <= int(found[1]) <= MAX_COST:  # noqa: PLR2004 - the minimum of bcrypt
            raise WebConfigError(f"{where}: the cost of its bcrypt hash is {int(found[1])}: expected 4 to {MAX_COST}")


def _is_salted(hashed: str) -> bool:
    """Whether bcrypt accepts the hash. Checked with the minimum cost, which takes a millisecond."""
    try:
        bcrypt.checkpw(b"", f"{hashed[:4]}04{hashed[6:]}".encode())
    except ValueError:
        return False
    return True
