"""Certificates and keys, tested with the exporter's requests to a TLS server on loopback."""

import os
import ssl
import tempfile
from pathlib import Path

import aiohttp
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from exporter.kube.errors import KubeConfigError
from exporter.kube.tls import Pem, client_context
from tests.kube.servers import api_server, connect_proxy, whoami
from tests.kube.settings import SECRET, a_kubeconfig, a_plugin, answer, base64_text, exec_user, load, the_error


@pytest.fixture(scope="module")
def authority():
    """The cluster's CA."""
    return trustme.CA()


@pytest.fixture(scope="module")
def other_authority():
    """Another CA."""
    return trustme.CA(organization_name="other")


@pytest.fixture(scope="module")
def server(authority):
    """The API server's certificate."""
    return authority.issue_cert("127.0.0.1")


@pytest.fixture(scope="module")
def client(authority):
    """A client's certificate."""
    return authority.issue_cert(common_name="exporter")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The directory for temporary files. It must be empty after each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def pem_of(authority):
    """The CA as PEM."""
    return authority.cert_pem.bytes()


def chain_of(leaf):
    """The certificate as PEM."""
    return leaf.cert_chain_pems[0].bytes()


def key_of(leaf):
    """The key as PEM."""
    return leaf.private_key_pem.bytes()


def cluster_at(port, authority=None, **more):
    """A kubeconfig cluster at this port of loopback."""
    trust = {} if authority is None else {"certificate-authority-data": base64_text(pem_of(authority))}
    return {"server": f"https://127.0.0.1:{port}"} | trust | more


async def test_a_server_with_a_certificate_of_another_ca_is_rejected(tmp_path, authority, other_authority, server):
    """Verification is enabled."""
    async with api_server(server) as port:
        for trusted in (cluster_at(port, other_authority), cluster_at(port)):
            credentials = await load(a_kubeconfig(tmp_path, cluster=trusted))
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await whoami(credentials)


@pytest.mark.parametrize("order", [1, -1])
async def test_certificate_authority_can_be_a_bundle(tmp_path, authority, other_authority, server, order):
    """Any certificate in the file can be the CA. Comments may contain any UTF-8 text."""
    bundle = b"# \xc5\xbdlu\xc5\xa5\n".join([b"", pem_of(authority), pem_of(other_authority)][::order])
    (tmp_path / "ca.crt").write_bytes(bundle)
    async with api_server(server) as port:
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": "ca.crt"}
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster))
        assert (await whoami(credentials))["authorization"] == f"Bearer {SECRET}"


async def test_certificate_authority_data_has_precedence_over_the_file(tmp_path, authority, server):
    """Client-go does so too. The base64 text may contain line breaks."""
    data = base64_text(pem_of(authority))
    folded = "\n".join(data[at : at + 64] for at in range(0, len(data), 64))
    async with api_server(server) as port:
        cluster = cluster_at(port) | {"certificate-authority-data": folded, "certificate-authority": "absent"}
        assert await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))


async def test_an_intermediate_ca_can_be_trusted(tmp_path, authority):
    """Kubectl accepts it. By default, OpenSSL requires the root CA."""
    intermediate = authority.create_child_ca()
    async with api_server(intermediate.issue_cert("127.0.0.1")) as port:
        assert await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, intermediate))))


def test_strict_verification_is_disabled():
    """Python 3.13 enables VERIFY_X509_STRICT, but CAs of existing clusters do not meet it."""
    context = client_context(ca=None, certificate=None, key=None, verify=True)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


async def test_insecure_skip_tls_verify_accepts_any_certificate(tmp_path, other_authority):
    """Not even the name is verified."""
    async with api_server(other_authority.issue_cert("elsewhere.example")) as port:
        cluster = cluster_at(port) | {"insecure-skip-tls-verify": True}
        assert await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))


async def test_tls_server_name_is_sent_and_verified(tmp_path, authority):
    """The certificate has another name than the URL."""
    async with api_server(authority.issue_cert("api.internal")) as port:
        cluster = cluster_at(port, authority)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))
        cluster["tls-server-name"] = "api.internal"
        seen = await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))
        assert seen["requested_name"] == "api.internal"


async def test_proxy_url_is_used_for_requests(tmp_path, authority):
    """TLS is between the exporter and the API server, whose name only the proxy can resolve."""
    leaf = authority.issue_cert("api.invalid")
    async with api_server(leaf) as port, connect_proxy(port) as (proxy, heads):
        cluster = {
            "server": "https://api.invalid:6443",
            "certificate-authority-data": base64_text(pem_of(authority)),
            "proxy-url": f"http://me:{SECRET}@127.0.0.1:{proxy}",
        }
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster))
        assert (await whoami(credentials))["authorization"] == f"Bearer {SECRET}"
    assert heads[0].startswith("CONNECT api.invalid:6443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic" in heads[0]
    assert SECRET not in repr(credentials.access)


async def test_client_certificate_and_key_as_files(tmp_path, authority, server, client):
    """Paths are relative to the kubeconfig."""
    (tmp_path / "me.crt").write_bytes(chain_of(client))
    (tmp_path / "me.key").write_bytes(key_of(client))
    user = {"client-certificate": "me.crt", "client-key": "me.key"}
    async with api_server(server, trusts=authority) as port:
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), user=user))
        assert await whoami(credentials) == {"certificate": "exporter", "authorization": None, "requested_name": None}


async def test_client_certificate_and_key_as_data(tmp_path, temporary, authority, server, client, monkeypatch):
    """Python loads the key from a temporary file, which only this user can read, and which is then deleted."""
    seen = []
    load_cert_chain = ssl.SSLContext.load_cert_chain

    def looked_at(self, *args, **kwargs):
        seen.extend(path.stat().st_mode & 0o7777 for path in [*temporary.iterdir(), *temporary.glob("*/*")])
        load_cert_chain(self, *args, **kwargs)

    async with api_server(server, trusts=authority) as port:
        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", looked_at)
        user = {
            "client-certificate-data": base64_text(chain_of(client)),
            "client-key-data": base64_text(key_of(client)),
            "token": SECRET,
        }
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), user=user))
        assert seen == [0o700, 0o600, 0o600]
        assert list(temporary.iterdir()) == []
        assert (await whoami(credentials))["certificate"] == "exporter"
        assert (await whoami(credentials))["authorization"] == f"Bearer {SECRET}"


async def test_an_exec_plugin_can_return_client_certificates(tmp_path, authority, server, client):
    """It returns a certificate, its key and a token. The kubernetes package would use only the token."""
    pair = {"clientCertificateData": chain_of(client).decode(), "clientKeyData": key_of(client).decode()}
    plugin = a_plugin(tmp_path, answer(pair | {"token": "t"}))
    async with api_server(server, trusts=authority) as port:
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), user=exec_user(plugin)))
        seen = await whoami(credentials)
        assert (seen["certificate"], seen["authorization"]) == ("exporter", "Bearer t")


async def test_an_https_cluster_without_a_user_is_anonymous(tmp_path, authority, server):
    """The kubernetes package raises TypeError."""
    async with api_server(server) as port:
        contexts = [{"name": "prod", "context": {"cluster": "c"}}]
        path = a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), contexts=contexts, users=None)
        assert (await whoami(await load(path)))["authorization"] is None


async def load_error(path):
    """The error of a load, without the path of the kubeconfig."""
    return (await the_error(path)).removeprefix(f"kubeconfig {path}: ")


BROKEN = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("cluster", "wrong"),
    [
        (
            {"certificate-authority": "absent"},
            "certificate-authority {folder}/absent: cannot be read: No such file or directory",
        ),
        (
            {"certificate-authority": "config"},
            "certificate-authority {folder}/config: not PEM: there is no certificate in it",
        ),
        ({"certificate-authority-data": f"%{SECRET}"}, "certificate-authority-data: not base64"),
        ({"certificate-authority-data": "a"}, "certificate-authority-data: not base64"),
        ({"certificate-authority-data": "š"}, "certificate-authority-data: not base64"),
        (
            {"certificate-authority-data": base64_text(SECRET.encode())},
            "certificate-authority-data: not PEM: there is no certificate in it",
        ),
        (
            {"certificate-authority-data": base64_text(BROKEN)},
            "certificate-authority-data: a certificate in it cannot be read",
        ),
    ],
)
async def test_an_invalid_certificate_authority_is_reported(tmp_path, cluster, wrong):
    """The error states the key, the file and the reason."""
    path = a_kubeconfig(tmp_path, cluster={"server": "https://127.0.0.1:1"} | cluster)
    assert await load_error(path) == f"cluster 'c': {wrong.format(folder=tmp_path)}"


async def test_an_invalid_client_certificate_or_key_is_reported(tmp_path, authority, client):
    """The error states which of the two is invalid. A passphrase is never read from the terminal."""
    certificate, key = base64_text(chain_of(client)), base64_text(key_of(client))
    other_key = base64_text(key_of(authority.issue_cert(common_name="other")))
    locked = load_pem_private_key(key_of(client), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    garbled = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
    nothing = base64_text(SECRET.encode())
    for given_certificate, given_key, wrong in [
        (certificate, None, "client-certificate-data: the user has no client-key"),
        (None, key, "client-key-data: the user has no client-certificate"),
        (certificate, "!", "client-key-data: not base64"),
        (certificate, nothing, "client-key-data: not PEM: there is no private key in it"),
        (nothing, key, "client-certificate-data: not PEM: there is no certificate in it"),
        (certificate, base64_text(locked), "client-key-data: the key has a passphrase; use a key without one"),
        (certificate, other_key, "client-key-data: the key does not match {at}client-certificate-data"),
        (
            certificate,
            base64_text(garbled),
            "client-key-data: the key, or {at}client-certificate-data, cannot be read",
        ),
    ]:
        pair = {"client-certificate-data": given_certificate, "client-key-data": given_key}
        path = a_kubeconfig(tmp_path, cluster={"server": "https://127.0.0.1:1"}, user=pair)
        assert await load_error(path) == "user 'u': " + wrong.format(at=f"kubeconfig {path}: user 'u': ")


def test_a_missing_directory_for_temporary_files_is_reported(client, monkeypatch):
    """A container without a writable /tmp cannot load a key from the kubeconfig."""
    monkeypatch.setattr(tempfile, "tempdir", "/absent")
    pems = {
        "certificate": Pem(name="certificate", text=chain_of(client)),
        "key": Pem(name="key", text=key_of(client)),
    }
    with pytest.raises(
        KubeConfigError, match="key: needs a directory for temporary files: No such file or directory"
    ):
        client_context(ca=None, verify=True, **pems)


async def test_unchanged_certificates_keep_the_connections(tmp_path, authority, other_authority):
    """Connections are pooled by SSL context, and a rejected token is read again very often."""
    (tmp_path / "ca").write_bytes(pem_of(authority))
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(tmp_path / "ca")}
    credentials = await load(a_kubeconfig(tmp_path, cluster=cluster))
    first = credentials.access
    await credentials.renew(generation=0)
    assert credentials.access.generation == 1
    assert credentials.access.ssl is first.ssl
    (tmp_path / "ca").write_bytes(pem_of(other_authority))
    await credentials.renew(generation=1)
    assert credentials.access.ssl is not first.ssl


def test_no_repr_shows_a_key(client):
    """Log messages may contain a repr."""
    assert repr(Pem(name="key", text=key_of(client))) == "Pem(name='key', path=None)"
    assert os.linesep not in repr(Pem(name="key", text=key_of(client), path=Path("/k")))
