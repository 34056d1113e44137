"""Scripts around a CLI: attempts in one container, the end of one, lines of loops beside it."""

import pytest

from tests.log_formats.reading import report_of

ATTEMPT = "🔄 EXECUTION ATTEMPT {} / 5"
END = "[codex-debug] Attempt 1 finished with exit code {}"
STARTED = {"type": "thread.started", "thread_id": "a"}
COMPLETED = {"type": "turn.completed", "usage": {"input_tokens": 10, "output_tokens": 2}}


def test_an_attempt_and_the_session_in_it_are_one():
    """The banner announces the session that the CLI starts."""
    report = report_of(ATTEMPT.format(1), STARTED, COMPLETED, ATTEMPT.format(2), STARTED, ATTEMPT.format(3))
    assert (report.sessions, report.last_word, report.tokens_input) == (3, None, 10)


@pytest.mark.parametrize(
    "banner", ["EXECUTION ATTEMPT 7", "║  EXECUTION ATTEMPT 7 / 10  ║", "EXECUTION ATTEMPT 7 (UNLIMITED MODE)"]
)
def test_the_banner_of_an_attempt(banner):
    """With and without a frame and a maximum."""
    assert report_of(banner).sessions == 1


@pytest.mark.parametrize(
    ("code", "outcome", "error"), [(0, "success", ""), (1, "error", "other"), (137, "error", "other")]
)
def test_the_end_of_an_attempt_is_a_last_word_if_the_cli_had_none(code, outcome, error):
    """A CLI that prints text."""
    report = report_of(ATTEMPT.format(1), "some text", END.format(code))
    assert (report.last_word, report.outcome, report.error, report.format) == (3.0, outcome, error, "")


def test_the_end_of_an_attempt_is_a_line_after_the_last_word():
    """The script may work for minutes after it: this line counts, and the last word stays."""
    report = report_of(STARTED, COMPLETED, END.format(1))
    assert (report.last_word, report.outcome, report.lines_after) == (2.0, "success", 1)


BANNER = "OpenAI Codex v0.163.0 (research preview)"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("ERROR: unexpected status 401 Unauthorized: no such key", "auth"),
        ("ERROR: You've hit your usage limit.", "usage_limit"),
        ("[2026-11-29T10:00:01] ERROR: exceeded retry limit, last status: 429 Too Many Requests", "rate_limit"),
        ("ERROR: stream disconnected before completion", "other"),
    ],
)
def test_an_error_of_a_cli_that_prints_text(text, error):
    """Only in its own log: other programs print such lines too."""
    assert report_of(BANNER, "user", "do task 3", text).error == error
    assert report_of(text, expected="codex").outcome == "error"
    assert report_of(text).last_word is None


def test_an_error_in_the_output_of_a_command_is_withdrawn():
    """With the next line that only the CLI prints."""
    assert report_of(BANNER, "exec", "ERROR: 403 Forbidden", "codex", "I retry.").last_word is None
    assert (
        report_of(BANNER, "exec", "ERROR: 403 Forbidden", "codex", "Done.", "tokens used", "17").outcome == "success"
    )


def test_older_versions_print_the_number_of_tokens_on_the_same_line():
    """With and without a time."""
    assert report_of(BANNER, "tokens used: 1,234").outcome == "success"
    assert report_of(BANNER, "[2026-11-29T10:00:01] tokens used: 1,234").outcome == "success"
    assert report_of(BANNER, "the tokens used: 1,234").outcome == ""


def test_a_loop_beside_the_agent_is_ignored():
    """A token that is renewed for hours must not look like work."""
    report = report_of(STARTED, COMPLETED, *["[Background] Token is 45 minutes old"] * 3)
    assert (report.last_line, report.lines_after) == (2.0, 0)
    assert report_of("[Background] Token is 45 minutes old").first_line is None


def test_another_hang_prints_for_ever_and_is_counted():
    """Silence alone does not show it: the lines after the last word do."""
    report = report_of(STARTED, COMPLETED, *["Waiting for the pull request..."] * 100)
    assert (report.last_word, report.lines_after) == (2.0, 100)
