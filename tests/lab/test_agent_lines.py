"""The lines of simulated agents, as the exporter reads them."""

import itertools

import pytest

from exporter.log_formats import Line, LogReader, shipped_formats
from lab.platform.agent_lines import Course, lines
from lab.platform.manifests import CLIS
from lab.platform.output import Output

BEGIN, END = 1000.0, 2000.0


def report_of(cli, *, until=END, **course):
    """What the exporter reads in the log of an agent until a time."""
    written = sorted(lines(Course(cli=cli, begin=BEGIN, end=END, **course)), key=lambda line: line[0])
    reader = LogReader(shipped_formats(), expected=cli)
    reader.feed(Line(at, text) for at, text in written if at <= until)
    assert reader.report.unread == 0
    return reader.report


@pytest.mark.parametrize("cli", CLIS)
def test_an_agent_works_and_has_a_last_word(cli):
    """It is written shortly before the container exits. A failure is an error."""
    assert (report_of(cli, until=1900.0).last_word, report_of(cli).outcome) == (None, "success")
    assert END - 2 <= report_of(cli).last_word < END
    assert report_of(cli, exits="1").outcome == "error"


@pytest.mark.parametrize("cli", CLIS)
def test_after_the_last_word_a_hanging_agent_writes_nothing(cli):
    """Its script waits for the process, so it does not write that the attempt finished."""
    report = report_of(cli, exits="never", until=10 * END)
    expected = (END, END) if cli != "factory" else (None, END)  # only the answer, which no format knows
    assert (report.last_word, report.last_line) == expected


@pytest.mark.parametrize("cli", ["claude", "codex", "cursor"])
def test_an_agent_that_builds_is_silent(cli):
    """After a quarter of its work."""
    times = [at for at, _ in lines(Course(cli=cli, begin=BEGIN, end=END, silent_seconds=600))]
    assert max(later - at for at, later in itertools.pairwise(times)) >= 600 - 45


def test_a_script_builds_after_the_last_word():
    """Its output is in files, so the log is silent until the container exits."""
    report = report_of("codex", gate_seconds=720)
    assert END - report.last_word == 722
    assert (report.lines_after, END - report.last_line) == (3, 721)


def test_the_sessions_of_one_container():
    """Each has a banner and a last word, which the next one withdraws."""
    report = report_of("codex", sessions=5)
    assert (report.sessions, report.outcome) == (5, "success")
    assert report_of("codex", sessions=5, until=1500.0).last_word is None
    assert report_of("claude", sessions=2).sessions == 2


@pytest.mark.parametrize("cli", ["claude", "codex"])
def test_an_agent_that_waits_for_input(cli):
    """Its last line says so."""
    report = report_of(cli, exits="blocked")
    assert (report.waiting_for != "", report.last_word) == (True, None)


def test_an_agent_whose_model_does_not_answer_is_silent():
    """Only the start of the session is in the log."""
    report = report_of("claude", exits="silent")
    assert (report.sessions, report.last_word, report.last_line) == (1, None, BEGIN + 1)


def test_a_token_that_is_renewed_is_no_line_of_the_agent():
    """The loop beside the agent writes a line every 45 minutes."""
    course = Course(cli="codex", begin=0.0, end=9000.0, exits="silent")
    loop = [at for at, text in lines(course) if b"[Background]" in text]
    assert loop[:4] == [2700.0, 5400.0, 8100.0, 10800.0]
    assert report_of("codex", exits="silent").last_line == BEGIN + 1


def test_lines_are_written_when_their_time_comes():
    """A container that has ended writes no more."""
    written = []
    output = Output(lambda *place_and_lines: written.append(place_and_lines))
    output.start(("n", "p", "c"), [(2.0, b"two"), (1.0, b"one"), (3.0, b"three")])
    output.advance(0.5)
    output.advance(2.0)
    output.stop(("n", "p", "c"))
    output.advance(9.0)
    assert written == [("n", "p", "c", (1.0, b"one"), (2.0, b"two"))]
