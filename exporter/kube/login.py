"""Resolves a kubeconfig context or the pod's service account to the server, TLS settings and credentials."""

import base64
import dataclasses
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from ssl import SSLContext
from typing import Final

import msgspec

from exporter.files import FileError, read_bytes
from exporter.kube.entries import Cluster, Entry, User
from exporter.kube.errors import KubeConfigError
from exporter.kube.kubeconfig import KubeContext
from exporter.kube.plugin import ExecCredential, run
from exporter.kube.proxy import parse_proxy, proxy_from_environment
from exporter.kube.tls import Pem, client_context

__all__ = ["SERVICE_ACCOUNT", "ResolvedCredentials", "from_context", "from_service_account", "load_token"]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")  # characters that are allowed in an HTTP header
_USER_FILES: Final = ("client-certificate", "client-key", "tokenFile")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResolvedCredentials:
    """The result of one load of the configuration.

    `token_file` is the file with the token of `authorization`. `expiry` is that of a plugin's credentials, in seconds
    since the epoch.
    """

    server: str
    ssl: SSLContext | bool
    server_hostname: str | None = None
    proxy: str | None = dataclasses.field(default=None, repr=False)
    authorization: str | None = dataclasses.field(repr=False)
    token_file: Path | None = None
    expiry: float | None = None


def from_service_account(*, folder: Path, environ: Mapping[str, str]) -> ResolvedCredentials:
    """The credentials of the pod's service account, as in client-go. Raises KubeConfigError.

    The kubernetes package is not used: its import takes memory, and its loader raises at each request while the token
    file cannot be read.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    if not port:
        raise KubeConfigError("service account: KUBERNETES_SERVICE_PORT is not set; the kubelet sets it in each pod")
    token = load_token(folder / "token", name="service account: token")
    ca = Pem.read(folder / "ca.crt", name="service account: ca.crt")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return ResolvedCredentials(
        server=server,
        ssl=client_context(ca=ca, certificate=None, key=None, verify=True),
        proxy=proxy_from_environment(environ, server),
        authorization=f"Bearer {token}",
        token_file=folder / "token",
    )


async def from_context(
    choice: KubeContext, *, environ: Mapping[str, str], plugin_timeout: float
) -> ResolvedCredentials:
    """The credentials of the context. `plugin_timeout` limits its exec plugin, in seconds. Raises KubeConfigError."""
    cluster = _with_scheme(choice.cluster.convert(Cluster, "certificate-authority"))
    secure = _check_server(cluster, where=choice.cluster.where).lower().startswith("https:")
    entry = choice.user or Entry(kind="user", name="", path=choice.cluster.path, settings={})
    user = _user(entry)
    url = cluster.proxy_url
    proxy = (
        parse_proxy(url, name=f"{choice.cluster.where}: proxy-url")
        if url
        else proxy_from_environment(environ, cluster.server)
    )
    ca = _ca(cluster, where=choice.cluster.where)
    issued = await _run(user, cluster, ca, entry=entry, environ=environ, plugin_timeout=plugin_timeout)
    certificate, key = _identity(user, issued, where=entry.where)
    verify = not cluster.insecure_skip_tls_verify
    return ResolvedCredentials(
        server=cluster.server.rstrip("/"),
        ssl=client_context(ca=ca, certificate=certificate, key=key, verify=verify) if secure else True,
        server_hostname=(cluster.tls_server_name or None) if secure else None,
        proxy=proxy,
        authorization=await _authorization(user, issued, where=entry.where),
        token_file=Path(user.token_file) if user.token_file and not issued else None,
        expiry=issued.expiry if issued else None,
    )


def load_token(path: Path, *, name: str) -> str:
    """The token in the file. Raises KubeConfigError if it has no valid token."""
    try:
        text = read_bytes(path).decode("ascii", "replace")
    except FileError as error:
        raise KubeConfigError(f"{name} {path}: cannot be read: {error}") from error
    return _token(text, name=f"{name} {path}")


def _token(text: str, *, name: str) -> str:
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        what = "has characters that are not allowed in an HTTP header" if token else "is empty"
        raise KubeConfigError(f"{name}: {what}")
    return token


def _with_scheme(cluster: Cluster) -> Cluster:
    """Adds https:// to a server without a scheme if TLS is configured, as client-go does; else it would be http."""
    has_tls = cluster.certificate_authority or cluster.certificate_authority_data or cluster.insecure_skip_tls_verify
    if not has_tls or not cluster.server or "://" in cluster.server:
        return cluster
    return msgspec.structs.replace(cluster, server=f"https://{cluster.server}")


def _check_server(cluster: Cluster, *, where: str) -> str:
    """The server's URL. Errors do not show it, because it may contain a password."""
    server = urllib.parse.urlsplit(_url(cluster.server, name=f"{where}: server"))
    if "@" in server.netloc:
        raise KubeConfigError(f"{where}: server: must not contain user or password; write them in the user entry")
    return cluster.server


def _url(url: str, *, name: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        what = "must be" if url else "is missing; it must be"
        raise KubeConfigError(f"{name} {what} a URL such as https://host:6443 (http or https)")
    return url


def _user(entry: Entry) -> User:
    settings = dict(entry.settings)
    plugin = settings.get("exec")
    if isinstance(plugin, dict) and isinstance(command := plugin.get("command"), str) and "/" in command:
        # A command with a slash is a path relative to the kubeconfig's directory, as in client-go.
        settings["exec"] = {**plugin, "command": str(entry.path.absolute().parent / command)}
    if isinstance(settings.get("exec"), dict):
        settings["exec"] = {key: value for key, value in settings["exec"].items() if value is not None}
    user = dataclasses.replace(entry, settings=settings).convert(User, *_USER_FILES)
    provider = user.auth_provider
    if provider and provider.name != "oidc":  # the kubernetes package would continue as anonymous
        raise KubeConfigError(f"{entry.where}: auth-provider {provider.name!r} is not supported; use its exec plugin")
    if user.as_:  # without impersonation, requests would have other permissions than configured
        raise KubeConfigError(f"{entry.where}: as: impersonation is not supported; give the user its own credentials")
    return user


def _ca(cluster: Cluster, *, where: str) -> Pem | None:
    file, data = cluster.certificate_authority, cluster.certificate_authority_data
    return Pem.from_config(where=where, key="certificate-authority", file=file, data=data)


def _identity(user: User, issued: ExecCredential | None, *, where: str) -> tuple[Pem | None, Pem | None]:
    """The client's certificate and key."""
    if issued and issued.certificate:
        name = f"{where}: exec plugin"
        return (
            Pem(name=f"{name}'s certificate", text=issued.certificate.encode()),
            Pem(name=f"{name}'s key", text=issued.key.encode()),
        )
    return (
        Pem.from_config(
            where=where, key="client-certificate",
            file=user.client_certificate, data=user.client_certificate_data,
        ),
        Pem.from_config(where=where, key="client-key", file=user.client_key, data=user.client_key_data),
    )  # fmt: skip


async def _run(
    user: User, cluster: Cluster, ca: Pem | None, *, entry: Entry, environ: Mapping[str, str], plugin_timeout: float
) -> ExecCredential | None:
    if user.exec is None:
        return None
    settings = msgspec.to_builtins(cluster)
    info = {key: settings[key] for key in settings if key not in {"certificate-authority", "extensions"}}
    if ca:
        info["certificate-authority-data"] = base64.b64encode(ca.text).decode()
    if cluster.plugin_config is not None:
        info["config"] = cluster.plugin_config
    return await run(user.exec, cluster=info, environ=environ, seconds=plugin_timeout, where=entry.where)


async def _authorization(user: User, issued: ExecCredential | None, *, where: str) -> str | None:
    """The Authorization header; None for a client certificate or an anonymous user."""
    if issued:
        name = f"{where}: exec plugin's token"
        return f"Bearer {_token(issued.token, name=name)}" if issued.token else None
    if user.token_file:
        return f"Bearer {load_token(Path(user.token_file), name=f'{where}: tokenFile')}"
    if user.token:
        return f"Bearer {_token(user.token, name=f'{where}: token')}"
    if user.username:
        return f"Basic {base64.b64encode(f'{user.username}:{user.password}'.encode()).decode()}"
    if user.auth_provider:
        return await _oidc_header((user.auth_provider.config or {}).get("id-token"), where=where)
    return None


async def _oidc_header(token: str | None, *, where: str) -> str | None:
    """The header for an OIDC token. The kubernetes package checks its expiry."""
    # Imported only when needed: it takes 23 MiB and half a second, and no smaller import takes less.
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 (see above)
    from kubernetes.aio.config import ConfigException, load_kube_config_from_dict  # noqa: PLC0415 (see above)

    # Without the refresh token: the package would send it over TLS without verification.
    provider = {"name": "oidc", "config": {"id-token": token} if token else {}}
    content = {
        "current-context": "oidc",
        "contexts": [{"name": "oidc", "context": {"cluster": "oidc", "user": "oidc"}}],
        "clusters": [{"name": "oidc", "cluster": {"server": "https://unused.invalid"}}],
        "users": [{"name": "oidc", "user": {"auth-provider": provider}}],
    }
    configuration = Configuration()
    try:
        await load_kube_config_from_dict(content, client_configuration=configuration)
    except (ConfigException, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # Without the cause: its message may contain the token.
        raise KubeConfigError(
            f"{where}: auth-provider oidc: its id-token is missing, expired or not a JWT; "
            "renew it with kubectl, or use an exec plugin"
        ) from None
    header: str | None = await configuration.get_api_key_with_prefix("BearerToken")
    return header
