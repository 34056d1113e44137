"""Lines of which there is no example: other subtypes, versions and formats of each CLI."""

import json

import pytest

from tests.log_formats.reading import lines_of, read, report_of

ERRORS = {
    "goose": [
        {"type": "message", "message": {}},
        {"type": "error", "error": "Authentication failed: 401"},
        {"type": "complete", "total_tokens": None},
    ],
    "amp": [
        {"type": "system", "subtype": "init", "session_id": "T-2"},
        {
            "type": "result",
            "subtype": "error_during_execution",
            "session_id": "T-2",
            "is_error": True,
            "error": "invalid api key",
        },
    ],
    "openhands": [
        {"kind": "ConversationErrorEvent", "source": "environment", "code": "LLMAuthenticationError", "detail": ""}
    ],
    "codex": [
        {"type": "thread.started"},
        {"type": "turn.failed", "error": {"message": "unexpected status 403 Forbidden"}},
    ],
    "opencode": [
        {"type": "error", "sessionID": "ses_1", "error": {"name": "ProviderAuthError", "data": {"message": "no key"}}}
    ],
    "copilot": [
        {"type": "session.error", "data": {"errorType": "authentication"}},
        {"type": "session.info", "data": {}},
        {"type": "result", "exitCode": 1},
    ],
    "droid": [
        {"type": "system", "subtype": "init", "reasoning_effort": "low"},
        {"type": "error", "message": "401 Unauthorized"},
        {"type": "completion", "numTurns": 1},
    ],
    "cursor": [
        {"type": "system", "subtype": "init", "apiKeySource": "env"},
        {"type": "result", "is_error": True, "result": "Not logged in"},
    ],
    "qwen": [
        {"type": "system", "subtype": "init", "permission_mode": "yolo"},
        {"type": "result", "is_error": True, "error": {"message": "[API Error: 401]"}},
    ],
    "gemini": [
        {"session_id": "a", "error": {"type": "FatalAuthenticationError", "message": "please sign in", "code": 41}}
    ],
}


@pytest.mark.parametrize("cli", ERRORS)
def test_an_authentication_error_of_each_cli(cli):
    """In the field that it uses for errors."""
    report = report_of(*ERRORS[cli])
    assert (report.format, report.outcome, report.error, report.unread) == (cli, "error", "auth", 0)


WAITS = [
    ("claude", "permission", {"type": "control_request", "request": {"subtype": "can_use_tool"}}),
    ("claude", "permission", {"type": "system", "subtype": "session_state_changed", "state": "requires_action"}),
    ("cursor", "permission", {"type": "interaction_query", "subtype": "request"}),
    ("copilot", "permission", {"type": "permission.requested", "data": {}}),
    ("copilot", "input", {"type": "user_input.requested", "data": {}}),
    ("goose", "permission", "Goose would like to call the above tool. Allow?"),
]


@pytest.mark.parametrize(("cli", "wait", "line"), WAITS)
def test_a_question_of_each_cli(cli, wait, line):
    """Also if the run names another CLI."""
    first = [row for row in lines_of(f"{cli}.done.log") if row.text.startswith(b"{")][:1]
    text = line if isinstance(line, str) else json.dumps(line)
    report = read([*first, first[0]._replace(text=text.encode())], expected="codex")
    assert (report.format, report.waiting_for) == (cli, wait)


def test_an_array_of_another_cli():
    """Its usage includes what was read from the cache."""
    usage = {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 2, "total_tokens": 12}
    report = report_of([{"type": "system", "subtype": "init"}, {"type": "result", "is_error": False, "usage": usage}])
    assert (report.format, report.tokens_input, report.is_silent_by_design) == ("qwen", 10, True)


@pytest.mark.parametrize(("cli", "read_as", "tokens"), [("", "claude", 14), ("qwen", "qwen", 10), ("amp", "amp", 14)])
def test_a_version_without_a_sign_is_read_as_the_cli_of_the_run(cli, read_as, tokens):
    """Its usage excludes the cache for one CLI and includes it for the other."""
    usage = {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 2}
    lines = [
        {"type": "system", "subtype": "init", "session_id": "a", "tools": []},
        {"type": "result", "is_error": False, "session_id": "a", "duration_api_ms": 1, "usage": usage},
    ]
    assert report_of(*lines, expected=cli).format == read_as
    assert report_of(*lines, expected=cli).tokens_input == tokens


@pytest.mark.parametrize(("expected", "quiet"), [("cursor", True), ("droid", True), ("claude", False), ("", False)])
def test_no_output_is_normal_until_json_appears(expected, quiet):
    """By default, some versions of these CLIs print text at their end only, others print JSON while they work."""
    assert report_of("workspace ready", expected=expected).is_silent_by_design is quiet
    init = {"type": "system", "subtype": "init", "session_id": "a"}
    assert report_of("workspace ready", init, expected=expected).is_silent_by_design is False


def test_no_output_is_normal_in_the_next_session_of_a_cli_that_prints_at_its_end():
    """The first session shows that the CLI prints nothing before its end."""
    result = {"type": "result", "is_error": False, "total_cost_usd": 1, "session_id": "a"}
    assert report_of(result, "EXECUTION ATTEMPT 2 / 5").is_silent_by_design
    assert not report_of(result, {"type": "system", "subtype": "init"}, {"type": "assistant"}).is_silent_by_design
    assert not report_of({**result, "is_error": True}).is_silent_by_design


def test_a_message_of_the_agent_ends_the_session_until_its_next_action():
    """Agents may end a session so, without a call of the tool `finish`."""
    message = {"kind": "MessageEvent", "source": "agent"}
    act = {"kind": "ActionEvent", "source": "agent", "action": {"kind": "ExecuteBashAction"}}
    assert report_of(act, message).outcome == "success"
    assert report_of(act, message, act).last_word is None
    stuck = {
        "kind": "ConversationStateUpdateEvent",
        "source": "environment",
        "key": "execution_status",
        "value": "stuck",
    }
    assert report_of(act, stuck).error == "loop"


@pytest.mark.parametrize(
    ("reason", "outcome"), [("stop", "success"), ("length", "error"), ("tool-calls", ""), ("unknown", ""), (None, "")]
)
def test_a_step_without_a_tool_call_is_the_last_word(reason, outcome):
    """There is no event at the end."""
    assert (
        report_of({"type": "step_finish", "sessionID": "ses_1", "part": {"reason": reason, "cost": 1}}).outcome
        == outcome
    )
