"""The language of log formats: formats of users, errors of one line, and patterns of linear cost."""

import importlib
import re

import msgspec
import pytest
import yaml

from exporter.config_file import ConfigError, load
from exporter.log_formats import Format, compile_formats, shipped_formats, shipped_tables
from exporter.log_formats.json_lines import _ANSI
from exporter.log_formats.patterns import PatternError, compile_pattern, compile_phrases, normalize
from exporter.log_formats.reader import _FRAME
from exporter.log_formats.shipped import _words
from tests.log_formats.reading import LINES, facts, lines_of, read, report_of

TABLE = """
name: ours
cli: [our-agent]
session: run
signs:
- {event: [begin, end], run: present}
events:
- {when: {event: begin}, start: each}
- {when: {event: end}, last_word: {ok: true}, error: {words: reason}, cost: {total: usd}, turns: {last: n}}
- {text: "ours: {count:d} of {all:d} done in * for {usd} dollars", cost: {total: usd}, turns: {last: count}}
- {text: "ours failed: {reason:*}", last_word: error, error: {words: reason}}
"""
ERRORS = yaml.safe_load((LINES.parent / "errors.yml").read_text())


def test_a_format_of_a_user_is_read_beside_the_shipped_ones():
    """By its name or by its signs."""
    formats = compile_formats([msgspec.yaml.decode(TABLE, type=Format)])
    end = {"event": "end", "run": "a", "ok": False, "reason": "too many requests", "usd": 2, "n": 3}
    ended = report_of({"event": "begin", "run": "a"}, end, formats=formats)
    assert (ended.format, ended.outcome, ended.error, ended.cost_dollars, ended.turns) == (
        "ours",
        "error",
        "rate_limit",
        2,
        3,
    )
    text = report_of("ours: 2 of 3 done in 5 s for 0.5 dollars", "ours failed: quota exceeded", formats=formats)
    assert (text.turns, text.cost_dollars, text.error) == (2, 0.5, "usage_limit")
    assert report_of({"event": "end", "ok": True}, expected="Our-Agent", formats=formats).outcome == "success"
    assert read(lines_of("codex.done.log"), formats=formats).outcome == "success"


def test_a_format_of_a_user_replaces_the_shipped_one_of_its_name():
    """The others stay."""
    codex = {"name": "codex", "events": [{"when": {"type": "turn.completed"}, "turns": {"add": 2}}]}
    formats = compile_formats([msgspec.convert(codex, Format)])
    report = read(lines_of("codex.done.log"), formats=formats)
    assert (report.last_word, report.turns) == (None, 2)
    assert len(formats.all) == len(shipped_formats().all)


@pytest.mark.parametrize(("text", "error"), [(one["text"], one["error"]) for one in ERRORS])
def test_an_error_is_one_line_with_its_place(tmp_path, text, error):
    """File, line, key, and what is meant, of a file that the settings name."""
    (tmp_path / "f.yml").write_text(text)
    (tmp_path / "settings.yml").write_text("logs: {formats: [f.yml]}")
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{tmp_path}/{error}')}$"):
        load(str(tmp_path / "settings.yml"))


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("done", "done", {}),
        ("done", "done.", None),
        ("done", " done", None),
        ("a b", "a \t b", {}),
        ("a.b", "axb", None),
        ("*done", "x done done", {}),
        ("a*b*c", "a b b c c", {}),
        ("a*b*c", "a c", None),
        ("a**c", "abc", {}),
        ("a {n}", "a 1,234.5k", {"n": "1,234.5k"}),
        ("a {n}", "a b c", None),
        ("code {n:d}*", "code 137 (killed)", {"n": "137"}),
        ("code {n:d}", "code x", None),
        ("a: {rest:*}", "a: b c {d}", {"rest": "b c {d}"}),
        ("*{n} of {m}.", "x 3 of 4.", {"n": "3", "m": "4"}),
    ],
)
def test_a_pattern_matches_a_whole_line(pattern, text, found):
    """Words, numbers and any text in it."""
    match = compile_pattern(pattern).fullmatch(text)
    assert (match and match.groupdict()) == found


@pytest.mark.parametrize("pattern", ["", "*", "* *", "{N}", "{}", "{a} {a}", "{a:x}", "{a:*} b", "x" * 201])
def test_an_invalid_pattern_is_an_error(pattern):
    """Rather than one that matches each line."""
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LLMRateLimitError: 429", " llm rate limit error 429 "),
        ("RESOURCE_EXHAUSTED", " resource exhausted "),
        ("You\u2019ve hit your limit", " you ve hit your limit "),
    ],
)
def test_the_words_of_a_message(text, words):
    """Of codes in each usual form, and of sentences."""
    assert normalize(text) == words


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Reached maximum number of turns (9)", "max_turns"),
        ("MaxIterationsReached", "max_turns"),
        ("Reached maximum budget ($1.80)", "budget"),
        ("Loop detected, stopping execution", "loop"),
        ("You\u2019ve hit your usage limit. Try again later.", "usage_limit"),
        ("You've hit your session limit · resets 10:25pm (UTC)", "usage_limit"),
        ("5-hour limit reached ∙ resets 3pm", "usage_limit"),
        ("out of credits", "billing"),
        ("billing_error", "billing"),
        ("You exceeded your current quota, please check your plan", "billing"),
        ("unexpected status 401 Unauthorized: no such key", "auth"),
        ("authentication_failed", "auth"),
        ("Invalid API key · Fix external API key", "auth"),
        ("[API Error: 401 no such key]", "auth"),
        ("OAuth token has expired", "auth"),
        ("exceeded retry limit, last status: 429 Too Many Requests", "rate_limit"),
        ("rate_limit", "rate_limit"),
        ("Rate limit exceeded: 429", "rate_limit"),
        ("We're currently experiencing high demand", "overloaded"),
        ("overloaded_error", "overloaded"),
        ("API Error: 500 Internal server error", "overloaded"),
        ("prompt is too long: 429000 tokens", ""),
        ("the event loop is closed", ""),
        ("no such file: authors.md", ""),
    ],
)
def test_the_class_of_a_message(text, error):
    """Whole words of it."""
    assert _words()(text) == error


PARSER = importlib.import_module("re._parser")
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def unbounded(pattern, *, inside=False):
    """The open repeats that can be retried at many places: not those in atomic groups, and possessive ones."""
    for operation, argument in pattern:
        name = str(operation)
        if name in REPEATS:
            low, high, body = argument
            assert not inside or high - low <= 64, "a repeat in a repeat"
            if high == PARSER.MAXREPEAT and name != "POSSESSIVE_REPEAT":
                yield name
            yield from unbounded(body, inside=high > 64)
        elif name == "ATOMIC_GROUP":
            assert len(list(unbounded(argument))) <= 1
        elif name == "SUBPATTERN":
            yield from unbounded(argument[-1], inside=inside)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from unbounded(branch, inside=inside)
        else:
            assert not name.startswith(("ASSERT", "GROUPREF")), name


COMPILED = [
    *(pattern for one in shipped_formats().all for event in one.text_events for pattern in event.patterns),
    *(phrases for _, phrases in _words()._lists),
    compile_pattern("{a}*b *{c:d}*d*{e}*f g*{h:*}"),
    compile_phrases(["a * b", "c *"]),
    _FRAME,
    _ANSI,
]


@pytest.mark.parametrize("pattern", COMPILED, ids=lambda one: one.pattern[:40])
def test_a_regular_expression_is_linear(pattern):
    """No repeat in an open repeat, no reference; of open repeats, one that can be retried."""
    tree = PARSER.parse(pattern.pattern, pattern.flags)
    assert len(list(unbounded(tree))) <= 1


def test_the_check_of_regular_expressions_finds_those_that_are_not():
    """Each form of it."""
    for text in ("(a+)+", "(?:a|b*)*x", ".*a.*b"):
        with pytest.raises(AssertionError):
            assert len(list(unbounded(PARSER.parse(text)))) <= 1


def test_no_cli_is_named_in_the_code():
    """A new CLI, or a new version, is a table."""
    names = {name for one in shipped_tables() if not one.everywhere for name in (one.name, *one.cli)}
    folder = LINES.parents[2] / "exporter/log_formats"
    for path in folder.glob("*.py"):
        code = re.sub(r'"""(?s:.*?)"""', "", path.read_text())
        assert not names & set(re.findall(r"[a-z]+", code.lower())), path


def test_the_example_of_the_documentation_is_a_format():
    """As it is written there."""
    (example,) = re.findall(r"```yaml\n(.*?)```", (LINES.parents[2] / "docs/log-formats.md").read_text(), re.DOTALL)
    formats = compile_formats([msgspec.yaml.decode(example, type=Format)])
    started, retry = {"type": "run.started", "session_id": "a"}, {"type": "retry", "error": {"status": 529}}
    end = {
        "type": "run.finished",
        "ok": False,
        "reason": "turn_limit",
        "cost_usd": 0.5,
        "usage": {"input": 1, "output": 2},
    }
    assert report_of(started, retry, formats=formats).retrying == "overloaded"
    ended = report_of(started, {"type": "tool.start"}, end, formats=formats)
    assert (ended.error, ended.cost_dollars, ended.tokens_input, ended.unread) == ("max_turns", 0.5, 1, 0)
    assert (
        report_of(started, "my-agent: waiting for 7 s after status 429 ...", formats=formats).retrying == "rate_limit"
    )


def test_each_table_has_an_example():
    """Of the lines directory, with its evidence."""
    for one in shipped_tables():
        assert one.title
        assert one.everywhere or facts(read(lines_of(f"{one.name}.done.log")))["format"] == one.name
