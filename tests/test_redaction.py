"""Credentials in free text from the cluster are redacted, and the rest of the text is kept."""

import itertools
import pathlib

import pytest

from exporter.untrusted import redact_message

HERE = pathlib.Path(__file__).parent / "redaction"
# These values do not look like tokens: only the text before them marks them as credentials.
VALUES = ["hunter", "S3CRET", "4321", "Sommer2024!", "correcthorse", "x7k2p9qw", "Tr0ub4dor&3"]
CONTEXTS = ["{}", "clone failed: {}", "{} (attempt 3)", "x={}, y=2", "{}: 401", "2 runs, {} and more"]


def lines(name):
    """The lines of a file, without comments."""
    return [line for line in (HERE / name).read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("form", lines("forms.txt"))
def test_a_value_after_the_name_of_a_credential_is_redacted(form):
    """Each usual notation is tested with text around it and with values that do not look like tokens."""
    for value, context in itertools.product(VALUES, CONTEXTS):
        shown = redact_message(context.replace("{}", form.replace("\\n", "\n").replace("VALUE", value)))
        assert value not in shown, (form, value, shown)


@pytest.mark.parametrize("cause", lines("causes.txt"))
def test_the_text_of_a_cause_is_kept(cause):
    """Users need this text. It is only truncated to 200 characters."""
    assert redact_message(cause) == cause[:200]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password: correct horse battery staple is wrong", "password: REDACTED is wrong"),
        (
            "image registry.example/o/x@sha256:" + "0a" * 32 + " not found",
            "image registry.example/o/x@sha256 not found",
        ),
        ("passphrase: recover record region", "passphrase: REDACTED record region"),
        ("fatal: 'https://bot:S3CRET@git.example/o/r/': 403", "fatal: 'git.example/o/r': 403"),
        ("token: 401 Unauthorized", "token: 401 Unauthorized"),
        ("token expired: FOO_TOKEN=x1, retry 3", "token expired: FOO_TOKEN=REDACTED retry 3"),
        (
            'Post "https://injector.istio-system.svc:443/inject?timeout=10s": connection refused',
            'Post "injector.istio-system.svc:443/inject": connection refused',
        ),
        ("Get https://git.example/o/r?timeout=hunter: 403", "Get REDACTED: 403"),
        ("word dXNlcjpwYXNz and Tr0ub4dor3 here", "word REDACTED and REDACTED here"),
    ],
)
def test_the_text_around_a_credential_is_kept(text, shown):
    """Only the value is replaced."""
    assert redact_message(text) == shown


def test_a_truncated_credential_is_redacted():
    """An address that is cut at the limit could be mistaken for a host and a path."""
    for length in range(100, 440):
        assert "hunter" not in redact_message(
            "w" + " w" * (length // 2) + " https://bot:4321/hunter/" + "x/" * 9 + "@git.example/o"
        )
