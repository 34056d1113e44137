"""The lines that the main container of a Job writes: those of the container's script, and those of the CLI.

Pure functions. Sources: runs of Claude Code 2.1.197 and Codex 0.163.0; the documentation of Cursor's CLI; the
container scripts of github.com/5dlabs/cto, which run Codex and Droid (`factory`) without JSON.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Course", "lines"]

_SESSION = "0f5a1c2e-0000-4000-8000-{:012d}"
_MAX_ATTEMPTS = 10  # EXECUTION_MAX_RETRIES in the spec of a run
_LINE_SECONDS = 45.0
"""Seconds between two tool calls of an agent at work."""
_TOKEN_SECONDS = 2700
_RETRY_SECONDS = 10.0
_EXIT_SECONDS = 2.0
_EXIT_CODES = {"0", "1"}
_HANG_SECONDS = 86_400.0
_ANSWER = "The task is finished: 14 tests pass."

Line = tuple[float, bytes]
"""A time in seconds since the epoch, and a text without line end."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Course:
    """What a container does. Times are in seconds since the epoch."""

    cli: str
    begin: float
    """The start of the container."""
    end: float
    """The end of the agent's work, at which the container exits unless it hangs."""
    exits: str = "0"
    """As in the annotation EXITS of a Job."""
    silent_seconds: float = 0.0
    """How long the longest tool call takes, such as a build: the agent writes no line meanwhile."""
    gate_seconds: float = 0.0
    """How long the script builds and tests after the last word, with its output in files."""
    sessions: int = 1
    """The number of sessions (attempts) in this container."""


def lines(course: Course) -> Iterator[Line]:
    """All lines until the container exits or hangs; those of the loop beside the agent come last."""
    if course.cli == "claude":
        yield course.begin, b"=== workspace ready, starting the agent ==="
    after = course.gate_seconds + _EXIT_SECONDS if course.exits in _EXIT_CODES else 0.0
    last_word = max(course.begin + _EXIT_SECONDS, course.end - after)
    part = (last_word - course.begin) / course.sessions
    for number in range(1, course.sessions + 1):
        begin = course.begin + (number - 1) * part + (_RETRY_SECONDS if number > 1 and part > _LINE_SECONDS else 1)
        end = last_word if number == course.sessions else course.begin + number * part
        yield from _session(course, number=number, begin=begin, end=max(begin, end))
    yield from _background(course)


def _session(course: Course, *, number: int, begin: float, end: float) -> Iterator[Line]:
    """One attempt: the banner of the script, the session of the CLI, and the script's line after it."""
    is_last = number == course.sessions
    has_script = course.cli != "claude"
    if has_script:
        yield begin, f"║  EXECUTION ATTEMPT {number} / {_MAX_ATTEMPTS}  ║".encode()
    cli = _CLIS.get(course.cli, _FACTORY)
    if is_last and course.exits == "blocked":
        yield from ((begin, text.encode()) for text in cli.blocked(number))
        return
    yield from ((begin, text.encode()) for text in cli.start(number))
    if is_last and course.exits == "silent":
        return
    for at in _tool_calls(begin, end, silent=course.silent_seconds if is_last else 0.0):
        yield from ((at, text.encode()) for text in cli.work(number))
    failed = course.exits == "1" if is_last else False
    yield from ((end, text.encode()) for text in cli.result(number, end - begin, failed))
    if has_script and not (is_last and course.exits == "never"):
        name, code = f"{course.cli}-debug", 1 if failed else 0
        yield end + 1, f"[{name}] Attempt {number} finished with exit code {code}".encode()


def _tool_calls(begin: float, end: float, *, silent: float) -> Iterator[float]:
    """The times of the tool calls. After a quarter of the session, no line is written for `silent` seconds."""
    pause = begin + (end - begin) / 4
    at = begin + _LINE_SECONDS
    while at < end:
        yield at
        at += _LINE_SECONDS
        if pause < at < pause + silent:
            at = pause + silent


def _background(course: Course) -> Iterator[Line]:
    """The loop beside the agent that renews its token, for as long as the container runs."""
    if course.cli == "claude":
        return
    runs = course.end - course.begin + (0 if course.exits in _EXIT_CODES else _HANG_SECONDS)
    for seconds in range(_TOKEN_SECONDS, int(runs), _TOKEN_SECONDS):
        yield course.begin + seconds, f"[Background] Token is {seconds // 60} minutes old".encode()


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Cli:
    """The output of a CLI. The first argument is the number of the session."""

    start: Callable[[int], list[str]]
    work: Callable[[int], list[str]]
    result: Callable[[int, float, bool], list[str]]
    """The second argument is the duration in seconds, the third whether the session failed."""
    blocked: Callable[[int], list[str]] = lambda _: []
    """The line of a CLI that waits for input."""


def _json(number: int, **fields: Any) -> str:
    return json.dumps(fields | {"session_id": _SESSION.format(number)}, separators=(",", ":"))


def _claude_result(number: int, seconds: float, failed: bool) -> list[str]:
    usage = {
        "inputTokens": 41,
        "outputTokens": 8120,
        "cacheReadInputTokens": 912004,
        "cacheCreationInputTokens": 52011,
    }
    outcome = {"subtype": "error_max_turns" if failed else "success", "is_error": failed}
    rest = {"total_cost_usd": 1.8423, "modelUsage": {"claude-sonnet-4-5": usage | {"costUSD": 1.8423}}}
    text = {} if failed else {"result": _ANSWER}
    end = {"terminal_reason": "max_turns" if failed else "completed"}
    return [
        _json(number, type="result", **outcome, duration_ms=round(seconds * 1000), num_turns=9, **text, **rest, **end)
    ]


_CLAUDE_CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "make test"}}


def _claude_start(number: int) -> list[str]:
    cli = {"cwd": "/workspace", "tools": ["Bash", "Edit", "Read"], "claude_code_version": "2.1.197"}
    model = {"model": "claude-sonnet-4-5", "permissionMode": "bypassPermissions"}
    return [_json(number, type="system", subtype="init", **cli, **model)]


_CLAUDE = _Cli(
    start=_claude_start,
    work=lambda number: [
        _json(number, type="assistant", message={"id": "msg_1", "role": "assistant", "content": [_CLAUDE_CALL]})
    ],
    result=_claude_result,
    blocked=lambda number: [
        *_claude_start(number),
        _json(number, type="control_request", request={"subtype": "can_use_tool", "tool_name": "Bash"}),
    ],
)
_CODEX = _Cli(
    start=lambda number: [
        "OpenAI Codex v0.163.0",
        "--------",
        f"session id: {_SESSION.format(number)}",
        "user",
        "do the task",
    ],
    work=lambda _: ["exec", "/bin/bash -lc 'make test'", "14 passed"],
    result=lambda _, __, failed: (
        ["ERROR: stream disconnected before completion"]
        if failed
        else ["codex", _ANSWER, "tokens used", "972,176", _ANSWER]
    ),
    blocked=lambda _: ["Reading additional input from stdin..."],
)
_CURSOR_CALL = {"shellToolCall": {"args": {"command": "make test"}, "result": {"exitCode": 0}}}
_CURSOR = _Cli(
    start=lambda number: [
        _json(number, type="system", subtype="init", apiKeySource="env", cwd="/workspace", model="auto")
    ],
    work=lambda number: [
        _json(number, type="tool_call", subtype="completed", call_id="t1", tool_call=_CURSOR_CALL),
    ],
    result=lambda number, seconds, failed: (
        []
        if failed  # a failure has no JSON
        else [
            _json(
                number,
                type="result",
                subtype="success",
                duration_ms=round(seconds * 1000),
                is_error=False,
                result=_ANSWER,
                request_id=_SESSION.format(number),
            )
        ]
    ),
)
_FACTORY = _Cli(
    start=lambda _: [],
    work=lambda _: [],  # its default format is text, which has only the answer
    result=lambda _, __, failed: [] if failed else [_ANSWER],
)
_CLIS = {"claude": _CLAUDE, "codex": _CODEX, "cursor": _CURSOR, "factory": _FACTORY}
