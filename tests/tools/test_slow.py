"""The results of slow agents: critical alerts, and warnings with limits."""

import random

from lab.timelapse.evaluation import Firing
from lab.timelapse.play import Agenda
from lab.timelapse.slow import HOURS_PER_DAY, SlowAgents
from tools.slow import MAX_WARNINGS, Fired, render_report


def firing(severity="warning", alert="AgentSilent"):
    """An alert about a Job."""
    return Firing(alert=alert, labels={"severity": severity, "job_name": "j"}, first=0.0, last=60.0)


def report(defaults=(), limited=()):
    """The page and the errors for these alerts."""
    return render_report(Fired(defaults), Fired(limited), days=2, seed=1)


def test_the_page_counts_the_alerts_of_both_settings():
    """With the limits that it recommends."""
    text, wrong = report(defaults=[firing(), firing(), firing(alert="AgentJobHanging")])
    assert wrong == []
    assert f"{2 * HOURS_PER_DAY} hours of agents' work" in text
    assert "| the defaults | 0 | 3 | `AgentJobHanging` 1, `AgentSilent` 2 |" in text
    assert "| with limits of the agents | 0 | 0 | none |" in text
    assert "    rex: {job_max_runtime: 4h, agent_silence_limit: 2h}" in text
    assert "With the limits, no alert fired." in text


def test_a_critical_alert_is_an_error():
    """With the defaults too: it would be a false alarm at night."""
    (line,) = report(defaults=[firing("critical")])[1]
    assert line.startswith("a critical alert: AgentSilent {'job_name': 'j'}")
    assert len(report(limited=[firing("critical")])[1]) == 1


def test_ten_warnings_with_limits_are_listed_and_more_are_an_error():
    """With the defaults, their number is not limited."""
    text, wrong = report(defaults=[firing()] * 99, limited=[firing()] * MAX_WARNINGS)
    assert wrong == []
    assert text.count("- AgentSilent {'job_name': 'j'} from day 01 00:00:00") == MAX_WARNINGS
    assert report(limited=[firing()] * (MAX_WARNINGS + 1))[1] == [
        "11 warnings with limits, and at most 10 are expected"
    ]


def test_a_day_has_its_hours_of_work():
    """All of its runs begin and end on it."""
    agenda, orders = Agenda(), []
    rng = random.Random(1)  # noqa: S311 - not a secret
    schedule = SlowAgents(agenda=agenda, rng=rng, first_task=0)
    schedule.create = lambda moment, order: orders.append((moment, order))
    schedule.day(0.0)
    assert sum(order.work_seconds for _, order in orders) == HOURS_PER_DAY * 3600
    assert max(moment + order.work_seconds for moment, order in orders) < 86400 - 1800
    silences = {agent: [one.silent_seconds for _, one in orders if one.agent == agent] for agent in ("Rex", "Tess")}
    assert 76 * 60 < min(silences["Rex"]) < max(silences["Rex"]) < 104 * 60
    assert 42 * 60 < min(silences["Tess"]) < max(silences["Tess"]) < 58 * 60
