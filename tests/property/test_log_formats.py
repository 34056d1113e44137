"""Properties of the reader of logs, for any lines: it does not raise, is incremental and bounded, invents no time."""

import copy
import json
import pickle
import typing

import msgspec
import pytest
from hypothesis import given, strategies as st

from exporter.log_formats import Line, LogReader, shipped_formats
from exporter.log_formats.language import ErrorClass
from tests.log_formats.reading import INDEX, facts, lines_of, read
from tests.property.profiles import examples

NAMES = sorted(INDEX)
KNOWN = [line for name in NAMES for line in lines_of(name)]
CLASSES = {"", *typing.get_args(ErrorClass)}
NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
_KEYS = (
    "type kind subtype is_error result usage error message status stats part reason tokens cost session_id sessionID "
    "exitCode data modelUsage total_cost_usd num_turns source action finalText isError"
)
KEYS = st.sampled_from(_KEYS.split())
_WORDS = (
    "result system init error success thread.started turn.completed turn.failed step_start step_finish stop complete "
    "completion message MessageEvent ActionEvent FinishAction agent user rate_limit_event assistant.turn_end"
)
WORDS = st.sampled_from(_WORDS.split())
VALUES = st.recursive(st.one_of(NUMBERS, WORDS), lambda inner: st.dictionaries(KEYS, inner, max_size=4), max_leaves=8)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8).map(lambda value: json.dumps(value).encode())
TEXTS = st.one_of(
    st.binary(max_size=60),
    OBJECTS,
    st.sampled_from([line.text for line in KNOWN]),
    st.sampled_from([b"{", b"}", b"["]),
)
LINES = st.lists(st.builds(Line, st.floats(0, 1e10), TEXTS, st.booleans()), max_size=12)


@examples(400)
@given(LINES, st.sampled_from(["", "claude", "codex", "droid", "none"]))
def test_whatever_is_fed_is_bounded(lines, expected):
    """Classes of closed sets, times of lines, numbers that are finite and not negative."""
    report = read(lines, expected=expected)
    times = [line.time for line in lines]
    assert {report.first_line, report.last_line, report.last_word} <= {None, *times}
    assert report.outcome in ("", "success", "error")
    assert report.error in CLASSES
    assert bool(report.error) == (report.outcome == "error")
    assert report.retrying in CLASSES
    assert report.waiting_for in ("", "input", "permission")
    assert report.format in {one.format.name for one in shipped_formats().all} | {""}
    amounts = (report.cost_dollars, report.turns, report.tokens_input, report.tokens_output)
    assert all(amount is None or 0 <= amount < float("inf") for amount in amounts)
    assert 0 <= report.lines_after <= len(lines)
    assert report.sessions <= len(lines)
    assert len(msgspec.json.encode(report)) < 1024


@examples(200)
@given(LINES, st.data())
def test_a_split_changes_nothing(lines, data):
    """A poll may end after any line."""
    at = data.draw(st.integers(0, len(lines)))
    reader = LogReader(shipped_formats())
    reader.feed(lines[:at])
    assert reader.report.unread <= len(lines)
    reader.feed(iter(lines[at:]))
    assert reader.report == read(lines)


@examples(200)
@given(st.sampled_from(NAMES), st.data())
def test_a_log_that_begins_in_the_middle_has_the_same_last_word(name, data):
    """The first poll gets the end of a log. The outcome may depend on an error that is not in it."""
    lines = lines_of(name)
    whole = read(lines)
    at = data.draw(st.integers(0, len(lines)))
    report = read(lines[at:], expected=whole.format)
    if any(line.time == whole.last_word and line.text[:1] == b"{" for line in lines[at:]):
        assert report.last_word == whole.last_word
    assert report.sessions <= whole.sessions


def reordered(value, order):
    """The same JSON with its keys in another order, and one that is new."""
    if isinstance(value, dict):
        items = [(key, reordered(inner, order)) for key, inner in value.items()]
        order.shuffle(items)
        return dict(items)
    return [reordered(item, order) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".log")])
@examples(8)
@given(order=st.randoms(use_true_random=False), blanks=st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]))
def test_the_order_of_keys_blanks_and_new_fields_change_nothing(name, order, blanks):
    """Nothing of these is promised by a CLI."""

    def rewritten(line):
        try:
            value = json.loads(line.text)
        except ValueError:
            return line
        if isinstance(value, dict):
            value = {**value, "a_new_field": {"type": "result", "is_error": True}, "another": None}
        return line._replace(text=json.dumps(reordered(value, order), separators=blanks).encode())

    lines = lines_of(name)
    assert facts(read([rewritten(line) for line in lines])) == pytest.approx(INDEX[name][1])


def test_a_reader_does_not_grow():
    """A hundred times the lines of every example take no more memory than one time."""

    def size(times):
        reader = LogReader(shipped_formats())
        reader.feed(KNOWN * times)
        parts = [copy.copy(vars(reader._state)), reader._block._text, reader._has_head, reader._has_json]
        parts[0]["_counters"] = [counter.value for counter in parts[0]["_counters"].values()]
        return len(pickle.dumps(parts))

    assert size(100) <= size(1) + 64
    assert size(1) < 2048
