"""The errors for responses that are not a plain 200."""

import email.utils
import time

import msgspec
import pytest

from exporter.kube import errors
from exporter.kube.responses import Details, Status, error_from_response, error_from_status


def retry_after(header):
    """The `retry_after` in seconds of a 429 with this header."""
    return error_from_response(429, {"Retry-After": header}, b"", path="/p").retry_after


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0.5", 0.5), ("-1", None), ("", None), ("soon", None), ("nan", None)]
)
def test_retry_after_in_seconds(header, seconds):
    """Text that is not a positive number is ignored."""
    assert retry_after(header) == seconds


def test_retry_after_as_a_date():
    """RFC 9110 allows both forms. A date in the past is ignored."""
    assert 25 < retry_after(email.utils.formatdate(time.time() + 30, usegmt=True)) <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") is None


def test_retry_after_can_be_in_the_body():
    """It is retryAfterSeconds of the Status. The header has precedence."""
    body = b'{"details":{"retryAfterSeconds":3}}'
    assert error_from_response(503, {}, body, path="/p").retry_after == 3
    assert error_from_response(503, {"Retry-After": "5"}, body, path="/p").retry_after == 5
    assert error_from_status(Status(code=429, details=Details(retryAfterSeconds=2)), path="/p").retry_after == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message":5}', b"\xff", b"[]"])
def test_without_a_status_object_the_error_has_the_reason_of_the_code(body):
    """A proxy can send any body."""
    error = error_from_response(503, {}, body, path="/p")
    assert isinstance(error, errors.ServerError)
    assert str(error) == "503 at /p: Service Unavailable"


def test_a_message_is_one_short_line():
    """It is logged and shown at `/`. Line breaks and escape sequences are removed, and its length is limited."""
    body = b'{"message":"a\\nb\\u001b[31mred\\u2028c' + b"x" * 5000 + b'"}'
    text = str(error_from_response(403, {}, body, path="/p"))
    assert text.startswith("403 at /p: a b [31mred")
    assert text.isprintable()
    assert len(text) < 400


def test_a_message_contains_no_credential():
    """The text that names the missing permission is kept."""
    text = 'User "system:serviceaccount:a:b" cannot list resource "jobs" in API group "batch" at the cluster scope'
    status = Status(message=f"jobs.batch is forbidden: {text}")
    assert str(error_from_status(status, path="/p")).endswith(text)
    for secret in ("Authorization: Bearer hunter2", "token: hunter2", "https://bot:hunter2@proxy:3128/ failed"):
        assert "hunter2" not in str(error_from_status(Status(message=secret), path="/p"))
        assert "hunter2" not in str(error_from_response(403, {}, msgspec.json.encode({"message": secret}), path="/p"))


def test_an_unknown_status_code_is_a_server_error():
    """A code below 400 is an invalid response."""
    assert isinstance(error_from_response(599, {}, b"", path="/p"), errors.ServerError)
    assert isinstance(error_from_response(418, {}, b"", path="/p"), errors.ServerError)
    assert isinstance(error_from_response(204, {}, b"", path="/p"), errors.InvalidResponseError)


def test_an_unknown_status_code_keeps_its_message():
    """Proxies use their own codes, such as 520."""
    assert (
        str(error_from_response(520, {}, b'{"message":"origin is down"}', path="/p")) == "520 at /p: origin is down"
    )
    assert str(error_from_response(520, {}, b"", path="/p")) == "520 at /p: unknown status"


def test_an_error_event_is_the_error_of_its_code():
    """The code 410 is a GoneError. Without a code it is a server error."""
    gone = error_from_status(Status(code=410, message="too old resource version: 245 (249)"), path="/p")
    assert isinstance(gone, errors.GoneError)
    assert str(gone) == "410 in the watch at /p: too old resource version: 245 (249)"
    assert isinstance(error_from_status(Status(reason="Expired"), path="/p"), errors.ServerError)
    assert "Expired" in str(error_from_status(Status(reason="Expired"), path="/p"))


def test_a_content_type_is_shown_on_one_line():
    """Its value is untrusted, like messages."""
    error = error_from_response(200, {"Content-Type": "text/\x1b[31mhtml\u2028" + "x" * 9000}, b"", path="/p")
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize("code", [-1, 7, 600, 12_345_678])
def test_a_code_that_is_no_http_status_is_other(code):
    """The code becomes a label value: otherwise a server could create a series for each integer."""
    assert error_from_status(Status(code=code), path="/p").code == "other"
