"""The server certificate is reloaded, and a certificate that cannot be used is reported."""

import aiohttp
import pytest

from exporter.web_config.format import WebConfigError
from tests.web.protected import MUTUAL, TLS, ago, certificate_serial
from tests.web.serving import a_site


async def test_a_new_certificate_is_used_for_new_connections(folder, caplog):
    """Open connections are not closed."""
    caplog.set_level("INFO")
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site, aiohttp.ClientSession() as session:
        async with session.get(f"{site.url}/livez", ssl=folder.trust()) as answer:
            await answer.read()
        before = await certificate_serial(site.url, folder.trust())
        assert await certificate_serial(site.url, folder.trust()) == before
        folder.renew()
        assert await certificate_serial(site.url, folder.trust()) != before
        async with session.get(f"{site.url}/livez", ssl=folder.trust()) as answer:
            assert answer.status == 200
    assert [record.message for record in caplog.records] == ["Reloaded web configuration"]


@pytest.mark.parametrize("fault", ["key", "garbage", "gone", "expired", "config", "plain"])
async def test_an_unusable_new_certificate_keeps_the_old_one_in_use(folder, caplog, fault):
    """It is logged once, however many connections are opened. A valid certificate is then used at once."""
    caplog.set_level("INFO")
    async with a_site(web_file=folder.load(tls_server_config=TLS)) as site:
        before = await certificate_serial(site.url, folder.trust())
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
            assert await certificate_serial(site.url, folder.trust()) == before
        (record,) = caplog.records
        assert record.message == "Failed to reload web configuration, keeping the previous one"
        folder.write(tls_server_config=TLS)
        folder.renew()
        assert await certificate_serial(site.url, folder.trust()) != before
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_certificate_that_is_not_valid_yet_is_used_as_soon_as_it_is(folder, monkeypatch, caplog):
    """The file does not change then, so the exporter tries to load it each minute. The failure is logged once."""
    web_file = folder.load(tls_server_config=TLS)
    before = web_file.now()
    folder.renew(not_before=ago(days=-1), not_after=ago(days=-2))
    for _ in range(200):
        assert web_file.now() is before
    assert len(caplog.records) == 1
    monkeypatch.setattr("exporter.web_config.tls._check_handshake", lambda _: None)  # a day later
    for _ in range(40):
        web_file.now()
    assert web_file.now() is not before


def wrong(folder, **tls):
    """The error for a file with this TLS configuration."""
    with pytest.raises(WebConfigError) as caught:
        folder.load(tls_server_config=TLS | tls)
    line = str(caught.value)
    assert line.isprintable()
    return line.replace(f"{folder.path}/", "")


def test_an_unusable_certificate_is_reported(folder):
    """The error names the file and the reason."""
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
    assert wrong(folder, cert_file="ca.crt") == "key_file tls.key: the key does not match cert_file ca.crt"
    (folder.path / "bad").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    mutual = MUTUAL | {"client_ca_file": "bad"}
    assert wrong(folder, **mutual) == "client_ca_file bad: a certificate in it cannot be read"
    assert wrong(folder, cert_file="bad").startswith("cert_file bad or key_file tls.key: cannot be read")
    (folder.path / "locked").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert wrong(folder, key_file="locked") == "key_file locked: the key has a passphrase; use a key without one"
