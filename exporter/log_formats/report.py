"""The report about a container's log: facts of fixed size, without text of the log."""

from typing import NamedTuple

import msgspec

__all__ = ["Line", "LogReport"]


class Line(NamedTuple):
    """A line of a log."""

    time: float
    """The time stamp of the line, in seconds since the epoch."""
    text: bytes
    """The line without time stamp and line end. If it is cut: its first 4 KiB, a line feed, its last 4 KiB."""
    cut: bool = False
    """Whether the middle of the line is missing."""


class LogReport(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about an agent in its log. Times are time stamps of lines, in seconds since the epoch."""

    format: str = ""
    """The name of the format; empty until a line shows it."""
    sessions: int = 0
    """The number of sessions that started."""
    first_line: float | None = None
    """The oldest line. Lines that are ignored, such as those of a side loop, are in no field of this report."""
    last_line: float | None = None
    """The newest line of the agent or its script."""
    last_word: float | None = None
    """The last word of the newest session; None while it works."""
    outcome: str = ""
    """The outcome that the last word has: `success`, `error`, or empty."""
    error: str = ""
    """The class of the error, for the outcome `error`."""
    is_billing: bool = False
    """Whether the error `usage_limit` is one that no time resets: no credit, not paid, or a disabled account."""
    waiting_for: str = ""
    """What the CLI waits for: `input`, `permission`, or nothing."""
    retrying: str = ""
    """The class of the error after which the CLI retries; empty if it does not."""
    cost_dollars: float | None = None
    """The cost, as the CLI reports it."""
    turns: int | None = None
    """The number of turns, as the CLI reports it, or as its lines show."""
    turns_sum: int | None = None
    """The number of turns of all sessions. It differs from `turns` if the CLI reports those of its last session."""
    tokens_input: int | None = None
    """The input tokens, including those read from and written to the cache."""
    tokens_cached: int | None = None
    """The input tokens that were read from the cache: a part of `tokens_input`."""
    tokens_output: int | None = None
    """The output tokens."""
    has_last_words: bool = False
    """Whether the CLI writes a last word at the end of each session, unless its process was killed."""
    lines_after: int = 0
    """The number of lines after the last word."""
    unread: int = 0
    """The number of JSON lines that look like an agent's and are in no format."""
    is_silent_by_design: bool = False
    """Whether the CLI prints nothing before its end."""
