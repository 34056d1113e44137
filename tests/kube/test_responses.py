"""What an answer that is not a plain 200 means."""

import email.utils
import time

import msgspec
import pytest

from exporter.kube import errors
from exporter.kube.responses import Details, Status, error_from_response, error_from_status


def wish(retry_after):
    """The seconds that a 429 with this header asks for."""
    return error_from_response(429, {"Retry-After": retry_after}, b"", path="/p").retry_after


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0.5", 0.5), ("-1", None), ("", None), ("soon", None), ("nan", None)]
)
def test_retry_after_in_seconds(header, seconds):
    """What cannot be read, or is no time to wait, is no wish."""
    assert wish(header) == seconds


def test_retry_after_as_a_date():
    """RFC 9110 allows both; one that has passed is no wish."""
    assert 25 < wish(email.utils.formatdate(time.time() + 30, usegmt=True)) <= 30
    assert wish("Wed, 21 Oct 2015 07:28:00 GMT") is None


def test_retry_after_may_stand_in_the_body():
    """As retryAfterSeconds of the Status; the header goes first."""
    body = b'{"details":{"retryAfterSeconds":3}}'
    assert error_from_response(503, {}, body, path="/p").retry_after == 3
    assert error_from_response(503, {"Retry-After": "5"}, body, path="/p").retry_after == 5
    assert error_from_status(Status(code=429, details=Details(retryAfterSeconds=2)), path="/p").retry_after == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message":5}', b"\xff", b"[]"])
def test_a_body_that_is_no_status_leaves_the_code_to_speak(body):
    """Whatever a proxy sends."""
    error = error_from_response(503, {}, body, path="/p")
    assert isinstance(error, errors.ServerError)
    assert str(error) == "503 at /p: Service Unavailable"


def test_a_message_is_one_short_line():
    """It goes to logs and pages: no line ends, no escape sequences, no end without end."""
    body = b'{"message":"a\\nb\\u001b[31mred\\u2028c' + b"x" * 5000 + b'"}'
    text = str(error_from_response(403, {}, body, path="/p"))
    assert text.startswith("403 at /p: a b [31mred")
    assert text.isprintable()
    assert len(text) < 400


def test_a_message_of_the_api_server_holds_no_credential():
    """It is on the page at `/` and in the log. What says which permission is missing stays."""
    words = 'User "system:serviceaccount:a:b" cannot list resource "jobs" in API group "batch" at the cluster scope'
    said = Status(message=f"jobs.batch is forbidden: {words}")
    assert str(error_from_status(said, path="/p")).endswith(words)
    for secret in ("Authorization: Bearer hunter2", "token: hunter2", "https://bot:hunter2@proxy:3128/ failed"):
        assert "hunter2" not in str(error_from_status(Status(message=secret), path="/p"))
        assert "hunter2" not in str(error_from_response(403, {}, msgspec.json.encode({"message": secret}), path="/p"))


def test_an_unknown_status_is_the_servers_trouble():
    """As is any 5xx; what is below 400 is no answer of Kubernetes'."""
    assert isinstance(error_from_response(599, {}, b"", path="/p"), errors.ServerError)
    assert isinstance(error_from_response(418, {}, b"", path="/p"), errors.ServerError)
    assert isinstance(error_from_response(204, {}, b"", path="/p"), errors.InvalidResponseError)


def test_an_unknown_status_keeps_the_words_that_came_with_it():
    """Proxies have codes of their own, such as 520."""
    assert (
        str(error_from_response(520, {}, b'{"message":"origin is down"}', path="/p")) == "520 at /p: origin is down"
    )
    assert str(error_from_response(520, {}, b"", path="/p")) == "520 at /p: unknown status"


def test_an_error_in_a_watch_is_the_error_of_its_code():
    """410 in an ERROR event is the 410 of HTTP; without a code it is the server's trouble."""
    gone = error_from_status(Status(code=410, message="too old resource version: 245 (249)"), path="/p")
    assert isinstance(gone, errors.GoneError)
    assert str(gone) == "410 in the watch at /p: too old resource version: 245 (249)"
    assert isinstance(error_from_status(Status(reason="Expired"), path="/p"), errors.ServerError)
    assert "Expired" in str(error_from_status(Status(reason="Expired"), path="/p"))


def test_a_content_type_is_shown_on_one_line():
    """It comes from whoever answers, as the messages do."""
    error = error_from_response(200, {"Content-Type": "text/\x1b[31mhtml\u2028" + "x" * 9000}, b"", path="/p")
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize("code", [-1, 7, 600, 12_345_678])
def test_a_code_that_http_does_not_have_is_other(code):
    """It becomes a label: a hostile server could make a series for each integer."""
    assert error_from_status(Status(code=code), path="/p").code == "other"
