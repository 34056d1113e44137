"""One reading of the settings: from a chosen context, or the pod's service account, to what a request needs."""

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
from exporter.kube.proxy import proxy_from, proxy_of
from exporter.kube.tls import Pem, client_context

__all__ = ["SERVICE_ACCOUNT", "ResolvedCredentials", "from_choice", "from_service_account", "token_in"]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")  # what an HTTP header can carry
_USER_FILES: Final = ("client-certificate", "client-key", "tokenFile")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResolvedCredentials:
    """What one reading gave.

    `token_file` is the file that the token in `authorization` came from; `expiry` (seconds since the epoch)
    is when a plugin's credentials end.
    """

    server: str
    ssl: SSLContext | bool
    server_hostname: str | None = None
    proxy: str | None = dataclasses.field(default=None, repr=False)
    authorization: str | None = dataclasses.field(repr=False)
    token_file: Path | None = None
    expiry: float | None = None


def from_service_account(*, folder: Path, environ: Mapping[str, str]) -> ResolvedCredentials:
    """The login of the pod that we run in.

    Done here, as client-go does it, so that a pod never loads the kubernetes client;
    its loader would also raise at each request while a token cannot be read again.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    if not port:
        raise KubeConfigError("service account: KUBERNETES_SERVICE_PORT is not set; the kubelet sets it in each pod")
    token = token_in(folder / "token", name="service account: token")
    ca = Pem.read(folder / "ca.crt", name="service account: ca.crt")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return ResolvedCredentials(
        server=server,
        ssl=client_context(ca=ca, certificate=None, key=None, verify=True),
        proxy=proxy_from(environ, server),
        authorization=f"Bearer {token}",
        token_file=folder / "token",
    )


async def from_choice(
    choice: KubeContext, *, environ: Mapping[str, str], plugin_timeout: float
) -> ResolvedCredentials:
    """The login that the context stands for; `plugin_timeout` (seconds) bounds its exec plugin.

    Raises KubeConfigError.
    """
    cluster = _with_scheme(choice.cluster.shaped(Cluster, "certificate-authority"))
    secure = _checked(cluster, where=choice.cluster.where).lower().startswith("https:")
    entry = choice.user or Entry(kind="user", name="", path=choice.cluster.path, settings={})
    user = _user(entry)
    own = cluster.proxy_url
    proxy = proxy_of(own, name=f"{choice.cluster.where}: proxy-url") if own else proxy_from(environ, cluster.server)
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


def token_in(path: Path, *, name: str) -> str:
    """The token in the file. Raises KubeConfigError where there is none."""
    try:
        text = read_bytes(path).decode("ascii", "replace")
    except FileError as error:
        raise KubeConfigError(f"{name} {path}: cannot be read: {error}") from error
    return _token(text, name=f"{name} {path}")


def _token(text: str, *, name: str) -> str:
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        what = "holds blanks or characters that no header can carry" if token else "is empty"
        raise KubeConfigError(f"{name}: {what}")
    return token


def _with_scheme(cluster: Cluster) -> Cluster:
    """As client-go: https where the cluster's TLS is set up. Else it would be http, with the token in the clear."""
    has_tls = cluster.certificate_authority or cluster.certificate_authority_data or cluster.insecure_skip_tls_verify
    if not has_tls or not cluster.server or "://" in cluster.server:
        return cluster
    return msgspec.structs.replace(cluster, server=f"https://{cluster.server}")


def _checked(cluster: Cluster, *, where: str) -> str:
    """The server's URL. A value that could hold a password is not shown."""
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
        # As client-go: a command with a slash is a path from the kubeconfig's folder.
        settings["exec"] = {**plugin, "command": str(entry.path.absolute().parent / command)}
    if isinstance(settings.get("exec"), dict):
        settings["exec"] = {key: value for key, value in settings["exec"].items() if value is not None}
    user = dataclasses.replace(entry, settings=settings).shaped(User, *_USER_FILES)
    provider = user.auth_provider
    if provider and provider.name != "oidc":  # the kubernetes client would go on as anonymous
        raise KubeConfigError(f"{entry.where}: auth-provider {provider.name!r} is not supported; use its exec plugin")
    if user.as_:  # acting with other rights than the ones that were asked for would be worse
        raise KubeConfigError(f"{entry.where}: as: impersonation is not supported; give the user its own credentials")
    return user


def _ca(cluster: Cluster, *, where: str) -> Pem | None:
    file, data = cluster.certificate_authority, cluster.certificate_authority_data
    return Pem.chosen(where=where, key="certificate-authority", file=file, data=data)


def _identity(user: User, issued: ExecCredential | None, *, where: str) -> tuple[Pem | None, Pem | None]:
    """The client's certificate and key."""
    if issued and issued.certificate:
        name = f"{where}: exec plugin"
        return (
            Pem(name=f"{name}'s certificate", text=issued.certificate.encode()),
            Pem(name=f"{name}'s key", text=issued.key.encode()),
        )
    return (
        Pem.chosen(
            where=where, key="client-certificate",
            file=user.client_certificate, data=user.client_certificate_data,
        ),
        Pem.chosen(where=where, key="client-key", file=user.client_key, data=user.client_key_data),
    )  # fmt: skip


async def _run(
    user: User, cluster: Cluster, ca: Pem | None, *, entry: Entry, environ: Mapping[str, str], plugin_timeout: float
) -> ExecCredential | None:
    if user.exec is None:
        return None
    told = msgspec.to_builtins(cluster)
    shown = {key: told[key] for key in told if key not in {"certificate-authority", "extensions"}}
    if ca:
        shown["certificate-authority-data"] = base64.b64encode(ca.text).decode()
    if cluster.plugin_config is not None:
        shown["config"] = cluster.plugin_config
    return await run(user.exec, cluster=shown, environ=environ, seconds=plugin_timeout, where=entry.where)


async def _authorization(user: User, issued: ExecCredential | None, *, where: str) -> str | None:
    """The header of this name; None where a certificate, or nothing, says who we are."""
    if issued:
        name = f"{where}: exec plugin's token"
        return f"Bearer {_token(issued.token, name=name)}" if issued.token else None
    if user.token_file:
        return f"Bearer {token_in(Path(user.token_file), name=f'{where}: tokenFile')}"
    if user.token:
        return f"Bearer {_token(user.token, name=f'{where}: token')}"
    if user.username:
        return f"Basic {base64.b64encode(f'{user.username}:{user.password}'.encode()).decode()}"
    if user.auth_provider:
        return await _of_oidc((user.auth_provider.config or {}).get("id-token"), where=where)
    return None


async def _of_oidc(token: str | None, *, where: str) -> str | None:
    """By the kubernetes client, which looks whether the token has expired."""
    # Imported when needed: it takes 23 MiB and half a second, and no narrower import takes less.
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 (see above)
    from kubernetes.aio.config import ConfigException, load_kube_config_from_dict  # noqa: PLC0415 (see above)

    # Without the refresh token: the client would send it over TLS that it does not verify.
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
        # No cause, for it might quote the token.
        raise KubeConfigError(
            f"{where}: auth-provider oidc: its id-token is missing, expired or not a JWT; "
            "renew it with kubectl, or use an exec plugin"
        ) from None
    header: str | None = await configuration.get_api_key_with_prefix("BearerToken")
    return header
