"""Properties of log formats of users: an error of one line, or a reader whose report is bounded, for any lines."""

import json
import typing

import msgspec
from hypothesis import given, strategies as st

from exporter.log_formats import Format, FormatError, Line, compile_formats
from exporter.log_formats.language import ErrorClass, Event
from tests.log_formats.reading import read
from tests.property.profiles import examples
from tests.property.test_log_formats import CLASSES, NUMBERS, TEXTS, WORDS

FEW = ("type", "error", "usage", "n")
KEYS = st.sampled_from(FEW)
FIELDS = st.one_of(st.integers(-9, 9), st.floats(), NUMBERS, WORDS)
OBJECTS = st.dictionaries(KEYS, FIELDS, min_size=2).map(lambda value: json.dumps(value).encode())
ROWS = st.one_of(OBJECTS, OBJECTS, OBJECTS, TEXTS)
LINES = st.lists(st.builds(Line, st.floats(0, 1e10), ROWS, st.just(value=False)), min_size=1, max_size=12)
PATHS = st.sampled_from([*FEW * 8, "usage.*", "error.message", "*", "a..b", ""])
PATTERNS = st.one_of(
    st.sampled_from(["*{n}*", "{n:d} of {usage}", "{error:*}", "result {n}*", "*", "{a"]),
    st.text(alphabet="a b{}:*d", max_size=12),
)
SCALARS = st.one_of(WORDS, st.booleans(), st.integers(-9, 9), st.sampled_from(["present", "absent", "turn*"]))
CONDITIONS = st.one_of(
    KEYS.map(lambda key: {key: "present"}),
    st.dictionaries(PATHS, st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), min_size=1, max_size=2),
)
SOURCES = st.builds(lambda key, path: {key: path}, st.sampled_from(["status", "words"]), PATHS)
AMOUNTS = st.builds(lambda key, path: {key: path}, st.sampled_from(["total", "add", "last"]), PATHS)
CLASS = st.one_of(st.sampled_from(typing.get_args(ErrorClass)), SOURCES, st.lists(SOURCES, max_size=2))
VALUES = {
    "when": CONDITIONS,
    "text": PATTERNS,
    "start": st.sampled_from(["each", "if_new", "announced"]),
    "last_word": st.one_of(st.sampled_from(["success", "error"]), CONDITIONS),
    "waiting": st.sampled_from(["input", "permission"]),
    "tail": st.lists(KEYS, max_size=2),
    **dict.fromkeys(("error", "failure", "hint", "retrying"), CLASS),
    **dict.fromkeys(("cost", "turns", "tokens_input", "tokens_cached", "tokens_output"), AMOUNTS),
    **dict.fromkeys(("own", "resume", "if_none", "aside", "ignore"), st.booleans()),
}
USUAL = (
    ("last_word", "error", "cost", "tokens_input", "tokens_cached"),
    ("start", "turns"),
    ("retrying",),
    ("hint", "tail", "tokens_output"),
)
MATCHES = ("when", "when", "when", "text")
NAMES = st.one_of(
    st.sampled_from(USUAL), st.lists(st.sampled_from(sorted(VALUES.keys() - {"when", "text"})), max_size=3)
)
EVENTS = st.tuples(st.sampled_from(MATCHES), NAMES).flatmap(
    lambda picked: st.fixed_dictionaries({name: VALUES[name] for name in (picked[0], *picked[1])})
)
FLAGS = dict.fromkeys(("common", "everywhere", "quiet"), st.booleans())
FORMATS = st.fixed_dictionaries(
    {"name": st.sampled_from(["ours", "claude"]), "events": st.lists(EVENTS, min_size=1, max_size=2)},
    optional={"session": PATHS, "signs": st.lists(CONDITIONS, max_size=2), **FLAGS},
)


def test_every_key_of_an_event_is_generated():
    """A new key must be generated as well."""
    assert set(VALUES) == set(Event.__struct_fields__)


def compiled(given_format):
    """The formats, or the error."""
    try:
        return compile_formats([msgspec.convert(given_format, Format)])
    except (msgspec.ValidationError, FormatError) as error:
        return str(error)


@examples(400)
@given(FORMATS, LINES)
def test_a_format_is_an_error_of_one_line_or_reads_any_lines(given_format, lines):
    """Whatever it says, a report has closed sets, times of lines, and finite numbers that are not negative."""
    formats = compiled(given_format)
    if isinstance(formats, str):
        assert len(formats.splitlines()) == 1
        return
    report = read(lines, expected="ours", formats=formats)
    assert {report.first_line, report.last_line, report.last_word} <= {None, *(line.time for line in lines)}
    assert report.outcome in ("", "success", "error")
    assert {report.error, report.retrying} <= CLASSES
    amounts = (report.cost_dollars, report.turns, report.tokens_input, report.tokens_output)
    assert all(amount is None or 0 <= amount < float("inf") for amount in amounts)
    assert len(msgspec.json.encode(report)) < 1024
