"""Certificates and keys, proven against a real TLS server with the requests that the exporter makes."""

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
from tests.kube.settings import SECRET, a_kubeconfig, a_plugin, answer, based, exec_user, load, the_error


@pytest.fixture(scope="module")
def authority():
    """The cluster's CA."""
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger():
    """Another CA."""
    return trustme.CA(organization_name="stranger")


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
    """The folder for temporary files, which has to be empty after each test."""
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
    """A cluster at that port of loopback."""
    trust = {} if authority is None else {"certificate-authority-data": based(pem_of(authority))}
    return {"server": f"https://127.0.0.1:{port}"} | trust | more


async def test_a_server_of_another_authority_is_refused(tmp_path, authority, stranger, server):
    """Verification is on."""
    async with api_server(server) as port:
        for trusted in (cluster_at(port, stranger), cluster_at(port)):
            credentials = await load(a_kubeconfig(tmp_path, cluster=trusted))
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await whoami(credentials)


@pytest.mark.parametrize("order", [1, -1])
async def test_certificate_authority_is_a_file_with_a_bundle(tmp_path, authority, stranger, server, order):
    """Any of its certificates may be the one, and its comments may be in any language."""
    bundle = b"# \xc5\xbdlu\xc5\xa5\n".join([b"", pem_of(authority), pem_of(stranger)][::order])
    (tmp_path / "ca.crt").write_bytes(bundle)
    async with api_server(server) as port:
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": "ca.crt"}
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster))
        assert (await whoami(credentials))["authorization"] == f"Bearer {SECRET}"


async def test_certificate_authority_data_goes_before_the_file(tmp_path, authority, server):
    """As in client-go; base64 may be folded."""
    data = based(pem_of(authority))
    folded = "\n".join(data[at : at + 64] for at in range(0, len(data), 64))
    async with api_server(server) as port:
        cluster = cluster_at(port) | {"certificate-authority-data": folded, "certificate-authority": "absent"}
        assert await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))


async def test_an_intermediate_authority_may_be_the_trusted_one(tmp_path, authority):
    """As in kubectl; OpenSSL alone wants the root."""
    intermediate = authority.create_child_ca()
    async with api_server(intermediate.issue_cert("127.0.0.1")) as port:
        assert await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, intermediate))))


def test_strict_rules_are_off():
    """Python 3.13 switches them on, and the CAs of clusters that are in use do not keep them."""
    context = client_context(ca=None, certificate=None, key=None, verify=True)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


async def test_insecure_skip_tls_verify_takes_any_certificate(tmp_path, stranger):
    """Not even the name has to fit."""
    async with api_server(stranger.issue_cert("elsewhere.example")) as port:
        cluster = cluster_at(port) | {"insecure-skip-tls-verify": True}
        assert await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))


async def test_tls_server_name_is_what_is_asked_for_and_verified(tmp_path, authority):
    """The certificate is for another name than the address."""
    async with api_server(authority.issue_cert("api.internal")) as port:
        cluster = cluster_at(port, authority)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))
        cluster["tls-server-name"] = "api.internal"
        seen = await whoami(await load(a_kubeconfig(tmp_path, cluster=cluster)))
        assert seen["asked_for"] == "api.internal"


async def test_proxy_url_is_what_requests_go_through(tmp_path, authority):
    """TLS is with the API server, whose name only the proxy can resolve."""
    leaf = authority.issue_cert("api.invalid")
    async with api_server(leaf) as port, connect_proxy(port) as (proxy, heads):
        cluster = {
            "server": "https://api.invalid:6443",
            "certificate-authority-data": based(pem_of(authority)),
            "proxy-url": f"http://me:{SECRET}@127.0.0.1:{proxy}",
        }
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster))
        assert (await whoami(credentials))["authorization"] == f"Bearer {SECRET}"
    assert heads[0].startswith("CONNECT api.invalid:6443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic" in heads[0]
    assert SECRET not in repr(credentials.access)


async def test_client_certificate_and_key_as_files(tmp_path, authority, server, client):
    """Next to the kubeconfig, by relative paths."""
    (tmp_path / "me.crt").write_bytes(chain_of(client))
    (tmp_path / "me.key").write_bytes(key_of(client))
    user = {"client-certificate": "me.crt", "client-key": "me.key"}
    async with api_server(server, trusts=authority) as port:
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), user=user))
        assert await whoami(credentials) == {"certificate": "exporter", "authorization": None, "asked_for": None}


async def test_client_certificate_and_key_as_data(tmp_path, temporary, authority, server, client, monkeypatch):
    """The key is on the disk for a moment only, and for nobody else: Python loads it from a file."""
    seen = []
    load_cert_chain = ssl.SSLContext.load_cert_chain

    def looked_at(self, *args, **kwargs):
        seen.extend(path.stat().st_mode & 0o7777 for path in [*temporary.iterdir(), *temporary.glob("*/*")])
        load_cert_chain(self, *args, **kwargs)

    async with api_server(server, trusts=authority) as port:
        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", looked_at)
        user = {
            "client-certificate-data": based(chain_of(client)),
            "client-key-data": based(key_of(client)),
            "token": SECRET,
        }
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), user=user))
        assert seen == [0o700, 0o600, 0o600]
        assert list(temporary.iterdir()) == []
        assert (await whoami(credentials))["certificate"] == "exporter"
        assert (await whoami(credentials))["authorization"] == f"Bearer {SECRET}"


async def test_an_exec_plugin_gives_client_certificates(tmp_path, authority, server, client):
    """A certificate, its key and a token at once; the kubernetes client would take the token only."""
    pair = {"clientCertificateData": chain_of(client).decode(), "clientKeyData": key_of(client).decode()}
    plugin = a_plugin(tmp_path, answer(pair | {"token": "t"}))
    async with api_server(server, trusts=authority) as port:
        credentials = await load(a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), user=exec_user(plugin)))
        seen = await whoami(credentials)
        assert (seen["certificate"], seen["authorization"]) == ("exporter", "Bearer t")


async def test_an_https_cluster_without_a_user_is_anonymous(tmp_path, authority, server):
    """The kubernetes client raises TypeError."""
    async with api_server(server) as port:
        contexts = [{"name": "prod", "context": {"cluster": "c"}}]
        path = a_kubeconfig(tmp_path, cluster=cluster_at(port, authority), contexts=contexts, users=None)
        assert (await whoami(await load(path)))["authorization"] is None


async def what_is_wrong(path):
    """The one line that loading ends with, without what every one begins with."""
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
            {"certificate-authority-data": based(SECRET.encode())},
            "certificate-authority-data: not PEM: there is no certificate in it",
        ),
        (
            {"certificate-authority-data": based(BROKEN)},
            "certificate-authority-data: a certificate in it cannot be read",
        ),
    ],
)
async def test_a_wrong_certificate_authority_is_told(tmp_path, cluster, wrong):
    """Which key, which file, what is wrong."""
    path = a_kubeconfig(tmp_path, cluster={"server": "https://127.0.0.1:1"} | cluster)
    assert await what_is_wrong(path) == f"cluster 'c': {wrong.format(folder=tmp_path)}"


async def test_a_wrong_client_certificate_or_key_is_told(tmp_path, authority, client):
    """Which of the two, and what is wrong; a passphrase is never asked for at the terminal."""
    certificate, key = based(chain_of(client)), based(key_of(client))
    other_key = based(key_of(authority.issue_cert(common_name="other")))
    locked = load_pem_private_key(key_of(client), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    garbled = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
    nothing = based(SECRET.encode())
    for given_certificate, given_key, wrong in [
        (certificate, None, "client-certificate-data: the user has no client-key"),
        (None, key, "client-key-data: the user has no client-certificate"),
        (certificate, "!", "client-key-data: not base64"),
        (certificate, nothing, "client-key-data: not PEM: there is no private key in it"),
        (nothing, key, "client-certificate-data: not PEM: there is no certificate in it"),
        (certificate, based(locked), "client-key-data: the key has a passphrase; use a key without one"),
        (certificate, other_key, "client-key-data: the key does not match {at}client-certificate-data"),
        (certificate, based(garbled), "client-key-data: the key, or {at}client-certificate-data, cannot be read"),
    ]:
        pair = {"client-certificate-data": given_certificate, "client-key-data": given_key}
        path = a_kubeconfig(tmp_path, cluster={"server": "https://127.0.0.1:1"}, user=pair)
        assert await what_is_wrong(path) == "user 'u': " + wrong.format(at=f"kubeconfig {path}: user 'u': ")


def test_no_folder_for_temporary_files_is_told(client, monkeypatch):
    """A read-only container without /tmp cannot hold a key that is in the kubeconfig itself."""
    monkeypatch.setattr(tempfile, "tempdir", "/absent")
    pems = {
        "certificate": Pem(name="certificate", text=chain_of(client)),
        "key": Pem(name="key", text=key_of(client)),
    }
    with pytest.raises(KubeConfigError, match="key: needs a folder for temporary files: No such file or directory"):
        client_context(ca=None, verify=True, **pems)


async def test_what_is_read_again_and_is_the_same_keeps_its_connections(tmp_path, authority, stranger):
    """A token that is refused for an hour is read again hundreds of times: connections are pooled by context."""
    (tmp_path / "ca").write_bytes(pem_of(authority))
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(tmp_path / "ca")}
    credentials = await load(a_kubeconfig(tmp_path, cluster=cluster))
    first = credentials.access
    await credentials.renew(generation=0)
    assert credentials.access.generation == 1
    assert credentials.access.ssl is first.ssl
    (tmp_path / "ca").write_bytes(pem_of(stranger))
    await credentials.renew(generation=1)
    assert credentials.access.ssl is not first.ssl


def test_no_repr_shows_a_key(client):
    """Reprs end in logs."""
    assert repr(Pem(name="key", text=key_of(client))) == "Pem(name='key', path=None)"
    assert os.linesep not in repr(Pem(name="key", text=key_of(client), path=Path("/k")))
