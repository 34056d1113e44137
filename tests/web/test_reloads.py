"""A truncated or invalid web configuration never removes protection, and removals must be explicit."""

import logging

import pytest

from tests.web.protected import CREDENTIALS, MUTUAL, PASSWORD_HASH, TLS, USERS, Clock, Folder, ask
from tests.web.serving import a_site

HEADERS = {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=31536000"}
COMPLETE = f"""tls_server_config:
  cert_file: tls.crt
  key_file: tls.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [prometheus.example]
  min_version: TLS13
http_server_config:
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  prometheus: {PASSWORD_HASH}
  grafana: {PASSWORD_HASH}
"""
BROKEN = {
    "emptied": "",
    "a comment": "# users\n",
    "null": "basic_auth_users:\n",
    "half a hash": f"basic_auth_users:\n  prometheus: {PASSWORD_HASH[:20]}",
    "zeros": "\0" * 100,
    "not YAML": "basic_auth_users: {",
    "another key": "basic_auth_user: {}\n",
}


class ReloadResults(list):
    """Records whether each reload was successful."""

    def __call__(self, *, successful):
        """The callback of WebFile."""
        self.append(successful)


def protects(protection):
    """The settings that protect the server, in a comparable form."""
    config = protection.config
    tls = config.tls_server_config
    return (
        tls and (tls.client_auth_type, tls.client_allowed_sans, tls.min_version),
        config.http_server_config.headers,
        set(config.basic_auth_users) - {"grafana"},
    )


@pytest.mark.parametrize("fault", BROKEN)
async def test_an_invalid_file_removes_no_password(tmp_path, caplog, fault):
    """It is logged once and shown in a metric. A valid file takes effect at once."""
    folder = Folder(tmp_path)
    file = folder.load(USERS)
    async with a_site(web_file=file) as site:
        file._on_reload = site.telemetry.web_config_reloaded
        (tmp_path / "web-config.yml").write_text(BROKEN[fault])
        for _ in range(3):
            assert (await ask(site.url))[0] == 401
        assert (await ask(site.url, headers=CREDENTIALS))[0] == 200
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert record.message == "Failed to reload web configuration, keeping the previous one"
        assert PASSWORD_HASH[:20] not in record.detail
        assert successful(site) == 0
        folder.write(USERS)
        assert (await ask(site.url))[0] == 401
        assert successful(site) == 1


def successful(site):
    """The value of coderun_exporter_web_config_last_reload_successful."""
    return site.telemetry.registry.get_sample_value("coderun_exporter_web_config_last_reload_successful")


async def test_a_deleted_file_removes_no_password(tmp_path):
    """For example, a Secret without its key, or a missing volume."""
    folder = Folder(tmp_path)
    async with a_site(web_file=folder.load(USERS)) as site:
        (tmp_path / "web-config.yml").unlink()
        assert (await ask(site.url))[0] == 401


def test_no_truncation_of_a_file_removes_protection(folder):
    """The file is truncated at every character."""
    path = folder.path / "web-config.yml"
    path.write_text(COMPLETE)
    reloads = ReloadResults()
    file = folder.load_text(COMPLETE, on_reload=reloads)
    whole = protects(file.now())
    for end in range(len(COMPLETE)):
        path.write_text(COMPLETE[:end])
        assert protects(file.now()) == whole, COMPLETE[:end]
    path.write_text(COMPLETE)
    file.now()
    assert reloads[-1]
    assert reloads.count(False) > 100


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (USERS, {}, "basic_auth_users is missing: write `basic_auth_users: {}` to remove it"),
        (
            {"tls_server_config": MUTUAL},
            {"tls_server_config": TLS},
            "tls_server_config.client_auth_type is missing: write `client_auth_type: NoClientCert` to remove it",
        ),
        (
            {"tls_server_config": MUTUAL | {"client_allowed_sans": ["x"]}},
            {"tls_server_config": MUTUAL},
            "tls_server_config.client_allowed_sans is missing: write `client_allowed_sans: []` to remove it",
        ),
        (
            {"tls_server_config": TLS | {"min_version": "TLS13"}},
            {"tls_server_config": TLS},
            "tls_server_config.min_version is missing: write `min_version: TLS12` to remove it",
        ),
        (
            {"http_server_config": {"headers": {"X-Frame-Options": "deny"}}},
            {},
            'http_server_config.headers.X-Frame-Options is missing: write `X-Frame-Options: ""` to remove it',
        ),
        ({"tls_server_config": TLS}, {}, "enabling or disabling TLS needs a restart"),
        ({}, {"tls_server_config": TLS}, "enabling or disabling TLS needs a restart"),
    ],
)
def test_a_missing_key_is_reported_with_the_way_to_remove_it(folder, caplog, before, after, line):
    """The previous configuration stays in force until the key is removed explicitly."""
    file = folder.load(before)
    old = file.now()
    folder.write(after)
    assert file.now() is old
    assert caplog.records[-1].detail == f"{folder.path}/web-config.yml: {line}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (USERS, {"basic_auth_users": {}}),
        ({"tls_server_config": MUTUAL}, {"tls_server_config": TLS | {"client_auth_type": "NoClientCert"}}),
        (
            {"tls_server_config": MUTUAL | {"client_allowed_sans": ["x"]}},
            {"tls_server_config": MUTUAL | {"client_allowed_sans": []}},
        ),
        (
            {"http_server_config": {"headers": HEADERS}},
            {"http_server_config": {"headers": dict.fromkeys(HEADERS, "")}},
        ),
        (USERS, {"basic_auth_users": {"other": PASSWORD_HASH}}),
    ],
)
def test_an_explicit_removal_takes_effect(folder, before, after):
    """The key is set to its empty or default value. After that it can be omitted."""
    file = folder.load(before)
    folder.write(after)
    new = file.now()
    assert protects(new) != protects(folder.load(before, name="old.yml").now())
    folder.write({name: section for name, section in after.items() if section and name == "tls_server_config"})
    assert file.now() is not new or "other" in new.config.basic_auth_users


def test_at_startup_an_empty_file_protects_nothing(tmp_path):
    """This is the behavior of exporter-toolkit. Protection can be added later."""
    folder = Folder(tmp_path)
    file = folder.load_text("", clock=Clock())
    assert file.now().config.basic_auth_users == {}
    assert not file.protects
    folder.write(USERS)
    assert file.now().config.basic_auth_users
    assert file.protects
