"""A log response with arbitrary bytes becomes lines of the container, none with a time in the future."""

import itertools
import time

import pytest
from hypothesis import given, strategies as st

from exporter.kube.budget import Budget
from exporter.log_formats import LogReader, shipped_formats
from exporter.log_polling.container import ContainerReader
from exporter.log_polling.cursor import StampedLine
from exporter.log_polling.lines import LogLines
from exporter.log_polling.states import STATES
from exporter.log_polling.targets import Target
from tests.log_polling.polls import NOW, CountingReader

FORMATS = shipped_formats()
TARGET = Target("key", "job", "pod", "n", "p", "main", "node", "claude")
STAMPS = st.sampled_from(
    [
        *(b"%04d-01-15T08:00:01.000000000Z " % year for year in (1, 1969, 2026, 2027, 9999)),
        *(b"2027-01-15T08:00:00.%09dZ " % nanosecond for nanosecond in range(3)),
        b"2027-01-15T12:00:00.000000001+02:00 ",
        b"2027-13-15T12:00:00.000000001Z ",
        b"",
    ]
)
LINES = st.lists(st.tuples(STAMPS, st.binary(max_size=30)).map(b"".join), max_size=6)


def read(container_reader, body, *, is_over):
    """Feeds a log response to the reader. Returns the selected lines and their state."""
    with Budget().share("/log") as share:
        lines = LogLines(share)
        lines.feed(body)
        reading = container_reader.select(lines.finish(is_over=is_over))
        for _ in container_reader.feed(reading.lines, NOW):
            pass
    return reading


@given(st.lists(LINES, max_size=4), st.booleans())
def test_a_response_with_arbitrary_bytes_never_breaks_the_reader(responses, is_over):
    """The state is one of STATES, no time is in the future, and the next `sinceTime` is valid."""
    reader = CountingReader("")
    for one in (ContainerReader(TARGET, reader), ContainerReader(TARGET, LogReader(FORMATS, expected=""))):
        for response in responses:
            assert read(one, b"\n".join(response), is_over=is_over).state in STATES
            since = one.params(NOW).get("sinceTime", "2027-01-15T08:00:00Z")
            assert "1970" <= since <= "2027-01-15T08:00:00Z"
        assert (one.log.report.last_line or 0) <= NOW
    assert all(line.time <= NOW for line in reader.lines)


def test_a_response_with_only_messages_of_the_kubelet_is_an_error():
    """If the response also has a line of the container, it is not an error."""
    one = ContainerReader(TARGET, CountingReader(""))
    assert read(one, b"failed to create fsnotify watcher\n", is_over=False)[::3] == ("error", 1)
    assert read(one, b"rest\n2027-01-15T08:00:00.000000000Z a\n", is_over=False)[::3] == ("ok", 1)
    assert read(one, b"", is_over=False).state == "ok"


def times(reader):
    """The seconds since NOW of the lines that were read."""
    return [round(line.time - NOW, 3) for line in reader.lines]


def feed(one, at, *stamps):
    """A read at NOW + at succeeds, with lines of these seconds since NOW."""
    lines = [StampedLine(int((NOW + second) * 1_000_000_000), b"x", cut=False) for second in stamps]
    for _ in one.feed(lines, NOW + at):
        pass
    one.record_success(NOW + at)


def test_the_clock_of_a_node_is_behind_by_ten_minutes():
    """A new line is not older than the read before it."""
    one = ContainerReader(TARGET, reader := CountingReader(""))
    feed(one, 100, -600, -500)
    feed(one, 115, -490, -486)
    feed(one, 130)
    feed(one, 145, -460, 125, 130, 999)
    assert times(reader) == [-600, -500, 95, 95, 125, 125, 130, 145]
    one.previous = True
    feed(one, 160, -440)
    assert times(reader)[-1] == -440


@pytest.mark.parametrize(("since", "seconds"), [(None, 180), (0, 60), (-1799, 60), (-1800, 180)])
def test_a_report_with_a_last_word_is_stale_earlier(since, seconds):
    """While it is read every 15 s."""
    one = ContainerReader(TARGET, CountingReader(""))
    assert not one.expire(NOW)
    feed(one, 0)
    one.schedule.after_success(NOW, after_word=None if since is None else NOW + since)
    assert [one.expire(NOW + at) for at in (seconds, seconds + 1, seconds + 2)] == [False, True, False]


def test_other_tasks_have_a_turn_every_10_ms(monkeypatch):
    """The time counts, and not the bytes: a hostile line of 3 KiB may take as long as many long lines."""
    clock = itertools.count(step=0.004)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    one = ContainerReader(TARGET, CountingReader(""))
    lines = [StampedLine(0, b"x", cut=False)] * 9
    assert len([*one.feed(lines, NOW)]) == 3
