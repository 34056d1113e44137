"""`explain --from`: credentials that others could read, and flags that would have no effect, are errors."""

import pytest

from exporter.explaining.remote_url import may_send_credentials
from tests.commands.in_process import wrong

CREDENTIALS = (("--token-file", "t"), ("--user", "u"), ("--client-certificate", "c"))


@pytest.mark.parametrize("args", CREDENTIALS[:2])
@pytest.mark.parametrize("host", ["exporter.monitoring", "10.0.0.1:10911", "127.0.0.1.example.com", "localhost.com"])
def test_credentials_are_not_sent_in_clear_text(args, host):
    """Plain HTTP is permitted only to loopback, as with `kubectl port-forward`."""
    url = f"http://{host}"
    assert wrong("explain", "x", "--from", url, *args) == (
        f"{args[0]}: not over plain HTTP, which others can read: use https://"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        *((f"http://{host}", True) for host in ("127.0.0.1:1", "127.9.9.9", "localhost:1", "[::1]:1", "LOCALHOST")),
        ("https://exporter", True),
        *((f"http://{host}", False) for host in ("[::2]", "0.0.0.0", "127.1.example", "2130706433", "127.0.0.1@x")),
        ("http://127.0.0.1\\@x", False),
    ],
)
def test_credentials_are_sent_only_to_loopback_or_over_https(url, expected):
    """The address may have any spelling."""
    assert may_send_credentials(url) is expected


@pytest.mark.parametrize(
    ("args", "message"),
    [
        *(
            ((flag, "c"), f"{flag}: only with https://")
            for flag in ("--certificate-authority", "--client-certificate", "--client-key")
        ),
        (("--insecure-skip-tls-verify",), "--insecure-skip-tls-verify: only with https://"),
        (("--password-file", "p"), "--password-file: only with --user"),
        (("--token-file", "t", "--user", "u"), "--token-file: not with --user"),
        (("--user", "a:b"), "--user: 'a:b' must not have a colon"),
    ],
)
def test_flags_that_would_be_ignored_are_errors(args, message):
    """Each error is one line."""
    assert wrong("explain", "--from", "http://127.0.0.1:1", *args) == message


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/?token=x", "http://127.0.0.1:1#x", "https://x?"])
def test_a_url_has_no_query(url):
    """A query would be ignored, and may contain a credential: the error does not show it."""
    assert wrong("explain", "--from", url) == "--from: the URL must have no query (?) and no fragment (#)"


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://x:99999", "http:///x", "https://x:y"])
def test_a_url_that_cannot_be_used_is_one_line(url):
    """No request is sent."""
    assert wrong("explain", "--from", url) == f"--from: {url!r} is not a URL such as http://127.0.0.1:10911"


def test_a_key_needs_its_certificate():
    """The key alone would have no effect."""
    assert wrong("explain", "--from", "https://x", "--client-key", "k") == (
        "--client-key: only with --client-certificate"
    )


def test_flags_for_from_need_from():
    """This is also an error for a flag without a value."""
    assert wrong("explain", "--insecure-skip-tls-verify") == "--insecure-skip-tls-verify: only with --from"
