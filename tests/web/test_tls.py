"""The TLS settings of the web configuration, with real handshakes on loopback."""

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

CONNECTION_ERRORS = (aiohttp.ClientError, ConnectionError, ssl.SSLError)


async def test_metrics_are_served_over_tls(folder):
    """The response is complete, and the reported URL begins with https."""
    async with a_site(Site(text=LINES * 50_000), web_file=folder.load(tls_server_config=TLS)) as site:
        assert site.url.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(f"{site.url}/metrics", ssl=folder.trust()) as answer:
                    assert LINES * 50_000 in await answer.text()


async def test_a_request_that_arrives_with_the_end_of_the_handshake_is_served(folder):
    """Its bytes may arrive before the server has processed the end of the handshake."""
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        for _ in range(20):
            reader, writer = await asyncio.open_connection(
                *site.url.removeprefix("https://").split(":"), ssl=folder.trust(), server_hostname="127.0.0.1"
            )
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
            writer.close()
            await writer.wait_closed()


async def test_a_client_without_a_required_certificate_is_rejected(folder, caplog):
    """A certificate of another CA is rejected too."""
    other_authority = trustme.CA(organization_name="other")
    async with a_site(web_file=folder.load(tls_server_config=MUTUAL)) as site:
        for trust in (folder.trust(), folder.trust("me.example", authority=other_authority)):
            with pytest.raises(CONNECTION_ERRORS):
                await ask(site.url, trust=trust)
        assert (await ask(site.url, trust=folder.trust("me.example")))[0] == 200
        assert refused(site) >= 2  # aiohttp repeats the request
    (record,) = [record for record in caplog.records if hasattr(record, "detail")]
    assert record.detail == "peer did not return a certificate"


async def test_an_optional_client_certificate_must_be_valid(folder):
    """The setting is VerifyClientCertIfGiven."""
    mutual = MUTUAL | {"client_auth_type": "VerifyClientCertIfGiven"}
    async with a_site(web_file=folder.load(tls_server_config=mutual)) as site:
        assert (await ask(site.url, trust=folder.trust()))[0] == 200
        assert (await ask(site.url, trust=folder.trust("me.example")))[0] == 200
        with pytest.raises(CONNECTION_ERRORS):
            await ask(site.url, trust=folder.trust("me.example", authority=trustme.CA()))


async def test_only_allowed_names_of_client_certificates_are_accepted(folder):
    """One of the names of the certificate must be equal to an allowed name."""
    mutual = MUTUAL | {"client_allowed_sans": ["prometheus.example", "::1"]}
    async with a_site(web_file=folder.load(tls_server_config=mutual)) as site:
        for names in (("prometheus.example",), ("x.example", "prometheus.example"), ("::1",)):
            assert (await ask(site.url, trust=folder.trust(*names)))[0] == 200
        for names in (("evil-prometheus.example",), ("prometheus.example.evil",), ("*.example",), ("127.0.0.1",)):
            for path in ("/metrics", "/livez", "/nowhere"):
                assert (await ask(site.url, trust=folder.trust(*names), path=path))[0] == 403
        value = site.telemetry.registry.get_sample_value
        assert value("coderun_exporter_clients_refused_total", {"reason": "unauthorized"}) == 12


async def test_a_connection_is_rejected_once_its_certificate_is_no_longer_allowed(folder):
    """The current configuration applies to each request, also on connections that were opened before."""
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


def test_each_type_of_name_can_be_allowed():
    """The format is that of Go. An empty list allows every certificate; otherwise a name is required."""
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
async def test_versions_ciphers_and_curves_are_enforced(folder, settings, client, good):
    """The handshake fails if the client supports none of the configured ones."""
    trust = folder.trust()
    for name, value in client.items():
        setattr(trust, name, value)
    async with a_site(web_file=folder.load(tls_server_config=TLS | settings)) as site:
        if good:
            assert (await ask(site.url, trust=trust))[0] == 200
        else:
            with pytest.raises(CONNECTION_ERRORS):
                await ask(site.url, trust=trust)


def _supports_x25519():
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve("X25519")
    except (ssl.SSLError, ValueError):
        return False
    return True


async def test_x25519_is_used_where_python_supports_it(folder):
    """Python 3.11.2 of Debian does not. The error has the key, the version and the curve."""
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
def test_unsupported_curves_and_ciphers_are_one_line(folder, monkeypatch, names, settings, message):
    """OpenSSL may be built without some of them, for example for FIPS."""
    monkeypatch.setattr(f"exporter.web_config.tls.{names}", collections.defaultdict(lambda: "none-of-that-name"))
    with pytest.raises(WebConfigError, match=message):
        folder.load(tls_server_config=TLS | settings)


async def test_the_configured_cipher_is_used(folder):
    """The file contains the name that Go uses."""
    settings = TLS | {"max_version": "TLS12", "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]}
    async with a_site(web_file=folder.load(tls_server_config=settings)) as site:
        _, writer = await asyncio.open_connection(
            *site.url.removeprefix("https://").split(":"), ssl=folder.trust(), server_hostname="127.0.0.1"
        )
        assert writer.get_extra_info("cipher")[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"
        writer.transport.abort()
        await asyncio.sleep(0)
