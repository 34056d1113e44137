"""The largest value of the last 24 hours."""

import pytest

from exporter.cache.rolling_max import RollingMax

DAY = 86_400.0


def rolling_max(*values, every=60.0):
    """A RollingMax that has had these values, one every `every` seconds from 0 on."""
    largest = RollingMax(values[0])
    for index, value in enumerate(values[1:], start=1):
        largest.put(value, now=index * every)
    return largest


@pytest.mark.parametrize(
    ("values", "now", "expected"),
    [
        ((5,), 0.0, 5),
        ((5,), 10 * DAY, 5),
        ((5, 3), 60.0, 5),
        ((5, 3), 60.0 + DAY - 1, 5),
        ((5, 3), 60.0 + DAY, 3),
        ((5, 3, 9), 120.0, 9),
        ((5, 3, 9, 1), 180.0 + DAY - 1, 9),
        ((9, 5, 1), 60.0 + DAY, 5),
        ((9, 5, 1), 120.0 + DAY, 1),
        ((5, 3, 3, 3), 60.0 + DAY, 3),
        ((0, 7), 60.0, 7),
    ],
)
def test_a_value_counts_for_24_hours_after_it_was_replaced(values, now, expected):
    """How long it was valid, and which values came between, does not matter."""
    assert rolling_max(*values).at(now) == expected


def test_a_clock_that_was_ahead_does_not_extend_the_24_hours():
    """A value that was replaced in the future is treated as replaced now."""
    largest = RollingMax(9)
    largest.put(1, now=100 * DAY)
    assert largest.at(0.0) == 9
    assert largest.at(DAY) == 1


def test_at_most_64_values_are_stored():
    """The largest is stored. A value that is discarded may be overestimated, but never underestimated."""
    largest = rolling_max(*range(2_000, 1_000, -1), every=1.0)
    assert len(largest._past) <= 64
    assert largest.at(999.0) == 2_000
    assert largest.at(500.0 + DAY) >= 1_500
    assert largest.at(999.0 + DAY) == 1_001
