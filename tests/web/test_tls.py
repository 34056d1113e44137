"""TLS as the web configuration file says: real handshakes with the server on loopback."""

import asyncio
import socket
import ssl

import aiohttp
import pytest
import trustme

from exporter.web.config import WebConfigError
from exporter.web.tls import is_allowed
from tests.clusters import until
from tests.web.hostile import QUICK, a_client, descriptors, the_rest
from tests.web.protected import MUTUAL, TLS, Folder, ago, ask, shown_to
from tests.web.serving import LINES, Site, a_site

REFUSED = (aiohttp.ClientError, ConnectionError, ssl.SSLError)


@pytest.fixture
def folder(tmp_path):
    """A certificate, its key, its CA."""
    return Folder(tmp_path)


def refused(site):
    """How many handshakes failed."""
    value = site.telemetry.registry.get_sample_value
    return value("coderun_exporter_clients_refused_total", {"reason": "bad_handshake"})


async def test_metrics_are_served_over_tls(folder):
    """The whole page, and the address that is told begins with https."""
    async with a_site(Site(text=LINES * 50_000), web_file=folder.load(tls_server_config=TLS)) as site:
        assert site.url.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(f"{site.url}/metrics", ssl=folder.trust()) as answer:
                    assert LINES * 50_000 in await answer.text()


async def test_a_request_in_the_same_breath_as_the_handshake_is_answered(folder):
    """Its bytes are there before the server knows that the handshake is done."""
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        for _ in range(20):
            reader, writer = await asyncio.open_connection(
                *site.url.removeprefix("https://").split(":"), ssl=folder.trust(), server_hostname="127.0.0.1"
            )
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
            writer.close()
            await writer.wait_closed()


async def test_plain_http_to_a_tls_port_is_refused_and_named(folder, caplog):
    """The log says what came, so that nobody has to guess."""
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        async with a_client(Plain(site), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as (reader, _):
            assert await the_rest(reader) == b""
        await until(lambda: refused(site) == 1)
    assert [(record.reason, record.detail) for record in caplog.records if hasattr(record, "detail")] == [
        ("bad_handshake", "http request")
    ]


class Plain:
    """A site as a client sees it that knows nothing of TLS."""

    def __init__(self, site):
        self.url = site.url.replace("https", "http")


async def test_a_client_without_a_certificate_is_refused_where_one_is_required(folder, caplog):
    """So is one of another CA; who has the right one is let in."""
    stranger = trustme.CA(organization_name="stranger")
    async with a_site(web_file=folder.load(tls_server_config=MUTUAL)) as site:
        for trust in (folder.trust(), folder.trust("me.example", authority=stranger)):
            with pytest.raises(REFUSED):
                await ask(site.url, trust=trust)
        assert (await ask(site.url, trust=folder.trust("me.example")))[0] == 200
        assert refused(site) >= 2  # aiohttp tries again
    (record,) = [record for record in caplog.records if hasattr(record, "detail")]
    assert record.detail == "peer did not return a certificate"


async def test_a_certificate_may_be_optional_but_not_wrong(folder):
    """VerifyClientCertIfGiven."""
    mutual = MUTUAL | {"client_auth_type": "VerifyClientCertIfGiven"}
    async with a_site(web_file=folder.load(tls_server_config=mutual)) as site:
        assert (await ask(site.url, trust=folder.trust()))[0] == 200
        assert (await ask(site.url, trust=folder.trust("me.example")))[0] == 200
        with pytest.raises(REFUSED):
            await ask(site.url, trust=folder.trust("me.example", authority=trustme.CA()))


async def test_only_allowed_names_are_let_in(folder):
    """Any one of a certificate's names will do; one that begins alike will not."""
    mutual = MUTUAL | {"client_allowed_sans": ["prometheus.example", "::1"]}
    async with a_site(web_file=folder.load(tls_server_config=mutual)) as site:
        for names in (("prometheus.example",), ("x.example", "prometheus.example"), ("::1",)):
            assert (await ask(site.url, trust=folder.trust(*names)))[0] == 200
        for names in (("evil-prometheus.example",), ("prometheus.example.evil",), ("*.example",), ("127.0.0.1",)):
            with pytest.raises(REFUSED):
                await ask(site.url, trust=folder.trust(*names))
        assert refused(site) >= 4  # aiohttp tries again


def test_each_kind_of_name_can_be_allowed():
    """As Go writes them; an empty list allows everybody, a certificate without names is nobody."""
    names = (("DNS", "a.example"), ("IP Address", "FE80:0:0:0:0:0:0:1"), ("email", "a@b"), ("URI", "spiffe://x/y"))
    for name in ("a.example", "fe80::1", "a@b", "spiffe://x/y"):
        assert is_allowed({"subjectAltName": names}, [name])
    assert not is_allowed({"subjectAltName": names}, ["b.example"])
    assert not is_allowed({"subjectAltName": (("IP Address", "<invalid>"),)}, ["b.example"])
    assert not is_allowed({}, ["b.example"])
    assert is_allowed({}, [])


@pytest.mark.parametrize(
    ("settings", "client", "good"),
    [
        ({"min_version": "TLS13"}, {"maximum_version": ssl.TLSVersion.TLSv1_2}, False),
        ({"max_version": "TLS12"}, {"minimum_version": ssl.TLSVersion.TLSv1_3}, False),
        ({"max_version": "TLS12"}, {"maximum_version": ssl.TLSVersion.TLSv1_2}, True),
        ({"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, {"maximum_version": ssl.TLSVersion.TLSv1_2}, False),
        ({"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, {}, True),
        ({"prefer_server_cipher_suites": False, "curve_preferences": ["CurveP384"]}, {}, True),
        ({"curve_preferences": ["X25519"], "max_version": "TLS12"}, {}, True),
    ],
)
async def test_versions_ciphers_and_curves_are_kept(folder, settings, client, good):
    """As the file says."""
    trust = folder.trust()
    for name, value in client.items():
        setattr(trust, name, value)
    async with a_site(web_file=folder.load(tls_server_config=TLS | settings)) as site:
        if good:
            assert (await ask(site.url, trust=trust))[0] == 200
        else:
            with pytest.raises(REFUSED):
                await ask(site.url, trust=trust)


async def test_the_server_takes_the_cipher_that_the_file_names(folder):
    """By the name that Go has for it."""
    settings = TLS | {"max_version": "TLS12", "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]}
    async with a_site(web_file=folder.load(tls_server_config=settings)) as site:
        _, writer = await asyncio.open_connection(
            *site.url.removeprefix("https://").split(":"), ssl=folder.trust(), server_hostname="127.0.0.1"
        )
        assert writer.get_extra_info("cipher")[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_new_certificate_is_shown_to_the_next_connection(folder, caplog):
    """And the connections that are open go on."""
    caplog.set_level("INFO")
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site, aiohttp.ClientSession() as session:
        async with session.get(f"{site.url}/livez", ssl=folder.trust()) as answer:
            await answer.read()
        before = await shown_to(site.url, folder.trust())
        assert await shown_to(site.url, folder.trust()) == before
        folder.renew()
        assert await shown_to(site.url, folder.trust()) != before
        async with session.get(f"{site.url}/livez", ssl=folder.trust()) as answer:
            assert answer.status == 200
    assert [record.message for record in caplog.records] == ["web configuration read again"]


@pytest.mark.parametrize("fault", ["key", "garbage", "gone", "expired", "config", "plain"])
async def test_a_broken_new_certificate_leaves_the_old_one_in_place(folder, caplog, fault):
    """One log line, however many connections come; once it is mended, the new one is shown."""
    caplog.set_level("INFO")
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        before = await shown_to(site.url, folder.trust())
        if fault == "key":
            folder.authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(folder.path / "tls.key")
        elif fault == "garbage":
            (folder.path / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\n")
        elif fault == "gone":
            (folder.path / "tls.key").unlink()
        elif fault == "expired":
            folder.renew(not_before=ago(days=2), not_after=ago(days=1))
        else:
            folder.write(**({"users": {}} if fault == "config" else {}))
        for _ in range(5):
            assert await shown_to(site.url, folder.trust()) == before
        (record,) = caplog.records
        assert record.message == "the new web configuration is wrong: the old one goes on"
        folder.write(tls_server_config=TLS)
        folder.renew()
        assert await shown_to(site.url, folder.trust()) != before
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_certificate_that_is_not_valid_yet_is_taken_once_it_is(folder, monkeypatch, caplog):
    """Its file does not change for that: it is tried again each minute, and told of once."""
    web_file = folder.load(tls_server_config=TLS)
    before = web_file.now()
    folder.renew(not_before=ago(days=-1), not_after=ago(days=-2))
    for _ in range(200):
        assert web_file.now() is before
    assert len(caplog.records) == 1
    monkeypatch.setattr("exporter.web.tls._prove", lambda _: None)  # a day later
    for _ in range(40):
        web_file.now()
    assert web_file.now() is not before


def wrong(folder, **tls):
    """The line that such a file gets."""
    with pytest.raises(WebConfigError) as caught:
        folder.load(tls_server_config=TLS | tls)
    line = str(caught.value)
    assert line.isprintable()
    return line.replace(f"{folder.path}/", "")


def test_a_certificate_that_cannot_be_used_is_told(folder):
    """Which file, and what is wrong with it."""
    folder.renew(not_before=ago(days=2), not_after=ago(days=1))
    assert wrong(folder) == "cert_file tls.crt: certificate has expired"
    folder.renew(not_before=ago(days=-1), not_after=ago(days=-2))
    assert wrong(folder) == "cert_file tls.crt: certificate is not yet valid"
    folder.renew()
    assert wrong(folder, key_file="/nowhere/tls.key") == (
        "key_file /nowhere/tls.key: cannot be read: No such file or directory"
    )
    assert wrong(folder, cert_file="tls.key") == "cert_file tls.key: not PEM: there is no certificate in it"
    assert wrong(folder, key_file="tls.crt") == "key_file tls.crt: not PEM: there is no private key in it"
    assert wrong(folder, cert_file="ca.crt") == "key_file tls.key: the key does not fit cert_file ca.crt"
    (folder.path / "bad").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    mutual = MUTUAL | {"client_ca_file": "bad"}
    assert wrong(folder, **mutual) == "client_ca_file bad: a certificate in it cannot be read"
    assert wrong(folder, cert_file="bad").startswith("cert_file bad or key_file tls.key: cannot be read")
    (folder.path / "locked").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert wrong(folder, key_file="locked") == "key_file locked: the key has a passphrase; give one without"


async def test_a_handshake_that_never_ends_is_dropped(folder):
    """However it begins; it is counted, and leaves nothing behind."""
    async with a_site(web_file=folder.load(tls_server_config=TLS), head_seconds=0.1, **QUICK) as site:
        before, tasks = descriptors(), len(asyncio.all_tasks())
        for beginning in (b"", b"\x16\x03\x01\x02"):
            async with a_client(Plain(site), beginning) as (reader, _):
                assert await the_rest(reader) == b""
        await until(lambda: descriptors() == before)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        value = site.telemetry.registry.get_sample_value
        assert value("coderun_exporter_clients_refused_total", {"reason": "slow_handshake"}) == 2


async def test_silent_handshakes_make_room_for_who_comes(folder):
    """They count among the connections, so they keep nobody out."""
    web_file = folder.load(tls_server_config=TLS)
    async with a_site(web_file=web_file, connections=10, **QUICK) as site:
        writers = [
            (await asyncio.open_connection(*site.url.removeprefix("https://").split(":")))[1] for _ in range(30)
        ]
        assert (await ask(site.url, trust=folder.trust()))[0] == 200
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_connection_that_comes_and_goes_is_no_failed_handshake(folder):
    """As a probe of the port does."""
    async with a_site(web_file=folder.load(tls_server_config=TLS), **QUICK) as site:
        before = descriptors()
        async with a_client(Plain(site)) as (_, writer):
            writer.close()
        await until(lambda: descriptors() == before)
        assert refused(site) == 0


async def test_an_open_handshake_does_not_hold_up_the_end(folder):
    """Nor is anything left of it."""
    loop, tasks = asyncio.get_running_loop(), len(asyncio.all_tasks())
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        _, writer = await asyncio.open_connection(*site.url.removeprefix("https://").split(":"))
        await asyncio.sleep(0.05)
        begun = loop.time()
    assert loop.time() - begun < 0.5
    await until(lambda: len(asyncio.all_tasks()) == tasks)
    writer.transport.abort()
    await asyncio.sleep(0)


async def test_a_slow_reader_over_tls_is_dropped(folder):
    """It is seen to be slow, and what it does not take is not waited for."""
    web_file = folder.load(tls_server_config=TLS)
    async with a_site(Site(text=LINES * 200_000), web_file=web_file, answer_seconds=0.3, **QUICK) as site:
        before = descriptors()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else its kernel takes all of it
        slow.setblocking(False)
        host, port = site.url.removeprefix("https://").split(":")
        await asyncio.get_running_loop().sock_connect(slow, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=slow, ssl=folder.trust(), server_hostname=host, limit=1)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        value = site.telemetry.registry.get_sample_value
        await until(lambda: value("coderun_exporter_clients_refused_total", {"reason": "slow_reader"}) == 1)
        writer.transport.abort()
        await until(lambda: descriptors() <= before)
        assert reader
