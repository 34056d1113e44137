"""A web configuration that is emptied, cut or half-written takes no protection away; what is removed is said."""

import logging

import pytest

from tests.web.protected import HASHED, ME, MUTUAL, TLS, USERS, Clock, Folder, ask
from tests.web.serving import a_site

HEADERS = {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=31536000"}
WHOLE = f"""tls_server_config:
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
  prometheus: {HASHED}
  grafana: {HASHED}
"""
BROKEN = {
    "emptied": "",
    "a comment": "# users\n",
    "null": "basic_auth_users:\n",
    "half a hash": f"basic_auth_users:\n  prometheus: {HASHED[:20]}",
    "zeros": "\0" * 100,
    "not YAML": "basic_auth_users: {",
    "another key": "basic_auth_user: {}\n",
}


class Reloads(list):
    """Whether each reload was successful."""

    def __call__(self, *, successful):
        """As WebFile calls it."""
        self.append(successful)


def protects(protection):
    """All that protects, in one comparable form."""
    config = protection.config
    tls = config.tls_server_config
    return (
        tls and (tls.client_auth_type, tls.client_allowed_sans, tls.min_version),
        config.http_server_config.headers,
        set(config.basic_auth_users) - {"grafana"},
    )


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_file_takes_no_password_away(tmp_path, caplog, fault):
    """It is one log line and a metric; mended, it is in force at once."""
    folder = Folder(tmp_path)
    file = folder.load(USERS)
    async with a_site(web_file=file) as site:
        file._on_reload = site.telemetry.web_config_reloaded
        (tmp_path / "web-config.yml").write_text(BROKEN[fault])
        for _ in range(3):
            assert (await ask(site.url))[0] == 401
        assert (await ask(site.url, headers=ME))[0] == 200
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert record.message == "Failed to reload web configuration, keeping the previous one"
        assert HASHED[:20] not in record.detail
        assert successful(site) == 0
        folder.write(USERS)
        assert (await ask(site.url))[0] == 401
        assert successful(site) == 1


def successful(site):
    """The metric."""
    return site.telemetry.registry.get_sample_value("coderun_exporter_web_config_last_reload_successful")


async def test_a_file_that_vanishes_takes_no_password_away(tmp_path):
    """A Secret without its key, a volume that is gone."""
    folder = Folder(tmp_path)
    async with a_site(web_file=folder.load(USERS)) as site:
        (tmp_path / "web-config.yml").unlink()
        assert (await ask(site.url))[0] == 401


def test_no_cut_of_a_file_takes_protection_away(folder):
    """At any character: what is in force afterwards protects as before."""
    path = folder.path / "web-config.yml"
    path.write_text(WHOLE)
    reloads = Reloads()
    file = folder.load_text(WHOLE, on_reload=reloads)
    whole = protects(file.now())
    for end in range(len(WHOLE)):
        path.write_text(WHOLE[:end])
        assert protects(file.now()) == whole, WHOLE[:end]
    path.write_text(WHOLE)
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
def test_what_is_missing_is_named_with_the_way_to_remove_it(folder, caplog, before, after, line):
    """And stays in force until that is written."""
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
        (USERS, {"basic_auth_users": {"other": HASHED}}),
    ],
)
def test_what_is_said_is_removed(folder, before, after):
    """By the key with its empty or default value; then the key can go as well."""
    file = folder.load(before)
    folder.write(after)
    new = file.now()
    assert protects(new) != protects(folder.load(before, name="old.yml").now())
    folder.write({name: section for name, section in after.items() if section and name == "tls_server_config"})
    assert file.now() is not new or "other" in new.config.basic_auth_users


def test_at_the_start_an_empty_file_protects_nothing(tmp_path):
    """As exporter-toolkit takes it; protection can be added later."""
    folder = Folder(tmp_path)
    file = folder.load_text("", clock=Clock())
    assert file.now().config.basic_auth_users == {}
    assert not file.protects
    folder.write(USERS)
    assert file.now().config.basic_auth_users
    assert file.protects
