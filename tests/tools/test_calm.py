"""The results of a simulated month: alerts without a fault, and alerts about faults."""

import argparse
import dataclasses

import pytest

from lab.timelapse.evaluation import Firing
from lab.timelapse.fault import Fault
from tools import calm

ARGS = argparse.Namespace(days=1, seed=1)
BROKEN = Fault(
    what="a Job hangs",
    begin=1000.0,
    end=2000.0,
    alert="AgentJobHanging",
    labels={"job_name": "task-7-*"},
    within=120.0,
    may_also_fire=("AgentJobsFailing",),
)
FOUND = Firing(alert="AgentJobHanging", labels={"job_name": "task-7-x"}, first=1100.0, last=2000.0)


def a_month(*fired, faults=(), skew=0.0):
    """A month of one stretch (see `make calm`), in which these alerts fired."""
    return [calm.StretchResult(skew=skew, scrapes=2, faults=faults, fired=fired)]


def verdict_on(*fired, faults=(BROKEN,), skew=0.0):
    """The errors of a month with faults. The month without faults has no alerts."""
    return calm.render_report(ARGS, a_month(), a_month(*fired, faults=faults, skew=skew))[1]


def test_a_fault_that_is_detected_in_time_is_in_the_table():
    """The table has the measured time and its limit. There is no error."""
    text, wrong = calm.render_report(ARGS, a_month(), a_month(FOUND, faults=(BROKEN,)))
    assert wrong == []
    assert "**Alerts fired: 0.**" in text
    assert "Found: **1 of 1**" in text
    assert "| a Job hangs | `AgentJobHanging` | 1 min 40 s | 2 min |" in text


def test_an_alert_without_a_fault_is_an_error():
    """The error has the alert, its object and its time."""
    text, wrong = calm.render_report(ARGS, a_month(FOUND), a_month(FOUND, faults=(BROKEN,)))
    assert "**Alerts fired: 1.**" in text
    (line,) = wrong
    assert line.startswith(
        "an alert fired without a fault: AgentJobHanging {'job_name': 'task-7-x'} from day 01 00:18"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"alert": "AgentJobsFailing"}, "did not fire"),
        ({"labels": {"job_name": "task-70-x"}}, "did not fire"),
        ({"labels": {}}, "did not fire"),
        ({"first": 990.0}, "did not fire"),
        ({"first": 2001.0}, "did not fire"),
        ({"first": 1361.0}, "took 6 min 1 s"),
    ],
)
def test_a_fault_that_is_not_detected_is_an_error(change, expected):
    """An alert of another object does not count, nor one before the fault, after its end, or too late."""
    assert any(expected in line for line in verdict_on(dataclasses.replace(FOUND, **change)))


def test_a_gradual_fault_may_be_detected_early():
    """It may be detected at most `before` seconds before its begin. The time to detection is 0 then."""
    early, gradual = dataclasses.replace(FOUND, first=990.0), dataclasses.replace(BROKEN, before=20.0)
    assert verdict_on(early, faults=(gradual,)) == []
    assert "| 0 s | 2 min |" in calm.render_report(ARGS, a_month(), a_month(early, faults=(gradual,)))[0]
    assert verdict_on(dataclasses.replace(early, first=979.0), faults=(gradual,))


def test_a_lost_scrape_and_clock_skew_extend_the_limit():
    """The limit is extended by four minutes, because a `for` may restart, and by the skew."""
    assert verdict_on(dataclasses.replace(FOUND, first=1360.0)) == []
    assert verdict_on(dataclasses.replace(FOUND, first=1390.0), skew=-30.0) == []
    assert verdict_on(dataclasses.replace(FOUND, first=1391.0), skew=-30.0)


def test_an_alert_that_no_fault_explains_is_an_error():
    """The alerts in `may_also_fire` are explained during the fault and for 20 minutes after it."""
    also_fired = Firing(alert="AgentJobsFailing", labels={"agent": "rex"}, first=1500.0, last=1600.0)
    assert verdict_on(FOUND, also_fired) == []
    assert verdict_on(FOUND, dataclasses.replace(also_fired, first=3199.0)) == []
    (line,) = verdict_on(FOUND, dataclasses.replace(also_fired, first=3201.0))
    assert line.startswith("no fault explains AgentJobsFailing {'agent': 'rex'}")
    assert verdict_on(FOUND, dataclasses.replace(also_fired, alert="CodeRunExporterDown"))


def test_all_kinds_of_faults_occur_in_a_month():
    """Each of 50 faults occurs once."""
    args = argparse.Namespace(days=30, stretch=6, seed=1)
    numbers = [number for stretch in calm._stretches(args, faults=50) for number in stretch.faults]
    assert numbers == list(range(50))
    assert len(numbers) >= 2 * len(calm.KINDS)
