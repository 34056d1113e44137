"""The demo's clock: fast, and steered by nothing but the two functions that it is given."""

import datetime as dt

import pytest

from lab.clock import FastClock, duration, of_day, rfc3339, seconds_of


class Real:
    """Real time that passes only in waiting."""

    def __init__(self):
        self.now = 50.0
        self.waits = []

    def monotonic(self):
        """Real seconds."""
        return self.now

    async def wait(self, seconds):
        """Lets them pass."""
        self.waits.append(seconds)
        self.now += seconds


def a_clock(real, **changes):
    """A clock that begins at 1000 and runs sixty times faster."""
    return FastClock(**{"start": 1000.0, "speed": 60.0, "monotonic": real.monotonic, "wait": real.wait} | changes)


async def test_a_minute_passes_in_a_second():
    """At speed 60, waiting for a simulated minute takes a real second."""
    real = Real()
    clock = a_clock(real)
    await clock.sleep(60.0)
    assert (real.waits, clock()) == ([1.0], 1060.0)


async def test_a_moment_that_has_passed_is_not_waited_for():
    """A late step of the script happens at once, and never asks for a negative wait."""
    real = Real()
    clock = a_clock(real)
    await clock.sleep_until(1120.0)
    await clock.sleep_until(900.0)
    assert real.waits == [2.0]


async def test_another_speed_goes_on_from_the_present_moment():
    """The time never jumps when the replay is over and real time goes on."""
    real = Real()
    clock = a_clock(real)
    await clock.sleep(60.0)
    clock.change_speed(1.0)
    assert clock() == 1060.0
    await clock.sleep(5.0)
    assert (clock(), clock.speed) == (1065.0, 1.0)


async def test_the_clock_waits_for_those_that_it_must_not_leave_behind():
    """It stands still at the earliest moment that is due, and goes on from there without making up for it."""
    real = Real()
    clock = a_clock(real)
    clock.due("slow", 1030.0)
    clock.due("quick", 1300.0)
    real.now += 100.0
    assert clock() == 1030.0
    real.now += 100.0
    clock.due("slow", 1060.0)
    assert clock() == 1030.0
    await clock.sleep(30.0)
    assert clock() == 1060.0
    clock.due("slow", None)
    real.now += 1.0
    assert clock() == 1120.0
    real.now += 100.0
    assert clock() == 1300.0


async def test_a_sleep_is_as_long_as_the_clock_is_held():
    """Who sleeps wakes at the simulated moment, however long the clock stands still on the way there."""
    real = Real()
    released = []

    async def wait(seconds):
        await real.wait(seconds)
        if len(real.waits) == 3:
            clock.due("slow", None)
            released.append(real.now)

    clock = a_clock(real, wait=wait)
    clock.due("slow", 1030.0)
    await clock.sleep_until(1060.0)
    assert clock() == 1060.0
    assert len(real.waits) > 3
    assert released


def test_times_of_day_are_utc_and_written_as_kubernetes_does():
    """The script's times, the objects' stamps and the rules' seconds are the same moments."""
    moment = of_day(dt.date(2026, 3, 4), "12:32")
    assert rfc3339(moment + 0.9) == "2026-03-04T12:32:00Z"
    assert seconds_of("2026-03-04T12:32:00Z") == moment


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40, "40 s"), (90.3, "1 min 30 s"), (930, "15 min 30 s"), (27540, "7 h 39 min"), (3600, "1 h")],
)
def test_durations_read_as_in_the_report(seconds, words):
    """Only the units that count are named."""
    assert duration(seconds) == words
