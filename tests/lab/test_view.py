"""The output of the demo: plain in a pipe, colored on a terminal, limited in width, and escaped."""

import io

import pytest

from exporter.untrusted import escape_invisible
from lab.clock import seconds_of
from lab.demo.view import View

MOMENT = seconds_of("2026-03-04T12:47:30Z")


class Terminal(io.StringIO):
    """A terminal whose output is recorded."""

    encoding = "utf-8"

    def isatty(self):
        """True."""
        return True


class Pipe(io.StringIO):
    """A pipe to a program that reads ASCII."""

    encoding = "ascii"


def test_a_pipe_has_plain_lines():
    """The output has no escape sequence and no status line. It is ASCII if the encoding of the pipe is ASCII."""
    out = Pipe()
    view = View(out, width=40, environment={})
    view.title("Title")
    view.status(MOMENT, "moving")
    view.moment(MOMENT, "FIRING", "Alert (critical)", more=["task-1"])
    view.clear_status()
    assert out.getvalue() == (
        "\n  Title\n  ------------------------------------\n"
        "  12:47:30  FIRING    Alert (critical)\n"
        "                      task-1\n"
    )


def test_a_terminal_has_colors_and_a_status_line():
    """FIRING is red and bold, RESOLVED green. The status line is cleared before other output."""
    out = Terminal()
    view = View(out, width=60, environment={})
    view.status(MOMENT, "moving")
    view.moment(MOMENT, "FIRING", "a")
    view.moment(MOMENT, "RESOLVED", "b")
    view.moment(MOMENT, "done", "c")
    text = out.getvalue()
    assert text.startswith("\r\x1b[K\x1b[2m  12:47:30  moving\x1b[0m\r\x1b[K  ")
    assert "\x1b[1;31mFIRING  \x1b[0m  a\n" in text
    assert "\x1b[32mRESOLVED\x1b[0m  b\n" in text
    assert "\x1b[2mc\x1b[0m\n" in text


@pytest.mark.parametrize(
    ("environment", "moves"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)], ids=["NO_COLOR", "dumb"]
)
def test_colors_can_be_disabled(environment, moves):
    """NO_COLOR keeps the status line. A dumb terminal has neither."""
    out = Terminal()
    view = View(out, width=60, environment=environment)
    view.status(MOMENT, "moving")
    view.moment(MOMENT, "FIRING", "a")
    assert "\x1b[1;31m" not in out.getvalue()
    assert "\x1b[2m" not in out.getvalue()
    assert ("moving" in out.getvalue()) is moves


def test_an_empty_no_color_disables_nothing():
    """By the convention, the value must not be empty."""
    out = Terminal()
    View(out, width=60, environment={"NO_COLOR": ""}).moment(MOMENT, "FIRING", "a")
    assert "\x1b[1;31m" in out.getvalue()


def test_no_line_is_longer_than_the_width():
    """Long texts and names are wrapped in their column. The status line is truncated."""
    out = Pipe()
    View(out, width=50, environment={}).moment(MOMENT, "fault", "many words " * 9, more=["x" * 70])
    View(out, width=50, environment={}).facts([("name", "value " * 20)], indent=5)
    terminal = Terminal()
    View(terminal, width=50, environment={"NO_COLOR": "1"}).status(MOMENT, "y" * 90)
    assert max(len(line) for line in out.getvalue().splitlines()) == 50
    assert out.getvalue().splitlines()[1].startswith(" " * 22 + "words")
    assert len(terminal.getvalue().removeprefix("\r\x1b[K")) == 50


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "a\rb", "\x9b31m", "\u202etxt", "\u200b", "\x07", "a\u2028b"], ids=ascii
)
def test_control_characters_are_escaped(hostile):
    """Escape sequences, carriage returns and direction marks from the cluster are shown as text."""
    shown = escape_invisible(hostile)
    assert shown.isprintable()
    assert "\\" in shown
    out = Terminal()
    view = View(out, width=80, environment={"NO_COLOR": "1"})
    view.moment(MOMENT, "run", f"x{hostile}y", more=[hostile])
    view.status(MOMENT, hostile)
    view.facts([("name", f"x{hostile}y")])
    written = out.getvalue().replace("\r\x1b[K", "").replace("\n", "")
    assert written.isprintable()


def test_ordinary_text_is_unchanged():
    """Letters of all languages and symbols are shown."""
    assert escape_invisible("Köln → 東京 (ok)") == "Köln → 東京 (ok)"
