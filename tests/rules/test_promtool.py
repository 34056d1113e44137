"""Prometheus itself accepts the rules, and they do what their unit tests say."""

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
    """The component's output; fails with it where the component does."""
    done = subprocess.run(
        [component(name), *arguments],
        cwd=directory,
        env=os.environ | {"GOGC": "400"},  # a fifth less CPU time for more memory
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
    """`promtool check rules` over every file, by the newest and by the oldest that is supported."""
    assert run(promtool, "check", "rules", *RULE_FILES).count("SUCCESS") == len(RULE_FILES)


@pytest.mark.timeout(90)  # a day of evaluations
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_prometheus_finds_that_an_alert_does_what_its_unit_tests_say(file, promtool):
    """`promtool test rules`, one file at a time, so that the alert is named here."""
    assert "SUCCESS" in run(promtool, "test", "rules", file)


@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_scrape_jobs_beside_the_rules(tmp_path):
    """The fragment in a full configuration, with the rules and an Alertmanager."""
    whole = {
        "global": {"evaluation_interval": "30s", "external_labels": {"cluster": "one"}},
        "rule_files": [str(ALERTS / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
        "scrape_configs": SCRAPE_JOBS,
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(whole))
    if "kubernetes_sd_configs not found" in _complaint(file):
        pytest.skip(f"{component('promtool')} was built without Kubernetes service discovery")
    assert "is valid prometheus config" in run("promtool", "check", "config", file)


def _complaint(file):
    """What promtool has against a configuration: distributions build it without some discoveries."""
    command = [component("promtool"), "check", "config", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=85).stderr
