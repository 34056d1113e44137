"""New lines: those after the last one that was read, by its stamp and the number of lines with that stamp."""

import pytest
from hypothesis import given, strategies as st

from exporter.log_polling.cursor import Cursor, StampedLine

SECOND = 10**9
NOW = 2_000.0


def lines(*stamps):
    """Lines with these stamps in seconds. The text is the stamp and its number among equal ones."""
    return [
        StampedLine(int(at * SECOND), b"%d/%d" % (at * 1000, stamps[:place].count(at)))
        for place, at in enumerate(stamps)
    ]


def new(cursor, *stamps):
    """The numbers of new lines of an answer, and whether there may be a gap."""
    found = cursor.advance(lines(*stamps))
    return [line.text.decode() for line in found.lines], found.gap


def test_the_first_answer_is_new():
    """If it has all the lines that were requested, there are earlier ones."""
    cursor = Cursor()
    assert (cursor.since(NOW), cursor.has_read) == (None, False)
    assert new(cursor, 1000, 1001) == (["1000000/0", "1001000/0"], False)
    assert (cursor.since(NOW), cursor.has_read) == (1000, True)
    assert Cursor().advance(lines(*range(256))).gap


def test_lines_with_the_same_stamp_are_counted():
    """Two were read, so the third is new."""
    cursor = Cursor()
    new(cursor, 1000, 1001, 1001)
    assert new(cursor, 1001, 1001) == ([], False)
    assert new(cursor, 1001, 1001, 1001, 1002) == (["1001000/2", "1002000/0"], False)


def test_a_stamp_has_nanoseconds():
    """The API server selects by whole seconds: the lines of that second before the last one are not new."""
    cursor = Cursor()
    cursor.advance(lines(1000.25, 1000.5))
    assert new(cursor, 1000.25, 1000.5, 1000.75) == (["1000750/0"], False)


def test_an_answer_without_the_last_line_may_have_a_gap():
    """More than 256 lines have been written, or the log has been rotated."""
    cursor = Cursor()
    new(cursor, 1000)
    assert new(cursor, 1003, 1004) == (["1003000/0", "1004000/0"], True)
    assert new(cursor, 1004) == ([], False)


def test_an_empty_answer_resets_nothing():
    """The log has been rotated: what was read stays read."""
    cursor = Cursor()
    new(cursor, 1000, 1001)
    assert new(cursor) == ([], False)
    assert cursor.since(NOW) == 1000
    assert new(cursor, 1000, 1001) == ([], False)


def test_a_clock_that_is_set_back_hides_no_line():
    """The position counts, and not the order of the stamps."""
    cursor = Cursor()
    new(cursor, 1000, 1300)
    assert new(cursor, 1000, 1300, 1010) == (["1010000/0"], False)
    assert new(cursor, 1300, 1010, 1011) == (["1011000/0"], False)


def test_a_stamp_in_the_future_selects_nothing():
    """The API server would not send lines until that time. The same applies to a stamp before 1970."""
    cursor = Cursor()
    new(cursor, 3000)
    assert cursor.since(NOW) is None
    new(cursor, -62_135_596_800)
    assert cursor.since(NOW) is None


def test_a_quiet_log_is_read_once_in_ten_times_without_a_time():
    """A clock that was set back by less than the age of the last line would hide new lines."""
    cursor = Cursor()
    new(cursor, 1000)
    times = []
    for _ in range(22):
        times.append(cursor.since(NOW))
        new(cursor, 1000)
    assert [at for at, time in enumerate(times) if time is None] == [10, 21]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.data())
def test_every_line_is_new_exactly_once(deltas, data):
    """Whatever the stamps, while each answer has the last line that was read."""
    log = lines(*[1000 + delta for delta in sorted(deltas)])
    cursor, read, at = Cursor(), [], 0
    while at < len(log):
        start = data.draw(
            st.integers(0, next((i for i, one in enumerate(log) if one.stamp == log[max(0, at - 1)].stamp)))
        )
        at = data.draw(st.integers(at + 1, len(log)))
        read += cursor.advance(log[start:at]).lines
    assert read == log


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_lines_with_that_stamp_are_no_new_ones(count):
    """The answer begins among them."""
    cursor = Cursor()
    new(cursor, *[1000] * 3)
    assert new(cursor, *[1000] * count) == ([], False)
