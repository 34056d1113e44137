"""TLS as the web configuration file says: real handshakes with the server on loopback."""

import asyncio
import collections
import ssl

import aiohttp
import pytest
import trustme

from exporter.web_config.format import WebConfigError
from exporter.web_config.tls import is_allowed
from tests.web.protected import MUTUAL, TLS, ask, refused
from tests.web.serving import LINES, Site, a_site

REFUSED = (aiohttp.ClientError, ConnectionError, ssl.SSLError)


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
            for path in ("/metrics", "/livez", "/nowhere"):
                assert (await ask(site.url, trust=folder.trust(*names), path=path))[0] == 403
        value = site.telemetry.registry.get_sample_value
        assert value("coderun_exporter_clients_refused_total", {"reason": "unauthorized"}) == 12


async def test_a_connection_is_refused_once_its_certificate_is_no_longer_allowed(folder):
    """Although it was opened before: the configuration of now counts for each request."""
    mutual = MUTUAL | {"client_allowed_sans": ["prometheus.example"]}
    async with (
        a_site(web_file=folder.load(tls_server_config=mutual)) as site,
        aiohttp.ClientSession() as session,
    ):
        trust = folder.trust("prometheus.example")
        for names, status in ((["prometheus.example"], 200), (["other.example"], 403)):
            folder.write(tls_server_config=mutual | {"client_allowed_sans": names})
            async with session.get(f"{site.url}/metrics", ssl=trust) as answer:
                assert answer.status == status
                await answer.read()


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
        ({"curve_preferences": ["CurveP521"], "max_version": "TLS12"}, {}, True),
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


def _supports_x25519():
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve("X25519")
    except (ssl.SSLError, ValueError):
        return False
    return True


async def test_x25519_is_used_where_python_supports_it(folder):
    """Debian's Python 3.11.2 does not: the error names the key, the version and the curve."""
    settings = TLS | {"curve_preferences": ["X25519"], "max_version": "TLS12"}
    if not _supports_x25519():
        with pytest.raises(WebConfigError, match=r"curve_preferences: Python 3.* does not support X25519$"):
            folder.load(tls_server_config=settings)
        return
    async with a_site(web_file=folder.load(tls_server_config=settings)) as site:
        assert (await ask(site.url, trust=folder.trust()))[0] == 200


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        ("CURVES", {"curve_preferences": ["CurveP256"]}, "curve_preferences: .* does not support CurveP256"),
        (
            "CIPHERS",
            {"cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]},
            "cipher_suites: .* does not support TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
    ],
)
def test_what_openssl_does_not_support_is_one_line(folder, monkeypatch, names, settings, message):
    """OpenSSL can be built or configured, as for FIPS, without some curves and ciphers."""
    monkeypatch.setattr(f"exporter.web_config.tls.{names}", collections.defaultdict(lambda: "none-of-that-name"))
    with pytest.raises(WebConfigError, match=message):
        folder.load(tls_server_config=TLS | settings)


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
