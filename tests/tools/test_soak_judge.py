"""The soak's judge: what grows is found, what only trembles is not, and all that is wrong is told."""

import dataclasses
import random

import pytest

from tools.soak.judge import MEASURES, Outcome, Struck, grows, wrongs
from tools.soak.report import report
from tools.soak.scrapers import Seen
from tools.soak.trend import LEAST_BLOCKS, medians, trend

BLOCK = 30.0


def trembling(*, seed=0, seconds=600, leak=0.0):
    """Memory in MiB as a process has it that does not leak: a step at each fault, gone with the next, and noise.

    Its samples hang together, and its level wanders a little. `leak` is in MiB a second.
    """
    chance, level, points = random.Random(seed), 100.0, []  # noqa: S311 - noise
    for second in range(seconds):
        if second % BLOCK == 0:
            bump = chance.uniform(0, 12)
        level += chance.gauss(0, 0.03)
        points.append((float(second), level + bump * (second % BLOCK < 12) + chance.gauss(0, 0.5) + leak * second))
    return points


def still(*, seconds=600, value=28.0):
    """A series that does not move."""
    return [(float(second), value) for second in range(seconds)]


def outcome(**other):
    """A soak of ten minutes, of which 500 s are judged, in which nothing went wrong."""
    scrapes = [
        Seen(at=float(at), seconds=0.02, form="text, gzip", client=0, requests=at, late={"0.05": 9.0, "+Inf": 9.0})
        for at in range(600)
    ]
    good = Outcome(
        seconds=600.0,
        settled=100.0,
        block=BLOCK,
        scrapes=scrapes,
        series={measure.name: still() for measure in MEASURES},
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
    """That soak with another series for the measures whose names begin so."""
    return outcome(
        series={measure.name: points if measure.name.startswith(name) else still() for measure in MEASURES}
    )


def test_a_straight_line_has_its_slope():
    """And an interval that holds it, of no width."""
    found = trend([(float(second), 5 + 0.25 * second) for second in range(600)], block=BLOCK)
    assert found.slope == pytest.approx(0.25)
    assert found.low == pytest.approx(0.25)
    assert found.high == pytest.approx(0.25)
    assert (found.first, found.last) == pytest.approx((5 + 0.25 * 14.5, 5 + 0.25 * 554.5))


def test_two_wild_blocks_in_twenty_move_nothing():
    """A fault that doubles the memory is no growth."""
    points = [(at, value * (2 if at // BLOCK in {3, 15} else 1)) for at, value in still(seconds=601)]
    found = trend(points, block=BLOCK)
    assert (found.slope, found.low, found.high) == (0, 0, 0)


def test_most_intervals_hold_the_true_slope():
    """Of 200 series whose noise is independent from block to block, at least 90 %: 95 % are claimed."""
    held = 0
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311 - noise
        found = trend([(at * 30.0, 0.01 * at * 30.0 + chance.gauss(0, 2)) for at in range(13)], block=BLOCK)
        held += found.low <= 0.01 <= found.high
    assert held >= 180


def test_too_few_blocks_are_no_trend():
    """An interval of seven points would be hardly one."""
    assert LEAST_BLOCKS == 8
    assert trend(still(seconds=241), block=BLOCK) is not None
    assert trend(still(seconds=239), block=BLOCK) is None
    assert wrongs(with_series("threads", still(seconds=300))) == [
        "threads by /proc: too few samples to tell whether it grows"
    ]


def test_a_long_run_is_cut_into_longer_blocks():
    """Every pair of them is looked at, so that there must not be thousands."""
    assert len(medians([(float(at), 1.0) for at in range(20_000)], block=1.0)) == 200


def test_what_trembles_does_not_grow():
    """Of 40 processes without a leak none is accused, and each of those that leak 1 kB in each of 300 changes/s."""
    measure = MEASURES[0]
    for seed in range(40):
        calm = trend(trembling(seed=seed)[100:], block=BLOCK)
        assert not grows(calm, drift=measure.drift, seconds=500)
        leaking = trend(trembling(seed=seed, leak=300 / 1024)[100:], block=BLOCK)
        assert grows(leaking, drift=measure.drift, seconds=500)


def test_a_leak_is_one_line():
    """Of each source that shows it, with the slope, the interval and what is allowed."""
    lines = wrongs(with_series("memory by its own", trembling(leak=300 / 1024)))
    assert len(lines) == 1
    assert lines[0].startswith("memory by its own page, MiB: grows by 1,0")
    assert lines[0].endswith("; allowed are 57.6")


@pytest.mark.parametrize("name", ["tasks", "descriptors by its own", "descriptors by /proc", "threads"])
def test_one_more_with_each_fault_is_found(name):
    """A task, a descriptor or a thread that is left behind by each fault."""
    (line,) = wrongs(with_series(name, [(at, 28.0 + at // BLOCK) for at, _ in still()]))
    assert line.startswith(name)
    assert "grows by 120 an hour" in line


@pytest.mark.parametrize("name", ["tasks", "descriptors by its own", "descriptors by /proc"])
def test_two_more_than_before_are_no_leak(name):
    """As many connections as are open just then."""
    assert wrongs(with_series(name, [(at, 28.0 + 2 * (at > 350)) for at, _ in still()])) == []


def test_a_peak_within_a_block_moves_nothing():
    """However high: less than half of a block's samples are not its median."""
    points = [(at, value + (1000 * at if at % BLOCK < 14 else 0)) for at, value in still()]
    assert trend(points, block=BLOCK).slope == 0


def test_what_happened_before_it_had_settled_is_not_judged():
    """The memory of the first list, and of the first of everything."""
    warm = with_series("memory", [(at, min(at, 330.0)) for at, _ in still()])
    assert wrongs(dataclasses.replace(warm, settled=330.0)) == []
    assert len(wrongs(dataclasses.replace(warm, settled=0.0))) == 2


def test_nothing_wrong_is_no_line():
    """Also where there were no scrapes' problems, faults were noticed, and the pages are equal."""
    assert wrongs(outcome()) == []


def test_one_failed_scrape_is_wrong():
    """The line tells of the first one."""
    scrapes = [*outcome().scrapes, Seen(at=95.0, seconds=10.0, form="text, gzip", client=7, problem="TimeoutError()")]
    (line,) = wrongs(outcome(scrapes=scrapes))
    assert line == ("1 of 601 scrapes failed; the first after 95 s, by client 7 (text, gzip): TimeoutError()")


def test_no_scrapes_are_wrong():
    """Nothing was tried."""
    assert wrongs(outcome(scrapes=[])) == ["nothing was scraped"]


def test_a_fault_that_nobody_noticed_is_wrong():
    """It was none, and a soak without faults proves less than it says."""
    faults = [Struck(name="500", at=30.0, asked=3.0), Struck(name="cut", at=60.0, asked=0.0)]
    assert wrongs(outcome(faults=faults)) == ["the exporter did not notice the fault after 60 s: cut"]


def test_another_page_than_the_truth_is_wrong():
    """The first line that differs is told."""
    (line,) = wrongs(outcome(different=['+ coderun_phase{coderun="a"} 1', "- b 1"]))
    assert line.endswith('in 2 lines, such as + coderun_phase{coderun="a"} 1')


def test_an_error_in_the_log_is_wrong():
    """A fault of the exporter itself."""
    assert wrongs(outcome(complaints=["bug"])) == ["1 errors in the exporter's log, the first: bug"]


def test_the_report_is_of_tables():
    """Slopes, figures, faults."""
    told = report(outcome(), title="All of it.")
    assert told.startswith("All of it.\n\nFrom 0:01:40 to 0:10:00,")
    assert "| tasks by its own page | 28 | 28 | +0.0 | +0 to +0 | 14.4 |" in told
    assert "| scrapes; failed | 600; 0 |" in told
    assert "| text, gzip: scrapes; median; p99; slowest | 600; 20; 20; 20 ms |" in told
    assert "| changes; a second; objects replaced | 180,000; 300; 2.0 times |" in told
    assert "| a leak that would have been found | from 56 bytes a change on |" in told
    assert "| event loop delay | 99 % at most 0.05 s, all of 9 at most 0.05 s |" in told
    assert "| 500 | 1 | 3 |" in told
