"""The rules have the same meaning in MetricsQL: vmalert-tool of VictoriaMetrics runs promtool's unit tests."""

import json
import pathlib
import re
import subprocess

import pytest

from lab import fast_yaml
from lab.components import component
from tools.vmalert.runner import run_tests

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))
RULES = [
    rule
    for file in sorted((ALERTS / "rules").glob("*.yml"))
    for group in fast_yaml.load(file.read_text())["groups"]
    for rule in group["rules"]
]
RECORDS = {
    "name": "g",
    "rules": [{"record": "job:restarts:resets30m", "expr": "max by (job) (resets(cpu_total[30m]))"}],
}
RESTARTS = {
    "rule_files": ["rules.json"],
    "evaluation_interval": "30s",
    "tests": [
        {
            "interval": "30s",
            # The series starts after 5m and has three restarts.
            "input_series": [{"series": 'cpu_total{job="j"}', "values": "_x9 1+1x5 1+1x5 1+1x5 1+1x40"}],
            "promql_expr_test": [
                {
                    "expr": "job:restarts:resets30m",
                    "eval_time": "18m",
                    "exp_samples": [{"labels": 'job:restarts:resets30m{job="j"}', "value": 3}],
                }
            ],
        }
    ],
}


@pytest.mark.needs("vmalert-tool")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: f"vmalert-tool-{file.stem}")
def test_victoriametrics_finds_that_an_alert_does_what_its_unit_tests_say(file):
    """`vmalert-tool unittest` runs one file at a time, so that pytest names the alert."""
    failures = run_tests(file, tool=component("vmalert-tool"))
    assert not failures, failures


@pytest.mark.needs("vmalert-tool", "promtool")
def test_restarts_are_counted_equally_in_promql_and_metricsql(tmp_path):
    """resets() of the CPU seconds is three in both. Neither counts the start of the series."""
    file = tmp_path / "tests.json"
    file.write_text(json.dumps(RESTARTS))
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [RECORDS]}))
    promtool = [component("promtool"), "test", "rules", file]
    subprocess.run(promtool, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    failures = run_tests(file, tool=component("vmalert-tool"))
    assert not failures, failures


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_uses_no_function_that_differs_in_metricsql(rule):
    """changes() of MetricsQL counts the start of a series as a change, and delta() does not extrapolate."""
    texts = [rule["expr"], *rule.get("annotations", {}).values()]
    assert not re.findall(r"\b(?:changes|delta)\s*\(", " ".join(texts))
