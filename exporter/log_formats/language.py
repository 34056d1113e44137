"""A log format: how to read the lines of one agent CLI. Each class is a mapping in YAML, each field one of its keys.

A path is the keys of a JSON object with dots between them, such as `error.message`; `*` is every value of a mapping
or list. In an event with `text`, it is the name of a placeholder.
"""

from typing import Literal

import msgspec

__all__ = ["Amount", "Amounts", "Classes", "Conditions", "ErrorClass", "ErrorSource", "Event", "Format", "Value"]

ErrorClass = Literal["auth", "usage_limit", "rate_limit", "overloaded", "max_turns", "budget", "loop", "other"]
Value = str | bool | int | float
Conditions = dict[str, Value | tuple[Value, ...]]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A mapping of a log format. Unknown keys are errors."""


class ErrorSource(_Strict, frozen=True, kw_only=True):
    """A source of an error class: a class, the path of an HTTP status, or the path of a text."""

    class_: ErrorClass | None = msgspec.field(default=None, name="class")
    """The class."""
    status: str = ""
    """The path of an HTTP status, such as 429."""
    words: str = ""
    """The path of an error message or code. Its class is that of the first phrase of `words.yml` in it."""
    when: Conditions = {}
    """Conditions: paths, and the values of each. If one does not hold, this source has no value."""


Classes = ErrorClass | ErrorSource | tuple[ErrorClass | ErrorSource, ...]


class Amount(_Strict, frozen=True, kw_only=True):
    """A number of an event. One key; each is a path or a list of paths, whose values are added up."""

    total: str | tuple[str, ...] = ()
    """Running totals of the process. A smaller value, or another session, is that of another process."""
    add: int | str | tuple[str, ...] = ()
    """Amounts of this event, added to those of earlier events. A number, such as 1, counts events."""
    last: str | tuple[str, ...] = ()
    """Amounts of which the last one counts."""


Amounts = Amount | tuple[Amount, ...]


class Event(_Strict, frozen=True, kw_only=True):
    """A line. The first event that matches it applies. An event without further keys is read and changes nothing."""

    when: Conditions = {}
    """The line is a JSON object with these values: paths, and the values of each. `present` matches any value and
    `absent` none; `turn.*` matches the texts that start with `turn.`."""
    text: str | tuple[str, ...] = ()
    """The line is this text, or one of these. `*` matches any text, `{name}` a word or a number of at most 40
    characters, `{name:d}` digits, `{name:*}` any text at the end, and a blank any number of blanks. Lines that are
    JSON, and the text after 1 KiB, are not read. Decoration before the text, such as `===`, is ignored."""
    own: bool = False
    """For `text`: match this text only in logs of this CLI, because other programs print it too."""
    start: Literal["each", "if_new", "announced"] | None = None
    """A session starts, so the last word before it is withdrawn. `each`: with each such line. `if_new`: if no session
    is open, or if it is another session. `announced`: this line announces a session, and
    the next start line belongs to it."""
    resume: bool = False
    """The session continues: its last word is withdrawn."""
    last_word: Literal["success", "error"] | Conditions | None = None
    """The last word of the session, and its outcome. With conditions, it is a success if they hold."""
    if_none: bool = False
    """For `last_word`: it is ignored if the session already has a last word."""
    error: Classes = ()
    """For `last_word`: the class of the error. The first source with a value is used, else the one of `hint`."""
    failure: Classes = ()
    """The session fails with this class, even if its last word is a success."""
    hint: Classes = ()
    """The class of the error, if the last word is one."""
    retrying: Classes = ()
    """The CLI retries a request that failed with this class."""
    waiting: Literal["input", "permission"] | None = None
    """The CLI waits for a user."""
    aside: bool = False
    """A notice that shows no progress: the CLI may still retry or wait."""
    ignore: bool = False
    """For `text`: the line of another program. It is not counted."""
    cost: Amounts = ()
    """The cost in dollars."""
    turns: Amounts = ()
    """The number of turns. Of a list of amounts, the first one whose field is present is used."""
    tokens_input: Amounts = ()
    """The input tokens, including those read from and written to the cache."""
    tokens_cached: Amounts = ()
    """The input tokens that were read from the cache: a part of `tokens_input`."""
    tokens_output: Amounts = ()
    """The output tokens."""
    tail: tuple[str, ...] = ()
    """For `when`: if only the end of the line can be read, and it has these keys, the numbers in it are read."""


class Format(_Strict, frozen=True, kw_only=True):
    """The log of one CLI."""

    name: str
    """The name of the format, in `format`. A format of the settings replaces the shipped one of the same name."""
    title: str = ""
    """The name of the CLI, its version and its flags, for the documentation."""
    evidence: Literal["run", "types", "docs", "others", "constructed"] = "constructed"
    """What the format was written from: a run of the CLI, its types or source code, its documentation, parsers and
    reports of others, or nothing of these."""
    cli: tuple[str, ...] = ()
    """Names of the CLI in runs, in lower case."""
    session: str = ""
    """The path of the session's ID."""
    common: bool = False
    """Lines that several formats match, and whose CLI is unknown, are read as this format."""
    everywhere: bool = False
    """The lines are those of scripts around the CLI: they are read in each log and tell nothing about the CLI."""
    quiet: bool = False
    """The CLI may print nothing before its end, unless JSON of it has been read."""
    signs: tuple[Conditions, ...] = ()
    """Lines that only this CLI prints. One of these conditions has to hold."""
    events: tuple[Event, ...]
    """The lines that are read."""
