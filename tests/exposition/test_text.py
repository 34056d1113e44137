"""The exposition text is valid for any label value."""

import re
import subprocess
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition.family import Family
from exporter.exposition.text import escape, escape_rows, format_number, head
from lab.components import component
from tests.harness import parse_exposition

VALUES = {
    "nothing": "",
    "a word": "tess",
    "quotes": 'say "no"',
    "backslashes": "C:\\new\\",
    "no escapes": '\\n\\"',
    "braces": "a{b=1} 2",
    "emoji": "\U0001f680\U0001f1e9\U0001f1ea",
    "other scripts": "日本語 ١٢٣ abc",
    "10,000 characters": "x" * 9_999 + '"',
    "spaces": "  a  ",
    "a comment": "# HELP",
}
HOSTILE = {"NUL": "a\x00b", "control characters": "\x01\t\r\x1b\x7f", "lone surrogates": "\ud800a\udfff"}
HOSTILE |= {
    "C1 controls": "\x9b31m\x85",
    "line separators": "b\u2028c\u2029d",
    "bidirectional": "\u202eabc\u2066\u061c",
}
HOSTILE |= {"newlines": "one\ntwo\r\nthree\v\f\x1c", "zero width": "a\u200bb\u200d\ufeff\u2060", "tags": "\U000e0041"}
HOSTILE |= {
    "invisible": "\u3164\u115f\u034f\ufe0f\u2800",
    "other spaces": "\xa0\u3000",
    "private or unassigned": "\ue000\u0378",
}
INVISIBLE = {*map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))}
INVISIBLE |= {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"}

WORD_INFO = Family(name="word_info", help="Words.", label_names=("text",), rows=lambda item, _: [((item,), 1)])


def expected_value(value):
    """The label value that is exposed for a text."""
    value = re.sub(r"\{(?=\{)", "{ ", value)
    hidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
    return "".join(
        "\ufffd" if c != " " and (unicodedata.category(c) in hidden or c in INVISIBLE) else c for c in value
    )


def exposition_of(values):
    """The exposition with one sample for each value, numbered by the label `n`."""
    return WORD_INFO.head + WORD_INFO.render_text(
        [(f'n="{number}"', value) for number, value in enumerate(values)], None
    )


def read(exposition):
    """The label values of the exposition, read by two parsers."""
    return [labels["text"] for _, labels, _ in parse_exposition(exposition)]


@pytest.mark.parametrize("value", [*VALUES.values(), *HOSTILE.values()], ids=[*VALUES, *HOSTILE])
def test_a_label_value_is_preserved(value):
    """Only invisible characters and line breaks are replaced, with U+FFFD."""
    exposition = exposition_of([value])
    assert read(exposition) == [expected_value(value)]
    assert len(exposition.split("\n")) == 4
    exposition.encode()


def test_ordinary_label_values_are_unchanged():
    """Otherwise `expected_value` could hide an error in the test above."""
    assert [expected_value(value) for value in VALUES.values()] == [*VALUES.values()]


@pytest.mark.parametrize("value", ["a {{ .x }}", "{{{{ .x }}", "{{{.x}}}", '"{{"', "\x00{{"])
def test_a_label_value_contains_no_template(value):
    """Alertmanager 0.31 expands the details of PagerDuty twice."""
    (text,) = read(exposition_of([value]))
    assert "{{" not in text
    assert text.replace(" ", "") == expected_value(value).replace(" ", "")


@settings(max_examples=300, deadline=None, database=None)
@given(values=st.lists(st.text(st.characters(exclude_categories=())), max_size=4))
def test_any_label_value_is_preserved(values):
    """This includes surrogates."""
    assert read(exposition_of(values)) == [expected_value(value) for value in values]
    assert list(escape_rows([tuple(values), ("a",)])) == [tuple(map(escape, values)), ("a",)]


def test_a_text_without_special_characters_is_not_copied():
    """Almost all label values are such texts."""
    value = "controller-agent-templates-claude ü\U0001f680"
    assert escape(value) is value
    assert escape_rows(rows := [(value, "a"), ()]) is rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "-0"),
        (1, "1"),
        (True, "1"),
        (False, "0"),
        (1.0, "1"),
        (1_760_000_000, "1760000000"),
        (1_760_000_000.0, "1760000000"),
        (1_760_000_000.25, "1760000000.25"),
        (0.1, "0.1"),
        (1e-9, "1e-09"),
        (-62135596800, "-62135596800"),
        (2**53 + 1, "9007199254740993"),
        (1e22, "10000000000000000000000"),
        (10**30, "1" + "0" * 30),
        (10**400, "+Inf"),
        (-(10**4_000), "-Inf"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_have_the_format_of_prometheus(value, text):
    """Integers have no decimal point, no digit is lost, and numbers too large for a float are infinite."""
    assert format_number(value) == text


@settings(deadline=None, database=None)
@given(value=st.floats(allow_nan=False) | st.integers())
def test_a_number_is_preserved(value):
    """All digits of a float are kept."""
    ((_, _, got),) = parse_exposition(f"# TYPE a gauge\na {format_number(value)}\n")
    assert float(got) == float(value)


def test_the_head_of_a_family_is_two_lines():
    """Backslashes and newlines of the HELP text are escape_rows."""
    text = head(name="a", kind="gauge", help_text="One\\two\nthree.")
    assert text == "# HELP a One\\\\two\\nthree.\n# TYPE a gauge\n"
    (family,) = parse_text(text)
    assert family.documentation == "One\\two\nthree."


def test_a_family_with_a_value_function_has_one_sample_for_each_value():
    """None has no sample, zero has one."""
    family = Family(name="a", help="A.", value=lambda item, factor: None if item is None else item * factor)
    objects = [('o="1"', 2), ('o="2"', None), ('o="3"', 0)]
    assert family.render_text(objects, 10) == 'a{o="1"} 20\na{o="3"} 0\n'
    assert family.render_text([], 10) == ""


def test_a_family_with_a_rows_function_has_a_sample_for_each_row():
    """The labels of the row follow those of the object. There can be none, one or many rows."""
    family = Family(
        name="a", help="A.", label_names=("x", "y"), rows=lambda item, _: [((c, "%s"), 1.5) for c in item]
    )
    objects = [('o="1"', "bc"), ('o="%s"', ""), ('o="%d"', '"')]
    assert family.render_text(objects, None) == (
        'a{o="1",x="b",y="%s"} 1.5\na{o="1",x="c",y="%s"} 1.5\na{o="%d",x="\\"",y="%s"} 1.5\n'
    )


@pytest.mark.needs("promtool")
def test_promtool_accepts_hostile_label_values():
    """The parser of Prometheus reads every value and number. promtool's advice about names is ignored."""
    numbers = [10**400, 1e308, float("nan"), 0.1, -62135596800, 10**30]
    exposition = exposition_of([*VALUES.values(), *HOSTILE.values()]) + "# HELP a A.\n# TYPE a gauge\n"
    exposition += "".join(f'a{{n="{index}"}} {format_number(value)}\n' for index, value in enumerate(numbers))
    done = subprocess.run(
        [component("promtool"), "check", "metrics"], input=exposition.encode(), capture_output=True, check=False
    )
    assert b"error while" not in done.stderr
    assert done.returncode in {0, 3}, done.stderr  # 3 means that there are only lint findings
    broken = subprocess.run(
        [component("promtool"), "check", "metrics"],
        input=b"a 1" + b"0" * 400 + b"\n",
        capture_output=True,
        check=False,
    )
    assert broken.returncode == 1
