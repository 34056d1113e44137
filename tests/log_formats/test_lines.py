"""Example logs of each CLI: every field of the report, however they are cut and whatever the run says."""

import pytest

from exporter.log_formats import shipped_tables
from tests.log_formats.reading import INDEX, LINES, facts, lines_of, read, shorten

AGENTS = [name for name, (_, expected) in INDEX.items() if "format" in expected]


def test_every_example_is_tested():
    """A file that is not in the index would test nothing."""
    assert set(INDEX) == {path.name for path in LINES.iterdir()} - {"INDEX.tsv"}
    assert {INDEX[name][1]["format"] for name in AGENTS} == {one.name for one in shipped_tables()} - {"scripts"}


@pytest.mark.parametrize("name", INDEX)
def test_an_example_is_read(name):
    """Without the name of the CLI: the lines decide."""
    assert facts(read(lines_of(name))) == pytest.approx(INDEX[name][1])


@pytest.mark.parametrize("expected", ["right", "claude", "codex", "droid", "goose", "qwen", "someone"])
@pytest.mark.parametrize("name", AGENTS)
def test_the_cli_of_the_run_may_be_wrong(name, expected):
    """A run may name another CLI than the one that is started, or none that is known."""
    found = INDEX[name][1]
    report = read(lines_of(name), expected=found["format"] if expected == "right" else expected)
    assert facts(report) == pytest.approx(found)


@pytest.mark.parametrize("name", [name for name in INDEX if name.endswith(".cri")])
def test_a_long_line_of_which_only_both_ends_are_left_is_read(name):
    """As the poller gives lines of megabytes."""
    lines = [shorten(line) for line in lines_of(name)]
    assert any(line.cut for line in lines)
    assert facts(read(lines)) == pytest.approx(INDEX[name][1])


@pytest.mark.parametrize("name", AGENTS)
def test_windows_line_ends_colours_and_a_byte_order_mark_change_nothing(name):
    """Such as a terminal, or a CLI that takes the log for one, writes."""
    dressed = [
        line._replace(text=b"\xef\xbb\xbf" * (not at) + line.text + b"\x1b[0m\r")
        for at, line in enumerate(lines_of(name))
    ]
    assert facts(read(dressed)) == pytest.approx(INDEX[name][1])
