"""Log lines: one line each, whatever is in them."""

import json
import logging
import re

import pytest

from exporter import logs


@pytest.fixture(autouse=True)
def _restored():
    """What is set up here does not outlive a test."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before = root.level, root.handlers[:], server.level
    yield
    root.handlers[:] = before[1]
    root.setLevel(before[0])
    server.setLevel(before[2])


def the_lines(capsys, *, form="logfmt", level="info"):
    """Sets the logs up; gives a logger, and a function for the lines on standard error, without their time."""
    logs.set_up(level=level, form=form)

    def lines():
        out, err = capsys.readouterr()
        assert out == ""
        return [re.sub(r"^time=\S+Z |", "", line) for line in err.split("\n")[:-1]]

    return logging.getLogger("exporter.test"), lines


def test_a_line_is_time_level_message_and_the_fields(capsys):
    """In UTC, to the millisecond, as Prometheus' own programs write it."""
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
    """Whoever names an object in the cluster can neither begin a line nor a field of ours."""
    log, lines = the_lines(capsys)
    log.info("m", extra={"detail": value})
    assert lines() == [f"level=INFO msg=m detail={written}"]


def test_a_message_stays_inside_its_quotes(capsys):
    """It may have come from a server."""
    log, lines = the_lines(capsys)
    log.info("it said: %s", 'x"\nlevel=ERROR')
    assert lines() == ['level=INFO msg="it said: x\\"\\nlevel=ERROR"']


def test_json_lines_are_objects_of_the_same_fields(capsys):
    """One line each as well; numbers are numbers, every other value is text."""
    log, lines = the_lines(capsys, form="json")
    log.warning("two\nlines", extra={"detail": 'a"b', "count": 3, "flag": True})
    (line,) = lines()
    fields = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields == {"level": "WARN", "msg": "two\nlines", "detail": 'a"b', "count": 3, "flag": "True"}


@pytest.mark.parametrize("form", logs.FORMATS)
def test_an_exception_is_one_line_with_its_traceback(capsys, form):
    """The field `error`; a record that was told of no exception has none."""
    log, lines = the_lines(capsys, form=form)
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
    ("level", "told"),
    [
        ("debug", ["DEBUG", "INFO", "WARN", "ERROR", "ERROR"]),
        ("info", ["INFO", "WARN", "ERROR", "ERROR"]),
        ("warn", ["WARN", "ERROR", "ERROR"]),
        ("error", ["ERROR", "ERROR"]),
    ],
)
def test_less_than_the_level_is_not_told(capsys, level, told):
    """The levels are named as users of Prometheus know them."""
    log, lines = the_lines(capsys, level=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(number, "m")
    assert lines() == [f"level={name} msg=m" for name in told]
    assert level in logs.LEVELS


def test_to_set_up_again_replaces_what_was_set_up(capsys):
    """No line is written twice."""
    logs.set_up(level="error", form="json")
    log, lines = the_lines(capsys)
    log.info("m")
    assert lines() == ["level=INFO msg=m"]


def test_clients_that_send_garbage_do_not_fill_the_log(capsys):
    """The HTTP server would tell of each of them."""
    _, lines = the_lines(capsys, level="debug")
    logging.getLogger("aiohttp.server").error("Error handling request")
    assert lines() == []


def test_what_is_logged_without_a_set_up_is_one_line_too(capsys):
    """By a command such as `check`, whose output is its findings; informational lines are not shown."""
    logs.set_up_fallback()
    record = logging.makeLogRecord({"levelname": "ERROR", "levelno": logging.ERROR, "msg": "a\nb", "object": "x\ny"})
    try:
        int("bad")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    logging.lastResort.handle(record)
    (line,) = capsys.readouterr().err.splitlines()
    assert 'level=ERROR msg="a\\nb" object="x\\ny" error="Traceback' in line
