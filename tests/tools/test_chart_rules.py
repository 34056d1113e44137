"""The rules and dashboards of the chart with settings are the same as those of `make bundle`."""

import json

import pytest

from lab import fast_yaml
from tests.deploy.rendering import helm, of_kind, render_chart
from tests.rules.shipped import NAMES
from tests.tools.test_bundle_settings import OTHER_VALUES, TABLE, TEAM
from tools import rule_files
from tools.bundle import settings, tuning
from tools.dashboards.generate import linked

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]

WITH_RULES = {"prometheusRule": {"enabled": True}, "prometheus": {"enabled": True}}
CASES = {
    "none": {},
    "a team's": TEAM,
    "every threshold": {
        "rules": {
            "alerts": {
                name: {"thresholds": {key: OTHER_VALUES[number["form"]] for key, number in numbers.items()}}
                for name, numbers in TABLE.items()
            }
        }
    },
    "large numbers": {"rules": {"alerts": {"AgentJobHanging": {"thresholds": {"critical_seconds": 10_000_000}}}}},
    "every severity": {"rules": {"alerts": {name: {"severity": "warning", "labels": {"a": "b"}} for name in NAMES}}},
    "nothing left but records": {"rules": {"alerts": {name: {"enabled": False} for name in NAMES}}},
}


@pytest.mark.parametrize("case", CASES)
def test_the_chart_and_the_bundle_have_the_same_rules(case, tmp_path):
    """The settings are equal. The rules are in PrometheusRules and in the ConfigMap."""
    file = tmp_path / "settings.yml"
    file.write_text(json.dumps(CASES[case]))
    expected = tuning.tuned(rule_files.read_rules(), settings.load(file, names=NAMES))
    trees = {name: fast_yaml.load(text) for name, text in expected.items()}
    objects = render_chart(WITH_RULES | CASES[case])
    made = {
        f"{item['metadata']['name'].removeprefix('coderun-exporter-')}.yml": item["spec"]
        for item in of_kind(objects, "PrometheusRule")
    }
    assert made == trees
    [data] = [item["data"] for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-rules")]
    assert {name: fast_yaml.load(text) for name, text in data.items()} == trees


@pytest.mark.parametrize("base", ["", "https://wiki.example/agents", "https://wiki.example/agents/"])
def test_the_url_of_the_runbooks_is_in_rules_and_dashboards(base):
    """Without a URL, neither has a link."""
    objects = render_chart(WITH_RULES | {"dashboards": {"enabled": True}, "runbooks": base})
    boards = {
        name: json.loads(text)
        for item in of_kind(objects, "ConfigMap")
        for name, text in item["data"].items()
        if name.endswith(".json")
    }
    assert boards == {name: json.loads(text) for name, text in linked(base).items()}
    alerts = [
        rule
        for item in of_kind(objects, "PrometheusRule")
        for group in item["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    for alert in alerts:
        name, annotations = alert["alert"], alert["annotations"]
        assert annotations.get("runbook_url") == (f"https://wiki.example/agents/{name}" if base else None)
        assert f"\nRunbook: runbooks/{name}.md in the rules bundle\n" in annotations["description"]
    text = json.dumps(boards)
    assert ("/CodeRunJobCreationStalled" in text, "${runbooks}" in text) == (bool(base), bool(base))
    assert "@runbooks@" not in text


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        (
            {"alerts": {"AgentJobFailing": {}}},
            "rules.alerts.AgentJobFailing: no such alert; did you mean AgentJobsFailing?",
        ),
        ({"alerts": {"ConfigMapUnhealthy": {}}}, "no such alert; did you mean RequiredConfigMapUnhealthy?"),
        ({"alerts": {"x": {}}}, "rules.alerts.x: no such alert; did you mean"),
        (
            {"alerts": {"AgentJobsFailing": {"thresholds": {"job": 1}}}},
            "thresholds.job: no such threshold; did you mean jobs?",
        ),
        (
            {"alerts": {"AgentJobSuspended": {"thresholds": {"job": 1}}}},
            "thresholds.job: no such threshold; AgentJobSuspended has none",
        ),
        (
            {"alerts": {"AgentJobsFailing": {"thresholds": {"percent": 100}}}},
            "percent is 100: set a percentage from 1 to 99, such as 51",
        ),
        (
            {"alerts": {"AgentJobHanging": {"thresholds": {"seconds": "5m"}}}},
            'seconds is "5m": set a whole number of seconds',
        ),
        (
            {"alerts": {"AgentJobsFailing": {"enable": True}}},
            "at '/rules/alerts/AgentJobsFailing': additional properties 'enable'",
        ),
        (
            {"alerts": {"AgentJobsFailing": {"severity": "page"}}},
            "at '/rules/alerts/AgentJobsFailing/severity': value must be one of",
        ),
        ({"labels": {"namespace": "x"}}, "rules.labels.namespace: the rules set this label; use another name"),
        (
            {"alerts": {"AgentJobsFailing": {"labels": {"my-team": "x"}}}},
            "my-team: not the name of a label, such as team",
        ),
        ({"labels": {"team": "{{ x }}"}}, "at '/rules/labels/team': '{{ x }}' does not match pattern"),
        ({"jobs": 'a"'}, "at '/rules/jobs': 'a\"' does not match pattern"),
    ],
)
def test_a_wrong_setting_of_the_rules_is_one_line(rules, line):
    """It has the path and the nearest name, also if no rules are installed."""
    done = helm("template", {"rules": rules})
    assert done.returncode != 0
    assert len([text for text in done.stderr.splitlines() if line in text]) == 1, done.stderr
