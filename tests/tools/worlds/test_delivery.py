"""Delivery follows the evaluations: what fires before its cause is held back only for its route's group_wait."""

import types

import pytest

from lab.timelapse.judge import Firing
from lab.worlds.delivery import delivered
from lab.worlds.outcomes import Raised
from lab.worlds.player import MINUTE, SNAPSHOT
from lab.worlds.table import Alert

pytestmark = [pytest.mark.needs("alertmanager"), pytest.mark.timeout(120)]

END = SNAPSHOT + 20 * MINUTE + 30


def fired(name, severity, *, minute, last=END, coderun="r"):
    """An alert about a run, from so many minutes after the snapshot on."""
    first = SNAPSHOT + minute * MINUTE + 30
    labels = {"namespace": "n", "coderun": coderun, "severity": severity, "component": "coderun-exporter"}
    firing = Firing(alert=name, labels=labels, first=first, last=last, evaluations=1)
    return Raised(
        alert=Alert(name, severity, coderun), firing=firing, annotations={"summary": f"{name} of {coderun}"}
    )


def early(minute):
    """The warning about a run."""
    return fired("CodeRunNotReconciled", "warning", minute=minute)


def late(minute, *, last=END):
    """The critical alert about the same run, which inhibits the warning."""
    return fired("CodeRunJobCreationStalled", "critical", minute=minute, last=last)


def names(arrived):
    """What reached a person in a world."""
    return sorted(one.raised.alert.name for one in arrived)


def test_a_warning_is_delivered_unless_its_cause_fires_within_its_group_wait(tmp_path):
    """90 s: a cause one evaluation later silences it, one two evaluations later comes too late; worlds are apart."""
    worlds = [[early(0), late(1)], [early(0), late(2)], [early(0)]]
    arrived = delivered([types.SimpleNamespace(raised=tuple(each)) for each in worlds], folder=tmp_path)
    both = ["CodeRunJobCreationStalled", "CodeRunNotReconciled"]
    assert [names(each) for each in arrived] == [both[:1], both, both[1:]]
    assert arrived[2][0].text == "CodeRunNotReconciled of r"


def test_what_outlives_its_cause_is_delivered_then_and_info_reaches_nobody(tmp_path):
    """The inhibition ends with the cause; the log is read by no person."""
    ended = SNAPSHOT + 5 * MINUTE + 30
    info = fired("AgentJobsWithoutDeadline", "info", minute=0)
    outcome = types.SimpleNamespace(raised=(early(0), late(0, last=ended), info))
    [arrived] = delivered([outcome], folder=tmp_path)
    assert names(arrived) == ["CodeRunJobCreationStalled", "CodeRunNotReconciled"]
