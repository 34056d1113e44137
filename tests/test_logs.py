"""Each log record is one line, whatever it contains."""

import json
import logging
import re

import pytest

from exporter import logs


@pytest.fixture(autouse=True)
def _restored():
    """Restores the loggers after each test."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before = root.level, root.handlers[:], server.level
    yield
    root.handlers[:] = before[1]
    root.setLevel(before[0])
    server.setLevel(before[2])


def log_and_lines(capsys, *, form="logfmt", level="info"):
    """Sets up logging. Returns a logger, and a function that returns the logged lines without their time."""
    logs.set_up(level=level, form=form)

    def lines():
        out, err = capsys.readouterr()
        assert out == ""
        return [re.sub(r"^time=\S+Z |", "", line) for line in err.split("\n")[:-1]]

    return logging.getLogger("exporter.test"), lines


def test_a_line_has_time_level_message_and_fields(capsys):
    """The time is in UTC with milliseconds, as in the logs of Prometheus."""
    logs.set_up(level="info", form="logfmt")
    record = logging.makeLogRecord(
        {"levelname": "INFO", "levelno": logging.INFO, "msg": "started %s", "args": ("x",), "port": 10911}
    )
    record.created, record.msecs = 1_760_000_000.0625, 62.5
    logging.getLogger().handle(record)
    assert capsys.readouterr().err == 'time=2025-10-09T08:53:20.062Z level=INFO msg="started x" port=10911\n'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("word", "word"),
        (7, "7"),
        (None, "None"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "no"', '"say \\"no\\""'),
        ("C:\\new", '"C:\\\\new"'),
        ("one\ntwo\r\x00", '"one\\ntwo\\r\\u0000"'),
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("ünï", '"\\u00fcn\\u00ef"'),
        ("a\u2028b\x85", '"a\\u2028b\\u0085"'),
        ("\ud800", '"\\ud800"'),
        (["a", 1], "\"['a', 1]\""),
    ],
)
def test_a_value_stays_inside_its_quotes(capsys, value, written):
    """A name from the cluster can neither start a new line nor add a field."""
    log, lines = log_and_lines(capsys)
    log.info("m", extra={"detail": value})
    assert lines() == [f"level=INFO msg=m detail={written}"]


def test_a_message_stays_inside_its_quotes(capsys):
    """The message may contain text from a server."""
    log, lines = log_and_lines(capsys)
    log.info("it said: %s", 'x"\nlevel=ERROR')
    assert lines() == ['level=INFO msg="it said: x\\"\\nlevel=ERROR"']


def test_json_lines_have_the_same_fields(capsys):
    """Each record is one line. Numbers remain numbers; all other values are text."""
    log, lines = log_and_lines(capsys, form="json")
    log.warning("two\nlines", extra={"detail": 'a"b', "count": 3, "flag": True})
    (line,) = lines()
    fields = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields == {"level": "WARN", "msg": "two\nlines", "detail": 'a"b', "count": 3, "flag": "True"}


@pytest.mark.parametrize("form", logs.FORMATS)
def test_an_exception_is_logged_in_one_line_with_its_traceback(capsys, form):
    """The traceback is in the field `error`. Records without an exception do not have this field."""
    log, lines = log_and_lines(capsys, form=form)
    try:
        int("bad\nthing")
    except ValueError:
        log.exception("failed")
    log.error("failed", exc_info=(None, None, None))
    first, second = lines()
    assert "ValueError: invalid literal for int() with base 10: " in first
    assert "Traceback (most recent call last)" in first
    assert "error" not in second.replace("ERROR", "")


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("debug", ["DEBUG", "INFO", "WARN", "ERROR", "ERROR"]),
        ("info", ["INFO", "WARN", "ERROR", "ERROR"]),
        ("warn", ["WARN", "ERROR", "ERROR"]),
        ("error", ["ERROR", "ERROR"]),
    ],
)
def test_records_below_the_level_are_not_logged(capsys, level, logged):
    """The names of the levels are those of Prometheus."""
    log, lines = log_and_lines(capsys, level=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(number, "m")
    assert lines() == [f"level={name} msg=m" for name in logged]
    assert level in logs.LEVELS


def test_a_second_setup_replaces_the_first(capsys):
    """No line is written twice."""
    logs.set_up(level="error", form="json")
    log, lines = log_and_lines(capsys)
    log.info("m")
    assert lines() == ["level=INFO msg=m"]


def test_errors_of_the_http_server_are_not_logged(capsys):
    """The library aiohttp logs an error for each malformed request, so clients could fill the log."""
    _, lines = log_and_lines(capsys, level="debug")
    logging.getLogger("aiohttp.server").error("Error handling request")
    assert lines() == []


def test_without_a_setup_a_record_is_one_line_too(capsys):
    """Commands such as `check` do not set up logging. Informational records are not shown."""
    logs.set_up_fallback()
    record = logging.makeLogRecord({"levelname": "ERROR", "levelno": logging.ERROR, "msg": "a\nb", "object": "x\ny"})
    try:
        int("bad")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    logging.lastResort.handle(record)
    (line,) = capsys.readouterr().err.splitlines()
    assert 'level=ERROR msg="a\\nb" object="x\\ny" error="Traceback' in line
