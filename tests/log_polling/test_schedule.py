"""When a log is read: every minute, more often after a last word, later after failures."""

import pytest

from exporter.log_polling.schedule import Schedule

NOW = 1_000_000.0


def test_reads_are_a_minute_apart_from_the_first_one():
    """Whenever the answer arrives."""
    schedule = Schedule("uid")
    first = schedule.first(NOW)
    assert NOW < first <= NOW + 61
    assert schedule.after_success(first + 0.5, last_word=None) == pytest.approx(first + 60)
    assert schedule.after_success(first, last_word=None) == pytest.approx(first + 60)


def test_pods_are_read_at_different_seconds():
    """A thousand of them within each second's share, the same ones after a restart."""
    firsts = [Schedule(f"uid-{number}").first(NOW) - NOW for number in range(6000)]
    assert max(firsts) <= 61
    counts = [sum(int(at % 60) == second for at in firsts) for second in range(60)]
    assert min(counts) > 50
    assert max(counts) < 170
    assert firsts == [Schedule(f"uid-{number}").first(NOW) - NOW for number in range(6000)]


@pytest.mark.parametrize(("age", "wait"), [(0, 15), (359, 15), (360, 60), (-5, 15), (None, 60)])
def test_after_a_last_word_it_is_read_every_15_seconds_for_six_minutes(age, wait):
    """A new session may follow."""
    schedule = Schedule("uid")
    at = schedule.first(NOW)
    word = None if age is None else at - age
    assert schedule.after_success(at, last_word=word) - at == pytest.approx(wait, abs=0.001)


def test_failures_delay_it_up_to_ten_minutes():
    """A success ends that."""
    schedule, at, delays = Schedule("uid"), Schedule("uid").first(NOW), []
    for _ in range(6):
        after = schedule.after_failure(at)
        delays.append(round((after - at) / 60))
        at = after
    assert delays == [1, 2, 4, 8, 10, 10]
    schedule.after_success(at, last_word=None)
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
