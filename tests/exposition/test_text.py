"""What a page is made of: whatever a label holds, the page parses and gives it back."""

import re
import subprocess
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition.family import Family
from exporter.exposition.text import escape, escape_rows, format_number, head
from lab.components import component
from tests.worlds import parsed

VALUES = {
    "nothing": "",
    "a word": "tess",
    "quotes": 'say "no"',
    "backslashes": "C:\\new\\",
    "escapes that are none": '\\n\\"',
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
    "drawn as nothing": "\u3164\u115f\u034f\ufe0f\u2800",
    "other blanks": "\xa0\u3000",
    "nobody's": "\ue000\u0378",
}
DRAWN_AS_NOTHING = {*map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))}
DRAWN_AS_NOTHING |= {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"}

WORDS = Family(name="word_info", help="Words.", label_names=("text",), rows=lambda item, _: [((item,), 1)])


def shown(value):
    """What stands on the page for a value."""
    value = re.sub(r"\{(?=\{)", "{ ", value)
    hidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
    return "".join(
        "\ufffd" if c != " " and (unicodedata.category(c) in hidden or c in DRAWN_AS_NOTHING) else c for c in value
    )


def page_with(values):
    """A page with a sample for each value, named by its number."""
    return WORDS.head + WORDS.lines([(f'n="{number}"', value) for number, value in enumerate(values)], None)


def read(page):
    """The values on a page, by both parsers, in their order."""
    return [labels["text"] for _, labels, _ in parsed(page)]


@pytest.mark.parametrize("value", [*VALUES.values(), *HOSTILE.values()], ids=[*VALUES, *HOSTILE])
def test_a_value_is_given_back_as_it_was(value):
    """Each character that cannot be seen, or that begins a line, becomes U+FFFD."""
    page = page_with([value])
    assert read(page) == [shown(value)]
    assert len(page.split("\n")) == 4
    page.encode()


def test_ordinary_values_are_not_changed_at_all():
    """The check above compares with itself where nothing is hostile."""
    assert [shown(value) for value in VALUES.values()] == [*VALUES.values()]


@pytest.mark.parametrize("value", ["a {{ .x }}", "{{{{ .x }}", "{{{.x}}}", '"{{"', "\x00{{"])
def test_a_value_begins_no_template(value):
    """PagerDuty's details are expanded twice by Alertmanager 0.31."""
    (text,) = read(page_with([value]))
    assert "{{" not in text
    assert text.replace(" ", "") == shown(value).replace(" ", "")


@settings(max_examples=300, deadline=None, database=None)
@given(values=st.lists(st.text(st.characters(exclude_categories=())), max_size=4))
def test_any_text_is_given_back(values):
    """Surrogates included."""
    assert read(page_with(values)) == [shown(value) for value in values]
    assert list(escape_rows([tuple(values), ("a",)])) == [tuple(map(escape, values)), ("a",)]


def test_what_needs_no_escaping_is_the_very_same_text():
    """In life that is all of it: no copy is made."""
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
def test_numbers_as_prometheus_reads_them(value, text):
    """Whole ones without a point; no digit is lost; what no float can hold is infinite."""
    assert format_number(value) == text


@settings(deadline=None, database=None)
@given(value=st.floats(allow_nan=False) | st.integers())
def test_a_number_is_given_back(value):
    """To the last digit that a float has."""
    ((_, _, got),) = parsed(f"# TYPE a gauge\na {format_number(value)}\n")
    assert float(got) == float(value)


def test_the_head_of_a_family_is_two_lines_whatever_its_help_says():
    """Backslashes and newlines are escaped."""
    text = head(name="a", kind="gauge", help_text="One\\two\nthree.")
    assert text == "# HELP a One\\\\two\\nthree.\n# TYPE a gauge\n"
    (family,) = parse_text(text)
    assert family.documentation == "One\\two\nthree."


def test_a_family_of_one_value_has_a_sample_where_there_is_a_value():
    """None is no sample; zero is one."""
    family = Family(name="a", help="A.", value=lambda item, factor: None if item is None else item * factor)
    objects = [('o="1"', 2), ('o="2"', None), ('o="3"', 0)]
    assert family.lines(objects, 10) == 'a{o="1"} 20\na{o="3"} 0\n'
    assert family.lines([], 10) == ""


def test_a_family_of_rows_has_a_sample_for_each_row():
    """With its own labels after those of the object; none, one or many."""
    family = Family(
        name="a", help="A.", label_names=("x", "y"), rows=lambda item, _: [((c, "%s"), 1.5) for c in item]
    )
    objects = [('o="1"', "bc"), ('o="%s"', ""), ('o="%d"', '"')]
    assert family.lines(objects, None) == (
        'a{o="1",x="b",y="%s"} 1.5\na{o="1",x="c",y="%s"} 1.5\na{o="%d",x="\\"",y="%s"} 1.5\n'
    )


@pytest.mark.needs("promtool")
def test_promtool_reads_the_worst_page():
    """Prometheus' own parser: every value, and numbers of every size. What it says about names is only advice."""
    numbers = [10**400, 1e308, float("nan"), 0.1, -62135596800, 10**30]
    page = page_with([*VALUES.values(), *HOSTILE.values()]) + "# HELP a A.\n# TYPE a gauge\n"
    page += "".join(f'a{{n="{index}"}} {format_number(value)}\n' for index, value in enumerate(numbers))
    done = subprocess.run(
        [component("promtool"), "check", "metrics"], input=page.encode(), capture_output=True, check=False
    )
    assert b"error while" not in done.stderr
    assert done.returncode in {0, 3}, done.stderr  # 3: only lint findings
    broken = subprocess.run(
        [component("promtool"), "check", "metrics"],
        input=b"a 1" + b"0" * 400 + b"\n",
        capture_output=True,
        check=False,
    )
    assert broken.returncode == 1
