"""Numbers, JSON and bytes that no CLI should print, truncated lines, and JSON that spans several lines."""

import json

import pytest

from exporter.log_formats import json_lines
from tests.log_formats.reading import lines_of, read, report_of

INIT = {"type": "system", "subtype": "init", "session_id": "a", "claude_code_version": "2.1.197"}
RESULT = (
    '{{"type":"result","is_error":false,"session_id":"a","total_cost_usd":{0},"num_turns":{0},'
    '"modelUsage":{{"m":{{"inputTokens":{0},"outputTokens":{0}}}}}}}'
)
BAD_NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "-1",
    "true",
    "null",
    '"7"',
    "[7]",
    '{"a":7}',
    "9" * 5000,
    "1e16",
]


@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_a_bad_number_is_ignored_and_the_rest_of_its_line_is_read(number):
    """The result of the line is read, and the number of the result before is kept."""
    report = report_of(INIT, RESULT.format(3), RESULT.format(number))
    assert (report.last_word, report.outcome, report.cost_dollars, report.turns) == (3.0, "success", 3, 3)
    assert (report.tokens_input, report.tokens_output) == (3, 3)


def test_a_word_in_the_place_of_a_number_is_ignored():
    """The placeholder of a text format matches any word, so the reader checks that it is a number."""
    report = report_of("Aider v0.86.2", "Tokens: many sent, 345 received. Cost: $0.05 message, $1.2.3 session.")
    assert (report.tokens_input, report.tokens_output, report.cost_dollars, report.turns) == (None, 345, None, 1)


def test_running_totals_are_added_over_the_processes_of_the_cli():
    """A new session ID or a smaller total means that the CLI was restarted; 0 means that it made no request."""
    lines = [(1.0, "a"), (2.5, "a"), (0, "a"), (2.75, "a"), (0.5, "b"), (0.25, "b")]
    given = [
        {"type": "result", "is_error": False, "total_cost_usd": cost, "session_id": name} for cost, name in lines
    ]
    totals = [report_of(*given[:count]).cost_dollars for count in range(1, len(lines) + 1)]
    assert totals == [1.0, 2.5, 2.5, 2.75, 3.25, 3.5]


def test_a_duplicate_key_has_its_last_value():
    """As in other JSON parsers, so that the result does not depend on the parser."""
    assert report_of('{"type":"result","is_error":true,"is_error":false,"total_cost_usd":1}').outcome == "success"


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"type":' * 50_000 + b"1" + b"}" * 50_000,
        b"{" + b'"a":1,' * 50_000 + b"}",
        b"[" + b"{}," * 50_000 + b"{}]",
        b"\x00\xff\xfe" * 1000,
        b"\x1b[" * 20_000,
        b"\x1b]" * 20_000,
        b"=" * 100_000,
        b"Tokens: 1 sent, " + b"1 received" * 5_000,
        b"{",
        b"}",
        b"",
        b"null",
        b"[]",
        b'{"type":{"type":"result"}}',
        b'{"type":["result"],"usage":[[[]]]}',
    ],
)
def test_a_hostile_line_is_a_line(text):
    """It is counted, and nothing else is read of it."""
    report = report_of(INIT, text)
    assert (report.last_word, report.sessions, report.last_line) == (None, 1, 2.0)


def test_invalid_utf_8_in_a_text_does_not_hide_the_last_word():
    """Output of a tool is in it."""
    text = RESULT.format(2).encode().replace(b"}}}", b'}},"result":"\xff\xfe"}')
    assert report_of(INIT, text).cost_dollars == 2


def test_times_that_are_no_numbers_are_ignored():
    """A line is only read with its time."""
    lines = lines_of("claude.done.log")
    assert read([line._replace(time=float("nan")) for line in lines]).first_line is None


def test_clocks_may_go_backwards():
    """The newest line is the one with the latest stamp, and the last word has its own."""
    lines = lines_of("claude.talks_after_done.log")
    back = read([line._replace(time=1000.0 - at) for at, line in enumerate(lines)])
    assert (back.last_line, back.first_line, back.last_word) == (1000.0, 991.0, 995.0)


def test_the_end_of_a_cut_line_has_the_numbers_without_a_last_word():
    """Its beginning decides about the outcome."""
    tail = b'rrrr, "quoted\\" text","stop_reason":"end_turn","session_id":"a", "total_cost_usd": 1.5,"modelUsage":{}}'
    report = report_of(tail)
    assert (report.cost_dollars, report.last_word, report.format) == (1.5, None, "claude")
    assert report_of(b'{"total_cost_usd": 1.5}').cost_dollars is None


def test_the_beginning_of_a_torn_line_is_the_last_word():
    """Also if its end never comes, and whatever the order of the keys."""
    head = (
        b'{"session_id":"a", "is_error": true, "api_error_status": 429, "type": "result", "num_turns":4, "result":"'
        + b"r" * 5000
    )
    report = report_of(INIT, head + b"(node:1) Warning")
    assert (report.last_word, report.outcome, report.error, report.turns) == (2.0, "error", "rate_limit", 4)
    unknown = report_of(INIT, b'{"type":"result","num_turns":4,"result":"' + b"r" * 5000)
    assert (unknown.last_word, unknown.outcome) == (2.0, "")


def test_the_type_of_a_torn_line_may_be_in_the_part_that_is_missing():
    """Claude Code 2.1.332 writes it after the text. Other objects without a type have no such fields."""
    init, result = lines_of("claude.later_type.cri")
    torn = read([init, result._replace(text=result.text[:9000]), result._replace(text=result.text[9000:])])
    assert (torn.last_word, torn.outcome, torn.turns, torn.tokens_output) == (result.time, "success", 1, 7)
    assert torn.cost_dollars == pytest.approx(0.00018)
    other = b'{"is_error": false, "num_turns": 1, "text": "' + b"r" * 5000
    assert report_of(INIT, other).last_word is None


def test_the_end_of_a_torn_line_names_the_error():
    """The status is after the text."""
    head = b'{"type":"result","is_error":true,"result":"' + b"r" * 5000 + b"(node:1) Warning"
    tail = b'rrr","api_error_status":529,"total_cost_usd":2}'
    report = report_of(INIT, head, tail, "a line after it")
    assert (report.last_word, report.error, report.cost_dollars, report.lines_after) == (2.0, "overloaded", 2, 1)


def test_a_short_line_is_not_torn():
    """Runtimes tear lines of at least some kilobytes; the rest of a sentence is not JSON."""
    assert report_of(INIT, '{"type":"result","is_error":false,"result":"r').last_word is None


PRETTY = {
    "session_id": "a",
    "response": "{\n}",
    "stats": {"models": {"m": {"tokens": {"prompt": 5, "candidates": 2}}}},
}


@pytest.mark.parametrize("indent", [1, 2, "\t"])
def test_an_object_over_several_lines_is_read(indent):
    """With what stands before and after it."""
    report = report_of("Loaded credentials.", *json.dumps(PRETTY, indent=indent).split("\n"), "bye")
    assert (report.outcome, report.tokens_input, report.tokens_output, report.lines_after) == ("success", 5, 2, 1)
    assert report.is_silent_by_design


@pytest.mark.parametrize("between", ["a line of standard error", "{", '{"type":"other"}'])
def test_an_object_with_another_line_in_it_is_not_read(between):
    """Nor does it hide what comes after it."""
    first, *rest = json.dumps(PRETTY, indent=2).split("\n")
    report = report_of(first, *rest[:3], between, *rest[3:], *json.dumps(PRETTY, indent=2).split("\n"))
    assert (report.tokens_input, report.lines_after) == (5, 0)


def test_an_object_over_several_lines_is_bounded():
    """The size of the text of a large one, which is discarded, does not grow."""
    lines = ["{", *['  "key": "value",'] * 5000, '  "session_id": "a"', "}"]
    report = report_of(*lines, *json.dumps(PRETTY, indent=2).split("\n"))
    assert (report.tokens_input, report.last_line) == (5, 5003.0 + len(json.dumps(PRETTY, indent=2).split("\n")))


def test_older_versions_print_a_mark_before_a_pretty_object():
    """`--JSON Event--`."""
    event = {"kind": "ActionEvent", "source": "agent", "action": {"kind": "FinishAction"}}
    report = report_of("--JSON Event--", *json.dumps(event, indent=2).split("\n"), "Goodbye!")
    assert (report.format, report.outcome, report.lines_after) == ("openhands", "success", 1)


@pytest.mark.parametrize(
    ("objects", "unread"),
    [
        ([INIT, {"type": "epilogue", "ok": True}], 1),
        ([{"type": "finished", "session_id": "a", "result": "x"}], 1),
        ([[INIT, {"type": "epilogue"}, {"kind": "x"}]], 2),
        ([{"type": "stdio", "command": "npx"}, {"type": 7, "session_id": "a"}, {"session_id": "a"}], 0),
        ([INIT, {"kind": "Pod", "apiVersion": "v1"}, {"level": "info", "type": "x"}], 0),
    ],
)
def test_objects_of_no_format_are_counted_if_they_look_like_an_agents(objects, unread):
    """A new version of a CLI, or a CLI without a format; not the JSON of scripts, loggers and kubectl."""
    assert report_of(*objects).unread == unread


def test_of_an_array_only_both_ends_are_read():
    """A line of thousands of events must not take seconds. A CLI writes its start first, and its result last."""
    started, result = json.dumps(INIT), RESULT.format(3)
    for number, expected in ((62, 64), (10_000, 64)):
        events = ",".join([started, *["{}"] * number, result])
        found = json_lines.parse(f"[{events}]".encode()).objects
        assert (len(found), found[0], found[-1]) == (expected, INIT, json.loads(result))
    assert report_of(f"[{events}]").last_word == 1.0


def test_a_line_of_more_than_256_kib_is_not_decoded():
    """Decoded, it might take 30 times its size. The members at both of its ends are read."""
    long = json.dumps({"type": "result", "is_error": False, "result": "x" * (256 << 10), "session_id": "a"})
    assert json_lines.parse(json_lines.clean(long.encode())) == ([], False)
    assert report_of(INIT, long).outcome == "success"


@pytest.mark.parametrize("escape", [b"\x1b[", b"\x1b]" + b"a" * 199, b"\x1b[" + b"0" * 32 + b" " * 4])
def test_of_a_long_line_only_both_ends_are_cleaned(escape):
    """Removing escape sequences from 4 MiB would take a tenth of a second, in which nothing else is done."""
    long = b"{" + escape * (300_000 // len(escape)) + b"}\r\n"
    assert json_lines.clean(long) == json_lines.clean(long[:4096] + b"\n" + long[-4096:])
    assert len(json_lines.clean(long)) <= 8193


@pytest.mark.parametrize("inner", [b"{},", b"[],", b",", b'"a",', b"[", b'{"a":[', b'"a":1,', b'\\"', b'"', b"0,"])
def test_a_broken_line_costs_few_attempts(inner, monkeypatch):
    """Lines of this size fit into a response by hundreds, and each is read at both of its ends."""
    tries = []
    monkeypatch.setattr(json_lines, "_try", lambda text, parse=json_lines._try: tries.append(text) or parse(text))
    assert json_lines.members(b"{" + inner * 4000 + b"]}")
    assert len(tries) <= 24


def test_an_end_with_many_members_is_read_from_its_first_comma():
    """A result with the usage of many models."""
    models = json.dumps({f"m{number}": {"outputTokens": number, "costUSD": 0.5} for number in range(60)})
    tail = (
        f'rrr, "quoted\\" text", {{"a": 1, "b": ","}}","session_id":"a","total_cost_usd":30,"modelUsage":{models}}}'
    )
    _, last = json_lines.members(tail.encode())
    assert (last["total_cost_usd"], last["session_id"], len(last["modelUsage"])) == (30, "a", 60)


def test_a_beginning_with_a_text_glued_into_it_is_read_until_the_text():
    """Standard error, with quotes and brackets of its own."""
    first, _ = json_lines.members(
        b'{"type":"result","usage":{"a":1,"b":[1,2]},"is_error":true,"result":"r(x) "y", {"z": 1, ' + b"r" * 5000
    )
    assert first == {"type": "result", "usage": {"a": 1, "b": [1, 2]}, "is_error": True}
