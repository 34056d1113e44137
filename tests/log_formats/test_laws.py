"""The laws of agents' logs, each of which at least one CLI breaks for a reader that does not know it."""

import json

import pytest

from tests.log_formats.reading import lines_of, read, report_of

INIT = {"type": "system", "subtype": "init", "session_id": "a", "claude_code_version": "2.1.197"}
RESULT = {"type": "result", "subtype": "success", "is_error": False, "session_id": "a", "total_cost_usd": 1.5}
NOTICE = {"type": "system", "subtype": "task_notification", "session_id": "a"}
BANNER = "=========== EXECUTION ATTEMPT 2 / 5 ==========="


@pytest.mark.parametrize(
    "text",
    [
        f"prompt: {json.dumps(RESULT)}",
        f"{json.dumps(RESULT)} is what it prints",
        json.dumps({"mcpServers": {"x": {"command": "npx"}}}),
        json.dumps({"prompt": json.dumps(RESULT)}),
        '{"type":"result","is_error":false',
        "so the log says tokens used",
        "see: Attempt 1 finished with exit code 0",
        "what a banner looks like: EXECUTION ATTEMPT 2 / 5",
    ],
)
def test_text_in_the_middle_of_a_line_is_not_read(text):
    """The platform's scripts print prompts, configuration and JSON of their own."""
    report = report_of(INIT, text)
    assert (report.last_word, report.sessions, report.unread, report.last_line) == (None, 1, 0, 2.0)


def test_the_last_word_is_not_the_last_line():
    """Notices, stack traces and lines of the script follow it."""
    report = report_of(INIT, RESULT, NOTICE, "    at main (file.js:1:1)", "[platform] opening the pull request")
    assert (report.last_word, report.lines_after, report.last_line) == (2.0, 3, 5.0)


@pytest.mark.parametrize("start", [INIT, BANNER])
def test_a_new_session_withdraws_the_last_word(start):
    """The CLI works again: it has neither an outcome nor an error, and waits for no input."""
    asked = {"type": "control_request", "request": {"subtype": "can_use_tool"}}
    report = report_of(INIT, {**RESULT, "is_error": True}, NOTICE, asked, start)
    assert (report.last_word, report.outcome, report.error, report.waiting_for, report.lines_after) == (
        None, "", "", "", 0,
    )  # fmt: skip
    assert (report.sessions, report.cost_dollars) == (2, 1.5)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (["opencode.done.log"], {"type": "step_start", "sessionID": "ses_2", "part": {}}),
        (["opencode.done.log"], {"type": "step_start", "sessionID": "ses_1", "part": {}}),
        (["codex.done.log"], {"type": "turn.started"}),
        (["copilot.done.log"], {"type": "assistant.turn_start", "data": {}}),
        (["goose.done.log"], {"type": "message", "message": {"role": "user"}}),
        (["openhands.done.log"], {"kind": "MessageEvent", "source": "user"}),
        (["codex_text.done.log"], "OpenAI Codex v0.163.0 (research preview)"),
    ],
)
def test_a_session_without_a_line_of_its_own_starts_with_its_first_event(first, again):
    """A step, turn or message after the last word."""
    lines = lines_of(first[0])
    text = again if isinstance(again, str) else json.dumps(again)
    report = read([*lines, lines[-1]._replace(text=text.encode())])
    assert (report.last_word, report.sessions) == (None, 2)


def test_another_session_is_one_with_another_id():
    """Each step starts with the same line."""
    step = {"type": "step_start", "part": {}}
    steps = [{**step, "sessionID": f"ses_{name}"} for name in "aabbba"]
    assert [report_of(*steps[:count]).sessions for count in range(1, 7)] == [1, 1, 2, 2, 2, 3]


def test_a_success_after_an_error_has_no_class():
    """Where an error is the last word, and the agent continues."""
    error = {"type": "error", "sessionID": "ses_a", "error": {"name": "APIError", "data": {"statusCode": 401}}}
    end = {"type": "step_finish", "sessionID": "ses_a", "part": {"reason": "stop"}}
    assert (report_of(error).error, report_of(error, end).error, report_of(error, end).outcome) == (
        "auth",
        "",
        "success",
    )


def test_fields_decide_about_the_outcome_and_not_the_subtype():
    """An authentication failure is a success by its subtype."""
    failed = {**RESULT, "is_error": True, "api_error_status": 401, "result": "Invalid API key · Fix external API key"}
    assert report_of(INIT, failed).error == "auth"
    assert report_of(INIT, {**RESULT, "result": "Authentication failed: rate limit, 401, quota"}).outcome == "success"


def test_an_error_before_a_success_is_the_outcome():
    """A loop stop, and a provider's error, are followed by a success."""
    warning = {"type": "error", "severity": "warning", "message": "Loop detected, stopping execution"}
    report = report_of(
        {"type": "init", "session_id": "a"}, warning, {"type": "result", "status": "success", "stats": {}}
    )
    assert (report.outcome, report.error) == ("error", "loop")
    again = report_of({"type": "init", "session_id": "a"}, warning, {"type": "init", "session_id": "b"},
                 {"type": "result", "status": "success", "stats": {}})  # fmt: skip
    assert again.outcome == "success"


def test_a_log_may_end_without_a_last_word():
    """After a signal, out of memory, and while the API hangs: the container's state decides."""
    report = report_of(INIT, {"type": "assistant", "message": {}}, "Killed")
    assert (report.last_word, report.outcome, report.error) == (None, "", "")


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (401, "no such key", "auth"),
        (None, "Not logged in · Please run /login", "auth"),
        (429, "This request would exceed your account's rate limit", "rate_limit"),
        (429, "You've hit your weekly limit · resets Monday", "usage_limit"),
        (400, "Credit balance is too low", "usage_limit"),
        (529, "something went wrong", "overloaded"),
        (None, 'API Error: 529 {"type":"error","error":{"type":"overloaded_error"}}', "overloaded"),
        (400, "prompt is too long: 200500 tokens > 200000", "other"),
        (None, "", "other"),
    ],
)
def test_an_error_has_a_class_of_a_closed_set(status, text, error):
    """Of the status and of the message, of which nothing is kept."""
    failed = {**RESULT, "is_error": True, "api_error_status": status, "result": text}
    assert report_of(INIT, failed).error == error


@pytest.mark.parametrize(
    ("status", "text", "is_billing"),
    [
        (400, "Credit balance is too low", True),
        (402, "no", True),
        (429, "You exceeded your current quota, please check your plan and billing details.", True),
        (400, "This organization has been disabled.", True),
        (429, "You've hit your weekly limit \u00b7 resets Monday", False),
        (429, "You've hit your usage limit. Add credits in Billing, or try again at 3pm.", False),
        (529, "overloaded", False),
    ],
)
def test_a_limit_that_no_time_resets_is_told_apart(status, text, is_billing):
    """The class is the same, as the set is closed."""
    report = report_of(INIT, {**RESULT, "is_error": True, "api_error_status": status, "result": text})
    assert (report.is_billing, report.error) == (is_billing, "overloaded" if status == 529 else "usage_limit")


def test_a_rejected_plan_is_no_rate_limit():
    """Both have status 429; the event before it tells."""
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected"}}
    failed = {**RESULT, "is_error": True, "api_error_status": 429, "result": "try later"}
    assert report_of(INIT, event, {"type": "assistant", "error": "rate_limit"}, failed).error == "usage_limit"


def test_the_class_of_a_retry_ends_with_progress():
    """Retries are no last word; a notice is no progress."""
    retry = {"type": "system", "subtype": "api_retry", "error": "overloaded", "error_status": 529}
    assert report_of(INIT, retry, NOTICE).retrying == "overloaded"
    assert report_of(INIT, retry, {"type": "assistant", "message": {}}).retrying == ""
    assert report_of(INIT, retry, RESULT).retrying == ""


def test_what_a_cli_waits_for_ends_with_its_next_line():
    """Answered or not."""
    asked = {"type": "control_request", "request": {"subtype": "can_use_tool", "tool_name": "Bash"}}
    assert report_of(INIT, asked, "a line of a loop beside it", NOTICE).waiting_for == "permission"
    assert report_of(INIT, asked, {"type": "user", "message": {}}).waiting_for == ""
    question = "Goose would like to call the above tool. Allow? (y/n)"
    assert [report_of(question).waiting_for, report_of(question, "Yes.").waiting_for] == ["permission", ""]
    assert report_of("Reading additional input from stdin...").waiting_for == "input"
    assert report_of("Reading additional input from stdin...", {"type": "thread.started"}).waiting_for == ""
