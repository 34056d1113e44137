"""Prometheus accepts the rules, and their unit tests pass."""

import os
import subprocess

import pytest
import yaml

from lab import fast_yaml
from lab.components import component
from tests.rules.shipped import ALERTS, RULE_FILES, TEST_FILES

PROMTOOLS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("promtool", "promtool-2.42")]
SCRAPE_JOBS = fast_yaml.load((ALERTS / "scrape.yml").read_text())["scrape_configs"]


def run(name, *arguments, directory=ALERTS):
    """The output of a component, which must succeed."""
    done = subprocess.run(
        [component(name), *arguments],
        cwd=directory,
        env=os.environ | {"GOGC": "400"},  # a fifth less CPU time, for more memory
        capture_output=True,
        text=True,
        check=False,
        timeout=85,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_prometheus_accepts_the_rules(promtool):
    """The tool is `promtool check rules`, of the newest and the oldest supported version."""
    assert run(promtool, "check", "rules", *RULE_FILES).count("SUCCESS") == len(RULE_FILES)


@pytest.mark.timeout(90)  # a day of evaluations
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_prometheus_finds_that_an_alert_does_what_its_unit_tests_say(file, promtool):
    """`promtool test rules` runs one file at a time, so that pytest names the alert."""
    assert "SUCCESS" in run(promtool, "test", "rules", file)


@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_scrape_jobs(tmp_path):
    """The configuration also has the rules and an Alertmanager."""
    config = {
        "global": {"evaluation_interval": "30s", "external_labels": {"cluster": "one"}},
        "rule_files": [str(ALERTS / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
        "scrape_configs": SCRAPE_JOBS,
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    if "kubernetes_sd_configs not found" in _errors_of(file):
        pytest.skip(f"{component('promtool')} was built without Kubernetes service discovery")
    assert "is valid prometheus config" in run("promtool", "check", "config", file)


def _errors_of(file):
    """The error output of promtool for a configuration. Distributions build it without some service discoveries."""
    command = [component("promtool"), "check", "config", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=85).stderr
