"""When a log is read: every minute, more often after a last word, later after failures."""

import pytest

from exporter.log_polling.schedule import Schedule

NOW = 1_000_000.0


def test_reads_are_a_minute_apart_whenever_the_answer_arrives():
    """The first one is soon."""
    schedule = Schedule("uid")
    first = schedule.first(NOW)
    assert NOW < first <= NOW + 16
    second = schedule.after_success(first, after_word=None)
    assert round(second - first, 3) in {15, 30, 45, 60}
    assert schedule.after_success(second + 0.5, after_word=None) == pytest.approx(second + 60, abs=0.001)
    assert schedule.after_success(second, after_word=None) == pytest.approx(second + 60, abs=0.001)


def test_pods_are_read_at_different_seconds():
    """About as many in each second, at first and later; the same ones after a restart."""
    schedules = [Schedule(f"uid-{number}") for number in range(6000)]
    firsts = [schedule.first(NOW) for schedule in schedules]
    seconds = [schedule.after_success(NOW, after_word=None) for schedule in schedules]
    for times, interval in ((firsts, 15), (seconds, 60)):
        counts = [sum(int(at % interval) == second for at in times) for second in range(interval)]
        assert min(counts) > 0.5 * 6000 / interval
        assert max(counts) < 1.7 * 6000 / interval
    assert firsts == [Schedule(f"uid-{number}").first(NOW) for number in range(6000)]


@pytest.mark.parametrize(("age", "wait"), [(0, 15), (1799, 15), (1800, 60), (-5, 15), (None, 60)])
def test_after_a_last_word_it_is_read_every_15_seconds_until_30_minutes_without_a_line(age, wait):
    """The age of the newest line that was read must be about that of the newest line."""
    schedule = Schedule("uid")
    at = schedule.after_success(NOW, after_word=None)
    line = None if age is None else at - age
    assert schedule.after_success(at, after_word=line) - at == pytest.approx(wait, abs=0.001)
    assert schedule.is_fast is (wait == 15)


def test_after_a_last_word_the_first_failures_delay_it_less():
    """It is read again before its report is stale."""
    schedule, delays = Schedule("uid"), []
    at = schedule.after_success(NOW, after_word=NOW)
    for _ in range(6):
        after = schedule.after_failure(at)
        delays.append(round(after - at))
        at = after
    assert delays == [15, 30, 60, 120, 240, 480]
    assert schedule.at_end(at) == at
    assert schedule.after_failure(at) - at > 15


def test_failures_delay_it_up_to_ten_minutes():
    """A success ends that."""
    schedule, delays = Schedule("uid"), []
    at = schedule.after_success(NOW, after_word=None)
    for _ in range(6):
        after = schedule.after_failure(at)
        delays.append(round((after - at) / 60))
        at = after
    assert delays == [1, 2, 4, 8, 10, 10]
    schedule.after_success(at, after_word=None)
    assert schedule.after_failure(at) - at == pytest.approx(60)


def test_at_the_end_of_the_container_it_is_read_at_once():
    """With three attempts."""
    schedule = Schedule("uid")
    for _ in range(5):
        schedule.after_failure(NOW)
    assert schedule.at_end(NOW) == NOW
    seen = []
    for _ in range(3):
        seen.append(schedule.is_exhausted)
        schedule.after_failure(NOW)
    assert (seen, schedule.is_exhausted) == ([False] * 3, True)
