"""Notifications follow the evaluations: an alert that fires before its cause waits only for `group_wait`."""

import types

import pytest

from lab.timelapse.evaluation import Firing
from lab.worlds.delivery import delivered
from lab.worlds.outcomes import Raised
from lab.worlds.player import MINUTE, SNAPSHOT
from lab.worlds.table import Alert

pytestmark = [pytest.mark.needs("alertmanager"), pytest.mark.timeout(120)]

END = SNAPSHOT + 20 * MINUTE + 30


def fired(name, severity, *, minute, last=END, coderun="r"):
    """An alert about a run that fires this number of minutes after the snapshot."""
    first = SNAPSHOT + minute * MINUTE + 30
    labels = {"namespace": "n", "coderun": coderun, "severity": severity, "component": "coderun-exporter"}
    firing = Firing(alert=name, labels=labels, first=first, last=last, evaluations=1)
    return Raised(
        alert=Alert(name, severity, coderun), firing=firing, annotations={"summary": f"{name} of {coderun}"}
    )


def warning(minute):
    """The warning about a run."""
    return fired("CodeRunNotReconciled", "warning", minute=minute)


def critical(minute, *, last=END):
    """The critical alert about the same run, which inhibits the warning."""
    return fired("CodeRunJobCreationStalled", "critical", minute=minute, last=last)


def names(notifications):
    """The names of the alerts that were notified."""
    return sorted(one.raised.alert.name for one in notifications)


def test_a_warning_is_notified_unless_its_cause_fires_within_group_wait(tmp_path):
    """group_wait is 90 s. A cause that fires one evaluation later inhibits the warning, after two it does not."""
    worlds = [[warning(0), critical(1)], [warning(0), critical(2)], [warning(0)]]
    notifications = delivered([types.SimpleNamespace(raised=tuple(each)) for each in worlds], folder=tmp_path)
    both = ["CodeRunJobCreationStalled", "CodeRunNotReconciled"]
    assert [names(each) for each in notifications] == [both[:1], both, both[1:]]
    assert notifications[2][0].text == "CodeRunNotReconciled of r"


def test_a_warning_is_notified_when_its_cause_resolves(tmp_path):
    """An info alert causes no notification."""
    ended = SNAPSHOT + 5 * MINUTE + 30
    info = fired("AgentJobsWithoutDeadline", "info", minute=0)
    outcome = types.SimpleNamespace(raised=(warning(0), critical(0, last=ended), info))
    [notifications] = delivered([outcome], folder=tmp_path)
    assert names(notifications) == ["CodeRunJobCreationStalled", "CodeRunNotReconciled"]
