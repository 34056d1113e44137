"""The rules mean the same in MetricsQL: VictoriaMetrics' vmalert-tool runs the unit tests of promtool."""

import pathlib

import pytest

from tests.components import component
from tools.vmalert.unittest import run_tests

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))


@pytest.mark.needs("vmalert-tool")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: f"vmalert-tool-{file.stem}")
def test_victoriametrics_finds_that_an_alert_does_what_its_unit_tests_say(file):
    """`vmalert-tool unittest`, one file at a time, so that the alert is named here."""
    failures = run_tests(file, tool=component("vmalert-tool"))
    assert not failures, failures
