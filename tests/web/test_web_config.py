"""The web configuration file: its valid content, and one error line for invalid content."""

import re
import time
from pathlib import Path

import bcrypt
import pytest
import yaml

from exporter.web_config.format import CIPHERS, HttpServer, TlsServer, WebConfig, WebConfigError
from exporter.web_config.reading import parse, read
from tests.commands.in_process import logs_as_before, wrong
from tests.web.protected import CREDENTIALS, PASSWORD_HASH, USERS, Folder, ask, basic
from tests.web.serving import Site, a_site

__all__ = ["logs_as_before"]

FOLDER = Path("/etc/exporter")
FILES = "cert_file: a, key_file: b"
MUTUAL = f"{FILES}, client_ca_file: c, client_auth_type: RequireAndVerifyClientCert"


def parse_config(text):
    """Parses a text as the configuration of the directory FOLDER."""
    return parse(text, folder=FOLDER)


def test_an_empty_file_protects_nothing():
    """The exporters of Prometheus do the same."""
    for text in ("", "# nothing\n", "{}"):
        assert parse_config(text) == WebConfig()


def test_relative_paths_are_relative_to_the_file():
    """Absolute paths are unchanged."""
    tls = parse_config(f"tls_server_config: {{{FILES}}}").tls_server_config
    assert (tls.cert_file, tls.key_file, tls.client_ca_file) == ("/etc/exporter/a", "/etc/exporter/b", "")
    tls = parse_config("tls_server_config: {cert_file: /x/a, key_file: ../b}").tls_server_config
    assert tls.files == ("/x/a", "/etc/exporter/../b")


def test_every_key_is_supported():
    """Each key has a valid value of the format."""
    text = f"""
        tls_server_config:
          cert_file: /a
          key_file: /b
          client_auth_type: RequireAndVerifyClientCert
          client_ca_file: /c
          client_allowed_sans: [prometheus.example]
          min_version: TLS13
          max_version: TLS13
          cipher_suites: {list(CIPHERS)}
          prefer_server_cipher_suites: false
          curve_preferences: [X25519]
        http_server_config:
          http2: false
          headers:
            Content-Security-Policy: default-src 'none'
            X-Frame-Options: deny
            X-Content-Type-Options: nosniff
            X-XSS-Protection: ""
            Strict-Transport-Security: max-age=3600
        basic_auth_users:
          alice: {PASSWORD_HASH}
    """
    config = parse_config(text)
    assert set(yaml.safe_load(text)["tls_server_config"]) == set(TlsServer.__struct_fields__)
    assert set(yaml.safe_load(text)["http_server_config"]) == set(HttpServer.__struct_fields__)
    assert set(yaml.safe_load(text)) == set(WebConfig.__struct_fields__)
    assert config.tls_server_config.client_allowed_sans == ("prometheus.example",)
    assert config.basic_auth_users == {"alice": PASSWORD_HASH}
    assert PASSWORD_HASH not in repr(config)


def test_the_example_of_the_documentation_is_valid():
    """Its password is the documented one."""
    example = Path(__file__).resolve().parents[2] / "docs/web-config.yml"
    config = read(example)
    assert config.tls_server_config.cert_file == str(example.parent / "tls.crt")
    assert bcrypt.checkpw(b"change-me", config.basic_auth_users["prometheus"].encode())


@pytest.mark.parametrize("kind", ["2a", "2b", "2y"])
def test_hashes_of_every_tool_are_accepted(kind):
    """The letter depends on the tool that created the hash."""
    assert parse_config(f"basic_auth_users: {{alice: ${kind}{PASSWORD_HASH[3:]}}}").basic_auth_users


WRONG = {
    "a: [": "line 1: not YAML: ",
    "\t": "line 1: not YAML: found character",
    "a: 2020-13-45": "not YAML: it cannot be read",
    "[]": "the file: expected a mapping, got a list",
    "tls_config: {}": "unknown key 'tls_config'; did you mean 'tls_server_config'?",
    "zzz: {}": "unknown key 'zzz'; known here: tls_server_config, http_server_config, basic_auth_users",
    "tls_server_config: {cert: x}": "tls_server_config.cert: inline certificates are not supported",
    "tls_server_config: {key: x}": "tls_server_config.key: inline keys are not supported",
    "tls_server_config: {client_ca: x}": "tls_server_config.client_ca: inline CA certificates are not supported",
    "rate_limit: {}": "rate_limit: is not supported: --web.max-requests limits",
    "tls_server_config:": "tls_server_config: expected a mapping, got null",
    "tls_server_config: {}": "tls_server_config.cert_file is missing",
    "tls_server_config: {cert_file: a}": "tls_server_config.key_file is missing",
    "tls_server_config: {certfile: a}": "unknown key 'tls_server_config.certfile'; did you mean 'cert_file'?",
    "tls_server_config: {cert_file: 1}": "tls_server_config.cert_file: expected str, got int",
    f"tls_server_config: {{{FILES}, client_auth_type: Yes}}": "tls_server_config.client_auth_type: expected str",
    f"tls_server_config: {{{FILES}, client_auth_type: Maybe}}": "client_auth_type: Invalid enum value 'Maybe'",
    f"tls_server_config: {{{FILES}, min_version: TLS10}}": "min_version: TLS10 is not supported: use TLS12 or",
    f"tls_server_config: {{{FILES}, max_version: TLS11}}": "max_version: TLS11 is not supported",
    f"tls_server_config: {{{FILES}, min_version: TLS13, max_version: TLS12}}": "min_version TLS13 is above max",
    f"tls_server_config: {{{FILES}, cipher_suites: [ROT13]}}": "cipher_suites: 'ROT13' is not known; known: TLS",
    f"tls_server_config: {{{FILES}, max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]}}": "none of them is",
    f"tls_server_config: {{{FILES}, curve_preferences: [P]}}": "'P' is not known; known: CurveP256, CurveP384",
    f"tls_server_config: {{{FILES}, curve_preferences: [CurveP256, X25519]}}": "only one curve is supported",
    f"tls_server_config: {{{FILES}, client_ca_file: c}}": "client_ca_file needs a client_auth_type: use Require",
    f"tls_server_config: {{{FILES}, client_auth_type: RequireAndVerifyClientCert}}": "needs a client_ca_file",
    f"tls_server_config: {{{FILES}, client_auth_type: RequestClientCert}}": "use VerifyClientCertIfGiven",
    f"tls_server_config: {{{FILES}, client_auth_type: RequireAnyClientCert}}": "use RequireAndVerifyClientCert",
    f"tls_server_config: {{{FILES}, client_allowed_sans: [x]}}": "client_allowed_sans needs the client_auth_type",
    f"tls_server_config: {{{MUTUAL}, client_allowed_sans: x}}": "client_allowed_sans: expected a list, got str",
    "http_server_config: {header: {}}": "unknown key 'http_server_config.header'; did you mean 'headers'?",
    "http_server_config: {headers: {Server: x}}": "headers: 'Server' cannot be set; these can: Content-Security",
    "http_server_config: {headers: {X-Frame-Options: no}}": "http_server_config.headers: expected str, got bool",
    "http_server_config: {headers: {X-Frame-Options: all}}": "X-Frame-Options: expected deny or sameorigin, got",
    'http_server_config: {headers: {X-XSS-Protection: "1\\r\\nEvil: 1"}}': "expected one line of ASCII text",
    f"basic_auth_users: {{a: {PASSWORD_HASH}}}\nbasic_auth_users: {{}}": "line 2: not YAML: duplicate key ",
    f"basic_auth_users: {{a: {PASSWORD_HASH}, a: {PASSWORD_HASH}}}": "line 1: not YAML: duplicate key 'a'",
    "basic_auth_users:": "basic_auth_users: expected a mapping, got null",
    "basic_auth_users: {alice: }": "basic_auth_users: expected str, got null",
    "basic_auth_users: {1: x}": "basic_auth_users: each name must be a string: put it in quotes",
    "basic_auth_users: {alice: tell-nobody}": "basic_auth_users.alice: not a bcrypt hash, which begins with $2y$",
    f"basic_auth_users: {{alice: {PASSWORD_HASH[:-1]}}}": "basic_auth_users.alice: not a bcrypt hash",
    f"basic_auth_users: {{alice: $2b$04${'a' * 53}}}": "basic_auth_users.alice: not a bcrypt hash",
    f"basic_auth_users: {{alice: $2b$15{PASSWORD_HASH[6:]}}}": "the cost of its bcrypt hash is 15: expected 4 to 14",
    f"basic_auth_users: {{alice: $2b$03{PASSWORD_HASH[6:]}}}": "the cost of its bcrypt hash is 3: expected 4 to 14",
    f"basic_auth_users: {{'a:b': {PASSWORD_HASH}}}": "basic_auth_users.a:b: expected a user name without a colon",
    f"basic_auth_users: {{'': {PASSWORD_HASH}}}": "basic_auth_users.: expected a user name",
    f'basic_auth_users: {{"a\\n": {PASSWORD_HASH[:9]}}}': "basic_auth_users.'a\\n': not a bcrypt hash",
}


@pytest.mark.parametrize("text", WRONG)
def test_an_invalid_file_is_one_line(text):
    """The error names the key and what is valid. It contains no hash and no password."""
    with pytest.raises(WebConfigError, match=re.escape(WRONG[text])) as caught:
        parse_config(text)
    assert str(caught.value).isprintable()
    assert PASSWORD_HASH[:20] not in str(caught.value)
    assert "tell-nobody" not in str(caught.value)


def test_an_unreadable_file_is_one_line(tmp_path):
    """The file does not exist, is a directory, or is not UTF-8."""
    with pytest.raises(WebConfigError, match=f"^{tmp_path}/no: cannot be read: No such file or directory$"):
        read(tmp_path / "no")
    with pytest.raises(WebConfigError, match=f"^{tmp_path}: cannot be read: Is a directory$"):
        read(tmp_path)
    (tmp_path / "latin1").write_bytes(b"\xe9")
    with pytest.raises(WebConfigError, match=r"latin1: cannot be read: it is not UTF-8 text$"):
        read(tmp_path / "latin1")


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize("source", ["flag", "setting"])
def test_the_exporter_does_not_start_with_an_invalid_file(tmp_path, source):
    """One line is printed, and the exit code is 2."""
    (tmp_path / "web.yml").write_text("tls_server_config: {}\n")
    (tmp_path / "exporter.yml").write_text(f"web: {{config_file: {tmp_path}/web.yml}}\n")
    words = (
        [f"--web.config.file={tmp_path}/web.yml"] if source == "flag" else [f"--config.file={tmp_path}/exporter.yml"]
    )
    assert wrong("run", *words) == f"{tmp_path}/web.yml: tls_server_config.cert_file is missing"


async def test_headers_are_set_on_every_response(tmp_path):
    """This includes errors. Empty headers are not sent."""
    headers = {"X-Frame-Options": "deny", "X-XSS-Protection": ""}
    file = Folder(tmp_path).load(USERS, http_server_config={"headers": headers})
    async with a_site(web_file=file) as site:
        for path, status in (("/metrics", 401), ("/livez", 200), ("/nowhere", 401)):
            status_code, response_headers = await ask(site.url, path=path)
            assert (status_code, response_headers["X-Frame-Options"]) == (status, "deny")
            assert "X-XSS-Protection" not in response_headers


async def test_users_are_reloaded_when_the_file_changes(tmp_path):
    """A removed user is rejected at once."""
    folder = Folder(tmp_path)
    async with a_site(Site(), web_file=folder.load(USERS)) as site:
        assert (await ask(site.url, headers=CREDENTIALS))[0] == 200
        folder.write(basic_auth_users={"other": PASSWORD_HASH})
        assert (await ask(site.url, headers=CREDENTIALS))[0] == 401
        assert (await ask(site.url, headers=basic("other", "tell-nobody")))[0] == 200
        folder.write(basic_auth_users={"other": "no hash"})
        assert (await ask(site.url, headers=basic("other", "tell-nobody")))[0] == 200


def test_files_are_checked_once_a_second(tmp_path):
    """They are not checked for each request."""
    now = time.monotonic()
    folder = Folder(tmp_path)
    file = folder.load(USERS, clock=lambda: now)
    folder.write(basic_auth_users={})
    assert file.now().config.basic_auth_users
    now += 1
    assert not file.now().config.basic_auth_users
