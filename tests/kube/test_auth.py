"""The sources of credentials, and tokens in files that are rotated."""

import asyncio
import base64
import json
import subprocess
import sys
import traceback

import pytest
import trustme

from exporter.kube.errors import KubeConfigError
from tests.kube.servers import api_server, whoami
from tests.kube.settings import SECRET, Clock, a_kubeconfig, bearer, load


@pytest.fixture(scope="module")
def authority():
    """The cluster's CA."""
    return trustme.CA()


@pytest.fixture
def mounted(tmp_path, authority):
    """A service account as the kubelet mounts it: symbolic links into a directory that is replaced atomically."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "..data").symlink_to("..absent")
    for name in ("token", "ca.crt", "namespace"):
        (folder / name).symlink_to(f"..data/{name}")
    rotate(folder, "first", authority)
    return folder


def rotate(folder, token, authority):
    """Replaces the mounted token as the kubelet does: a new directory, and then a rename of the link."""
    new = folder / f"..{token}"
    new.mkdir()
    (new / "token").write_text(token)
    (new / "ca.crt").write_bytes(authority.cert_pem.bytes())
    (new / "namespace").write_text("monitoring")
    (folder / "..data_tmp").symlink_to(new.name)
    (folder / "..data_tmp").rename(folder / "..data")


def in_pod(port="443", host="127.0.0.1"):
    """The environment variables that the kubelet sets."""
    return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}


async def test_in_a_pod_the_service_account_is_used(mounted, authority):
    """Its CA verifies the server, and its token is sent."""
    async with api_server(authority.issue_cert("127.0.0.1")) as port:
        credentials = await load(environ=in_pod(port), service_account=mounted)
        assert (await whoami(credentials))["authorization"] == "Bearer first"
    assert credentials.source == "in-cluster service account"
    assert credentials.namespace is None


async def test_in_cluster_token_rotation(mounted, authority, caplog):
    """The token is read again after 60 s. If that fails, the previous token remains in use."""
    clock = Clock()
    credentials = await load(environ=in_pod(), service_account=mounted, clock=clock)
    rotate(mounted, "second", authority)
    clock.now += 59
    assert await bearer(credentials) == "first"
    clock.now += 1
    assert await bearer(credentials) == "second"
    (mounted / "..data").unlink()
    clock.now += 60
    assert await bearer(credentials) == "second"
    assert "keeping the previous one: token" in caplog.text
    assert credentials.access.generation == 0


async def test_a_renewal_reads_a_rotated_token_at_once(mounted, authority):
    """After a 401 the exporter does not wait for the 60 s."""
    credentials = await load(environ=in_pod(), service_account=mounted, clock=Clock())
    rotate(mounted, "second", authority)
    await credentials.renew(generation=0)
    assert await bearer(credentials) == "second"
    assert credentials.access.generation == 1


async def test_an_ipv6_service_address_is_in_brackets(mounted):
    """Single-stack IPv6 clusters have such an address."""
    credentials = await load(environ=in_pod(host="fd00::1"), service_account=mounted)
    assert credentials.access.server == "https://[fd00::1]:443"


async def test_an_incomplete_service_account_is_reported(tmp_path, mounted):
    """The error states what is missing and which setting adds it."""
    absent = tmp_path / "absent"
    with pytest.raises(KubeConfigError) as caught:
        await load(environ=in_pod(), service_account=absent)
    assert str(caught.value) == (
        f"service account: {absent}/token does not exist; "
        "set automountServiceAccountToken: true for the pod, or specify a kubeconfig"
    )
    with pytest.raises(KubeConfigError, match="KUBERNETES_SERVICE_PORT is not set"):
        await load(environ=in_pod("") | {"KUBECONFIG": ""}, service_account=mounted)
    (mounted / "token").unlink()
    (mounted / "token").write_text(" \n")
    with pytest.raises(KubeConfigError, match="token: is empty"):
        await load(environ=in_pod(), service_account=mounted)
    (mounted / "token").write_text("t")
    (mounted / "ca.crt").unlink()
    with pytest.raises(KubeConfigError, match=r"ca.crt: cannot be read: No such file or directory"):
        await load(environ=in_pod(), service_account=mounted)


async def test_a_named_context_has_precedence_over_the_service_account(tmp_path, mounted):
    """Only a kubeconfig has contexts."""
    (tmp_path / ".kube").mkdir()
    a_kubeconfig(tmp_path / ".kube")
    environ = in_pod() | {"HOME": str(tmp_path)}
    assert (await load(environ=environ, service_account=mounted, context="prod")).source.endswith("(context prod)")
    assert (await load(environ=environ, service_account=mounted)).source == "in-cluster service account"


@pytest.mark.parametrize("place", ["pod", "kubeconfig"])
async def test_the_kubernetes_package_is_only_imported_if_needed(tmp_path, mounted, place):
    """The import takes 23 MiB and 0.2 s of CPU. Only auth-provider oidc needs it."""
    path = str(a_kubeconfig(tmp_path)) if place == "kubeconfig" else None
    program = (
        "import asyncio, sys, pathlib\n"
        "from exporter.kube.auth import Credentials\n"
        f"load = Credentials.load(kubeconfig={path!r}, context=None, environ={in_pod()!r},"
        f" service_account=pathlib.Path({str(mounted)!r}))\n"
        "asyncio.run(load)\n"
        "sys.exit('kubernetes' in sys.modules)\n"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=False)
    assert done.returncode == 0


async def test_the_token_file_of_a_kubeconfig_is_read_again(tmp_path):
    """Like in client-go, tokenFile has precedence over token."""
    clock = Clock()
    (tmp_path / "token").write_text("first\n")
    path = a_kubeconfig(tmp_path, user={"tokenFile": "token", "token": SECRET})
    credentials = await load(path, clock=clock)
    (tmp_path / "token").write_text("second\n")
    assert await bearer(credentials) == "first"
    clock.now += 60
    assert await bearer(credentials) == "second"


async def test_basic_authentication(tmp_path):
    """An empty password is valid."""
    for password in ("pässword", ""):
        user = {"username": "me", "password": password}
        credentials = await load(a_kubeconfig(tmp_path, user=user))
        encoded = base64.b64encode(f"me:{password}".encode()).decode()
        assert await credentials.headers() == {"Authorization": f"Basic {encoded}"}


async def test_a_user_without_credentials_is_anonymous(tmp_path):
    """Null and empty values count as absent."""
    for user in ({}, {"token": None, "tokenFile": "", "username": "", "exec": None}):
        credentials = await load(a_kubeconfig(tmp_path, user=user))
        assert await credentials.headers() == {}
        assert credentials.access.ssl is True


def an_id_token(expiry):
    """A JWT with this expiry time."""
    payload = base64.urlsafe_b64encode(json.dumps({"exp": expiry}).encode()).decode().rstrip("=")
    return f"{SECRET}.{payload}.x"


@pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")
async def test_an_openid_connect_token_is_used_until_it_expires(tmp_path):
    """It is not refreshed, because the kubernetes package would send the refresh token over unverified TLS."""

    def user(token):
        config = {"id-token": token, "refresh-token": SECRET, "idp-issuer-url": "https://idp.invalid"}
        return {"auth-provider": {"name": "oidc", "config": config}}

    living = an_id_token(4_000_000_000)
    assert await bearer(await load(a_kubeconfig(tmp_path, user=user(living)))) == living
    for token in (an_id_token(1), an_id_token("never"), "a.b", "a.b.c", None):
        with pytest.raises(KubeConfigError, match="its id-token is missing, expired or not a JWT") as caught:
            await load(a_kubeconfig(tmp_path, user=user(token)))
        assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_a_tls_server_name_is_ignored_without_tls(tmp_path):
    """Otherwise the HTTP client would reject the request."""
    credentials = await load(a_kubeconfig(tmp_path, cluster={"server": "http://h", "tls-server-name": "x"}))
    assert credentials.access.server_hostname is None


async def test_no_repr_shows_a_secret(tmp_path):
    """Log messages may contain a repr."""
    path = a_kubeconfig(tmp_path, cluster={"server": "http://h", "proxy-url": f"http://me:{SECRET}@proxy:1"})
    credentials = await load(path)
    everything = [credentials, credentials.access, credentials._login, credentials.source]
    assert SECRET not in repr(everything)
    assert credentials.access.proxy == f"http://me:{SECRET}@proxy:1"


async def test_in_a_pod_the_proxy_of_the_environment_is_used(mounted):
    """Client-go does so too. An invalid proxy is rejected at startup."""
    environ = in_pod(host="10.96.0.1") | {"HTTPS_PROXY": "proxy.example:3128"}
    assert (await load(environ=environ, service_account=mounted)).access.proxy == "http://proxy.example:3128"
    exempt = environ | {"NO_PROXY": "10.96.0.0/12"}
    assert (await load(environ=exempt, service_account=mounted)).access.proxy is None
    with pytest.raises(KubeConfigError, match="HTTPS_PROXY: not the URL of a proxy") as caught:
        await load(environ=environ | {"HTTPS_PROXY": f"http://me:{SECRET}/@proxy"}, service_account=mounted)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_the_address_of_the_server_is_shown_without_possible_secrets(tmp_path):
    """It is shown by `check`, at `/` and in the log."""
    shown = {"https://h.example:6443/": "h.example:6443", "https://h.example/?key=x": ""}
    for server, address in shown.items():
        assert (await load(a_kubeconfig(tmp_path, cluster={"server": server}))).access.address == address
