"""The demo's clock: faster than real time, and controlled only by the two functions that it gets."""

import datetime as dt

import pytest

from lab.clock import FastClock, duration, of_day, rfc3339, seconds_of


class FakeRealTime:
    """Real time that passes only during waits."""

    def __init__(self):
        self.now = 50.0
        self.waits = []

    def monotonic(self):
        """The real time, in seconds."""
        return self.now

    async def wait(self, seconds):
        """Advances the real time."""
        self.waits.append(seconds)
        self.now += seconds


def a_clock(real, **changes):
    """A clock that starts at 1000 and is 60 times faster than real time."""
    return FastClock(**{"start": 1000.0, "speed": 60.0, "monotonic": real.monotonic, "wait": real.wait} | changes)


async def test_a_simulated_minute_takes_a_second():
    """The speed is 60."""
    real = FakeRealTime()
    clock = a_clock(real)
    await clock.sleep(60.0)
    assert (real.waits, clock()) == ([1.0], 1060.0)


async def test_a_time_in_the_past_is_not_waited_for():
    """A late step of the script is executed at once. A wait is never negative."""
    real = FakeRealTime()
    clock = a_clock(real)
    await clock.sleep_until(1120.0)
    await clock.sleep_until(900.0)
    assert real.waits == [2.0]


async def test_a_change_of_speed_keeps_the_time():
    """The time does not jump when the replay ends and the clock slows down to real time."""
    real = FakeRealTime()
    clock = a_clock(real)
    await clock.sleep(60.0)
    clock.change_speed(1.0)
    assert clock() == 1060.0
    await clock.sleep(5.0)
    assert (clock(), clock.speed) == (1065.0, 1.0)


async def test_the_clock_waits_for_tasks_that_are_due():
    """It stops at the earliest time that is due, and continues from there without catching up."""
    real = FakeRealTime()
    clock = a_clock(real)
    clock.hold_at("slow", 1030.0)
    clock.hold_at("quick", 1300.0)
    real.now += 100.0
    assert clock() == 1030.0
    real.now += 100.0
    clock.hold_at("slow", 1060.0)
    assert clock() == 1030.0
    await clock.sleep(30.0)
    assert clock() == 1060.0
    clock.hold_at("slow", None)
    real.now += 1.0
    assert clock() == 1120.0
    real.now += 100.0
    assert clock() == 1300.0


async def test_a_sleep_lasts_while_the_clock_is_stopped():
    """A task that sleeps continues at its simulated time, however long the clock was stopped."""
    real = FakeRealTime()
    released = []

    async def wait(seconds):
        await real.wait(seconds)
        if len(real.waits) == 3:
            clock.hold_at("slow", None)
            released.append(real.now)

    clock = a_clock(real, wait=wait)
    clock.hold_at("slow", 1030.0)
    await clock.sleep_until(1060.0)
    assert clock() == 1060.0
    assert len(real.waits) > 3
    assert released


def test_times_are_utc_and_formatted_as_in_kubernetes():
    """The times of the script, of the objects and of the rules are equal."""
    moment = of_day(dt.date(2026, 3, 4), "12:32")
    assert rfc3339(moment + 0.9) == "2026-03-04T12:32:00Z"
    assert seconds_of("2026-03-04T12:32:00Z") == moment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (40, "40 s"), (90.3, "1 min 30 s"), (930, "15 min 30 s"), (27540, "7 h 39 min"), (3600, "1 h")],
)
def test_durations_have_at_most_two_units(seconds, text):
    """Units that are zero are omitted."""
    assert duration(seconds) == text
