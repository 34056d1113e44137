"""The result of the soak test: growth is detected, noise is not, and each error is one line."""

import dataclasses
import random

import pytest

from tools.soak.outcome import MEASURES, Outcome, Struck, grows, wrongs
from tools.soak.report import report
from tools.soak.scrapers import Seen
from tools.soak.trend import LEAST_BLOCKS, medians, trend

BLOCK = 30.0


def noisy_memory(*, seed=0, seconds=600, leak=0.0):
    """The memory of a process without a leak, in MiB: a step at each fault, and autocorrelated noise.

    Its level also varies slowly. `leak` is in MiB per second.
    """
    chance, level, points = random.Random(seed), 100.0, []  # noqa: S311 - noise
    for second in range(seconds):
        if second % BLOCK == 0:
            bump = chance.uniform(0, 12)
        level += chance.gauss(0, 0.03)
        points.append((float(second), level + bump * (second % BLOCK < 12) + chance.gauss(0, 0.5) + leak * second))
    return points


def constant(*, seconds=600, value=28.0):
    """A constant series."""
    return [(float(second), value) for second in range(seconds)]


def outcome(**other):
    """The result of a soak of 600 s without errors, of which the last 500 s are evaluated."""
    scrapes = [
        Seen(at=float(at), seconds=0.02, form="text, gzip", client=0, requests=at, late={"0.05": 9.0, "+Inf": 9.0})
        for at in range(600)
    ]
    good = Outcome(
        seconds=600.0,
        settled=100.0,
        block=BLOCK,
        scrapes=scrapes,
        series={measure.name: constant() for measure in MEASURES},
        faults=[Struck(name="500", at=30.0, asked=3.0)],
        changes=180_000,
        turnovers=2.0,
        peak_mib=150.0,
        cpu_share=0.5,
        different=[],
        complaints=[],
    )
    return dataclasses.replace(good, **other)


def with_series(name, points):
    """This result with another series for the measures whose names have this prefix."""
    return outcome(
        series={measure.name: points if measure.name.startswith(name) else constant() for measure in MEASURES}
    )


def test_the_slope_of_a_straight_line():
    """The confidence interval has the width 0."""
    found = trend([(float(second), 5 + 0.25 * second) for second in range(600)], block=BLOCK)
    assert found.slope == pytest.approx(0.25)
    assert found.low == pytest.approx(0.25)
    assert found.high == pytest.approx(0.25)
    assert (found.first, found.last) == pytest.approx((5 + 0.25 * 14.5, 5 + 0.25 * 554.5))


def test_two_outlier_blocks_of_twenty_are_no_growth():
    """Faults may double the memory for a short time."""
    points = [(at, value * (2 if at // BLOCK in {3, 15} else 1)) for at, value in constant(seconds=601)]
    found = trend(points, block=BLOCK)
    assert (found.slope, found.low, found.high) == (0, 0, 0)


def test_the_confidence_interval_contains_the_slope():
    """It does so for at least 90 % of 200 series with independent noise. The confidence level is 95 %."""
    held = 0
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311 - noise
        found = trend([(at * 30.0, 0.01 * at * 30.0 + chance.gauss(0, 2)) for at in range(13)], block=BLOCK)
        held += found.low <= 0.01 <= found.high
    assert held >= 180


def test_too_few_blocks_have_no_trend():
    """The confidence interval of seven points would be too wide."""
    assert LEAST_BLOCKS == 8
    assert trend(constant(seconds=241), block=BLOCK) is not None
    assert trend(constant(seconds=239), block=BLOCK) is None
    assert wrongs(with_series("threads", constant(seconds=300))) == [
        "threads by /proc: too few samples to tell whether it grows"
    ]


def test_a_long_soak_has_longer_blocks():
    """The trend compares all pairs of blocks, so that their number is limited."""
    assert len(medians([(float(at), 1.0) for at in range(20_000)], block=1.0)) == 200


def test_noise_is_no_growth():
    """None of 40 series without a leak grows. Each with a leak of 1 kB per change, at 300 changes/s, does."""
    measure = MEASURES[0]
    for seed in range(40):
        calm = trend(noisy_memory(seed=seed)[100:], block=BLOCK)
        assert not grows(calm, drift=measure.drift, seconds=500)
        leaking = trend(noisy_memory(seed=seed, leak=300 / 1024)[100:], block=BLOCK)
        assert grows(leaking, drift=measure.drift, seconds=500)


def test_a_leak_is_one_error():
    """The line has the slope, the interval and the limit."""
    lines = wrongs(with_series("memory by its own", noisy_memory(leak=300 / 1024)))
    assert len(lines) == 1
    assert lines[0].startswith("memory by its own page, MiB: grows by 1,0")
    assert lines[0].endswith("; allowed are 57.6")


@pytest.mark.parametrize("name", ["tasks", "descriptors by its own", "descriptors by /proc", "threads"])
def test_a_leak_of_one_per_fault_is_found(name):
    """The leak may be of a task, a descriptor or a thread."""
    (line,) = wrongs(with_series(name, [(at, 28.0 + at // BLOCK) for at, _ in constant()]))
    assert line.startswith(name)
    assert "grows by 120 an hour" in line


@pytest.mark.parametrize("name", ["tasks", "descriptors by its own", "descriptors by /proc"])
def test_two_more_tasks_or_descriptors_are_no_leak(name):
    """The number of open connections varies."""
    assert wrongs(with_series(name, [(at, 28.0 + 2 * (at > 350)) for at, _ in constant()])) == []


def test_a_peak_within_a_block_does_not_change_the_trend():
    """The median does not depend on less than half of the samples."""
    points = [(at, value + (1000 * at if at % BLOCK < 14 else 0)) for at, value in constant()]
    assert trend(points, block=BLOCK).slope == 0


def test_samples_before_the_settled_time_are_ignored():
    """The initial lists need memory."""
    warm = with_series("memory", [(at, min(at, 330.0)) for at, _ in constant()])
    assert wrongs(dataclasses.replace(warm, settled=330.0)) == []
    assert len(wrongs(dataclasses.replace(warm, settled=0.0))) == 2


def test_a_good_result_has_no_errors():
    """No scrape failed, each fault was noticed, and the metrics are equal to the expected ones."""
    assert wrongs(outcome()) == []


def test_a_failed_scrape_is_an_error():
    """The line has the first one."""
    scrapes = [*outcome().scrapes, Seen(at=95.0, seconds=10.0, form="text, gzip", client=7, problem="TimeoutError()")]
    (line,) = wrongs(outcome(scrapes=scrapes))
    assert line == ("1 of 601 scrapes failed; the first after 95 s, by client 7 (text, gzip): TimeoutError()")


def test_no_scrapes_are_an_error():
    """Nothing was tested."""
    assert wrongs(outcome(scrapes=[])) == ["nothing was scraped"]


def test_a_fault_without_effect_is_an_error():
    """The exporter must count an error for each fault."""
    faults = [Struck(name="500", at=30.0, asked=3.0), Struck(name="cut", at=60.0, asked=0.0)]
    assert wrongs(outcome(faults=faults)) == ["the exporter did not notice the fault after 60 s: cut"]


def test_a_difference_of_the_metrics_is_an_error():
    """The line has the first sample that differs."""
    (line,) = wrongs(outcome(different=['+ coderun_phase{coderun="a"} 1', "- b 1"]))
    assert line.endswith('in 2 lines, such as + coderun_phase{coderun="a"} 1')


def test_an_error_in_the_log_is_an_error():
    """The exporter has logged an unexpected error."""
    assert wrongs(outcome(complaints=["bug"])) == ["1 errors in the exporter's log, the first: bug"]


def test_the_report_has_tables():
    """They have slopes, figures and faults."""
    text = report(outcome(), title="All of it.")
    assert text.startswith("All of it.\n\nFrom 0:01:40 to 0:10:00,")
    assert "| tasks by its own page | 28 | 28 | +0.0 | +0 to +0 | 14.4 |" in text
    assert "| scrapes; failed | 600; 0 |" in text
    assert "| text, gzip: scrapes; median; p99; slowest | 600; 20; 20; 20 ms |" in text
    assert "| changes; a second; objects replaced | 180,000; 300; 2.0 times |" in text
    assert "| a leak that would have been found | from 56 bytes a change on |" in text
    assert "| event loop delay | 99 % at most 0.05 s, all of 9 at most 0.05 s |" in text
    assert "| 500 | 1 | 3 |" in text
