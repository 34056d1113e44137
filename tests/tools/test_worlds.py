"""The worlds as tests for mutants: they pass on what was raised, and fail where a rule raises something else."""

import dataclasses
import json
import subprocess

import pytest

from lab.components import component
from lab.timelapse.judge import Firing
from lab.timelapse.series import Recorder
from lab.worlds.outcomes import Outcome, Raised
from lab.worlds.player import Played
from lab.worlds.table import Alert, World
from tools.worlds.killers import killers

RULE = """
groups:
  - name: g
    rules:
      - alert: Broken
        expr: configmap_health == 0
        for: 1m
        labels: {severity: critical}
"""
BROKEN = Alert("Broken", "critical", "c")


@pytest.fixture
def folder(tmp_path):
    """A bundle of one rule."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules" / "a.yml").write_text(RULE)
    return tmp_path


def an_outcome(*pages, raised):
    """A world with these pages, one a minute."""
    recorder = Recorder(metrics=["configmap_health", "coderun_state"])
    for page in pages:
        recorder.scrape({"a": page}, started={"a": 1.0})
    labels = {"configmap": "c", "severity": "critical"}
    firing = Firing(alert="Broken", labels=labels, first=0.0, last=0.0)
    return Outcome(
        world=World(files=("02",), what="a world", raised=frozenset({BROKEN})),
        played=Played(recorder=recorder, start=1_700_000_000.0, page=""),
        raised=(Raised(alert=BROKEN, firing=firing, annotations={}),) if raised else (),
    )


def passes(folder, outcome, *, rule=RULE):
    """Whether promtool finds the world of that outcome as it was, with that rule."""
    (folder / "rules" / "a.yml").write_text(RULE)
    text = killers(["Broken"], [outcome], folder=folder / "rules")["Broken"]
    (folder / "rules" / "a.yml").write_text(rule)
    (folder / "tests" / "Broken.yml").write_text(text)
    command = [component("promtool"), "test", "rules", "Broken.yml"]
    return subprocess.run(command, cwd=folder / "tests", capture_output=True, check=False).returncode == 0


@pytest.mark.needs("promtool")
def test_a_rule_that_raises_more_or_less_or_with_another_severity_fails_the_world(folder):
    """The rule as it is passes."""
    outcome = an_outcome(*['configmap_health{configmap="c"} 0'] * 3, raised=True)
    assert passes(folder, outcome)
    assert not passes(folder, outcome, rule=RULE.replace("for: 1m", "for: 5m"))
    assert not passes(folder, outcome, rule=RULE.replace("critical", "warning"))
    assert not passes(
        folder, outcome, rule=RULE.replace("configmap_health == 0", "{__name__=~'configmap_.+|up'} >= 0")
    )


def test_an_alert_is_tried_in_the_worlds_that_raise_it_and_in_healthy_ones(folder):
    """And with the series that the rules select, no others."""
    there = an_outcome('configmap_health{configmap="c"} 0\ncoderun_state{coderun="r"} 1', raised=True)
    silent = an_outcome("", raised=False)
    healthy = dataclasses.replace(silent, world=World(files=("03",), what="healthy"))
    tests = json.loads(killers(["Broken"], [there, silent, healthy], folder=folder / "rules")["Broken"])["tests"]
    assert [test["name"] for test in tests] == ["world 02", "world 03"]
    assert [each["series"].partition("{")[0] for each in tests[0]["input_series"]] == ["configmap_health"]
