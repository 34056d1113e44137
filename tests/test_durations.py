"""Parses durations as users write them in settings and annotations."""

import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from exporter.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("600", 600),
        ("0.5", 0.5),
        ("007", 7),
        ("999999999999", 999_999_999_999),
        ("250ms", 0.25),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1d", 86400),
        ("2w", 1_209_600),
        ("1y", 31_536_000),
        ("1h1h", 7200),
        (" 5m\n", 300),
        ("none", float("inf")),
    ],
)
def test_valid_durations(text, seconds):
    """Valid are the units of Prometheus, plain seconds, and `none`."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "+1", "1,5", "1.5h", ".5", "5.", "1e9", "1_000", "0x10", "inf", "nan", "None", "soon"),
        *("m", "5 m", "5M", "5min", "1h30", "h1", "5m;", "٣m", "٣", "5\n5", "5m\x00", "\ud800"),
        *("9" * 13, "9" * 400 + "s", "9" * 5_000 + "m", "9" * 5_000, "0." + "1" * 5_000),
    ],
)
def test_invalid_durations(text):
    """The error is one line. It quotes the text, truncated, and gives examples of valid durations."""
    with pytest.raises(ValueError, match="is not a duration: use 600, 90s, 1h30m, 2d, or none") as caught:
        parse_duration(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@settings(deadline=None, database=None)
@given(text=st.text(alphabet="0123456789smhdwy.none- ", max_size=40))
def test_any_text_is_a_non_negative_number_or_a_value_error(text):
    """No other exception is raised: annotations are untrusted text."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0
