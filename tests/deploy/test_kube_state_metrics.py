"""The rules for plain kube-state-metrics, and the flags and permissions of their page."""

import subprocess

import pytest

from lab import fast_yaml
from lab.components import component
from tests.integration.state_metrics import FILES, FLAGS

ROOT = FILES.parents[1]
PAGE = ROOT / "docs/kube-state-metrics.md"
PROMTOOLS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("promtool", "promtool-2.42")]


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_the_rules_fire_on_time_and_for_nothing_else(promtool):
    """Their unit tests pass with both versions of promtool. Each alert has a test in which it fires."""
    for arguments in (("check", "rules", "rules.yml"), ("test", "rules", "tests.yml")):
        done = subprocess.run(
            [component(promtool), *arguments], cwd=FILES, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rules = fast_yaml.load((FILES / "rules.yml").read_text())["groups"][0]["rules"]
    tests = fast_yaml.load((FILES / "tests.yml").read_text())["tests"]
    firing = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert firing == {rule["alert"] for rule in rules}


def test_the_page_names_the_tested_flags_and_rules():
    """Integration tests start kube-state-metrics with the same flags and version."""
    text = PAGE.read_text("utf-8")
    rules = fast_yaml.load((FILES / "rules.yml").read_text())["groups"][0]["rules"]
    assert [each for each in (*FLAGS, *(rule["alert"] for rule in rules)) if each not in text] == []
    version = (
        (ROOT / "tools/kube-state-metrics/go.mod")
        .read_text()
        .partition("k8s.io/kube-state-metrics/v2 v")[2]
        .split()[0]
    )
    assert f"kube-state-metrics {version}" in text


def test_the_role_can_only_read():
    """It can list and watch four resources."""
    rules = fast_yaml.load((FILES / "clusterrole.yaml").read_text())["rules"]
    assert [rule["verbs"] for rule in rules] == [["list", "watch"]] * 4
    assert {rule["resources"][0] for rule in rules} == {"customresourcedefinitions", "coderuns", "jobs", "configmaps"}
