"""The shipped rules are complete and consistent: rules, unit tests, runbooks, README and scrape jobs."""

import re

import promql_parser
import pytest

from lab import fast_yaml
from tests.rules.shipped import (
    ALERT_TESTS,
    ALERTS,
    GROUPS,
    NAMES,
    RECORDED,
    RECORDS,
    RULE_FILES,
    RULES,
    RUNBOOKS,
    TEST_FILES,
    for_each_alert,
    for_each_rule,
)

SCRAPE_JOBS = fast_yaml.load((ALERTS / "scrape.yml").read_text())["scrape_configs"]
SCENARIOS = fast_yaml.load((ALERTS / "scenarios.yml").read_text())
RUNBOOK_SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False positives and false negatives"]
ALERT_ABOUT_A_REPLICA = "CodeRunExporterStale"
MAX_FOR_SECONDS = 60.0


def alerts_tested_in(file):
    """The alerts of a unit-test file: in the field alertname, or in an expression over ALERTS."""
    text = file.read_text()
    tested = {
        case["alertname"] for group in fast_yaml.load(text)["tests"] for case in group.get("alert_rule_test", [])
    }
    return tested | set(re.findall(r'alertname="([^"]+)"', text))


def scenarios_tested_in(file):
    """The scenarios of a unit-test file, which are in brackets before the name of each test."""
    names = [group["name"] for group in fast_yaml.load(file.read_text())["tests"]]
    claims = [re.match(r"\[([^\]]+)\] \S", name) for name in names]
    assert all(claims), [name for name, claim in zip(names, claims, strict=True) if not claim]
    return {word.strip() for claim in claims for word in claim[1].split(",")}


def test_every_alert_has_one_runbook_and_one_test_file():
    """All rules of an alert are in one file."""
    assert len({*NAMES, *RECORDED}) == len(NAMES) + len(RECORDED)
    files = {(rule["alert"], group["name"]) for group in GROUPS for rule in group["rules"] if "alert" in rule}
    assert len(files) == len(NAMES)
    assert {file.stem for file in RUNBOOKS} == set(NAMES)
    assert {file.stem for file in TEST_FILES} == {*NAMES, "recording"}


def test_the_rules_of_an_alert_have_different_labels_and_equal_times():
    """Two rules with the same labels would be one alert. Different times would tie the delay to the severity."""
    for name in NAMES:
        entries = [rule for rule in RULES if rule["alert"] == name]
        assert len({tuple(sorted(rule["labels"].items())) for rule in entries}) == len(entries), name
        assert len({(rule.get("for"), rule["keep_firing_for"]) for rule in entries}) == 1, name


@for_each_alert()
def test_an_alert_is_tested_in_every_scenario_or_has_a_reason(name):
    """A scenario of alerts/scenarios.yml is tested by a unit test, or not applicable for a reason, and never both."""
    shown = scenarios_tested_in(ALERTS / "tests" / f"{name}.yml")
    not_applicable = SCENARIOS["not_applicable"].get(name, {})
    assert shown | set(not_applicable) == set(SCENARIOS["scenarios"])
    assert not shown & set(not_applicable)
    assert all(not_applicable.values())


def test_only_existing_alerts_have_scenarios_that_do_not_apply():
    """A misspelled or removed name would remain unnoticed."""
    assert set(SCENARIOS["not_applicable"]) <= set(NAMES)


def test_every_recording_rule_is_named_after_its_level_and_tested():
    """The name is `level:metric:operation`, as Prometheus recommends. A unit test queries it."""
    tests = (ALERTS / "tests" / "recording.yml").read_text()
    for rule in RECORDS:
        assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["record"])
        assert rule["record"] in tests
        assert set(rule) == {"record", "expr"}


@pytest.mark.parametrize("file", ALERT_TESTS, ids=lambda file: file.stem)
def test_a_unit_test_names_only_its_own_alert(file):
    """With a misspelled name, every "does not fire" would pass."""
    assert alerts_tested_in(file) == {file.stem}


@pytest.mark.parametrize("file", ALERT_TESTS, ids=lambda file: file.stem)
def test_a_unit_test_compares_complete_alerts_and_has_firing_cases(file):
    """At least one alert is compared with all annotations. Each test has a case in which an alert fires."""
    groups = fast_yaml.load(file.read_text())["tests"]
    complete = [
        alert for group in groups for case in group.get("alert_rule_test", []) for alert in case["exp_alerts"]
    ]
    assert complete
    assert all(set(alert["exp_annotations"]) == {"summary", "description"} for alert in complete)
    for group in groups:
        fires = [case["exp_alerts"] for case in group.get("alert_rule_test", [])]
        fires += [case["exp_samples"] for case in group.get("promql_expr_test", [])]
        assert any(fires), group["name"]


def test_groups_are_small_and_have_only_fields_of_prometheus_2_42():
    """Each file has one group, which has at most 20 rules. That is the limit of Mimir."""
    assert len(GROUPS) == len(RULE_FILES) == len({group["name"] for group in GROUPS})
    for group in GROUPS:
        assert set(group) == {"name", "interval", "rules"}
        assert group["interval"] == "30s"
        assert len(group["rules"]) <= 20
    known = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert all(set(rule) <= known for rule in [*RULES, *RECORDS])


@for_each_rule()
def test_an_alert_has_its_labels_and_outlasts_a_missed_scrape(rule):
    """The labels are severity, component, and for an inhibition `explained_by`. `keep_firing_for` is 5 minutes.

    It is 2 minutes for the alert about a replica, because replicas are removed.
    """
    assert {"severity", "component"} <= set(rule["labels"]) <= {"severity", "component", "explained_by"}
    assert rule["labels"].get("explained_by", NAMES[0]) in NAMES
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["component"] == "coderun-exporter"
    assert rule["keep_firing_for"] == ("2m" if rule["alert"] == ALERT_ABOUT_A_REPLICA else "5m")


@for_each_rule()
def test_the_for_of_an_alert_is_short_enough_for_a_restart_of_prometheus(rule):
    """After a restart, Prometheus restores only a `for` of 10 minutes or more, and never `keep_firing_for`."""
    assert "for" not in rule or promql_parser.parse_duration(rule["for"]).total_seconds() <= MAX_FOR_SECONDS


@for_each_rule()
def test_an_alert_has_a_summary_a_runbook_and_commands(rule):
    """The summary is one line. The description names the runbook, and then kubectl commands."""
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description"}
    assert "\n" not in annotations["summary"]
    assert "\nkubectl " in annotations["description"]
    named = re.findall(
        r"^Runbook: runbooks/(\w+)\.md in the rules bundle\nNext", annotations["description"], re.MULTILINE
    )
    assert {*named} == {rule["alert"]}


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_a_runbook_has_its_sections_in_order(file):
    """A reader on call finds the same information in the same place."""
    text = file.read_text()
    assert text.startswith(f"# {file.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == RUNBOOK_SECTIONS
    assert set(re.findall(r"`((?:CodeRun|Agent|Required)[A-Z]\w+)`", text)) <= set(NAMES)


def test_the_readme_lists_every_alert_with_its_severity():
    """The table of the README has the rules with their severities."""
    listed = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", (ALERTS / "README.md").read_text(), re.MULTILINE)
    rows = [(name, severity) for name, severities in listed for severity in severities.split(", ")]
    assert sorted(rows) == sorted({(rule["alert"], rule["labels"]["severity"]) for rule in RULES})


def test_the_version_is_in_the_changelog_and_the_readme():
    """The version is that of alerts/VERSION."""
    version = (ALERTS / "VERSION").read_text().strip()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"## [{version}]" in (ALERTS / "CHANGELOG.md").read_text()
    assert f"VERSION={version} " in (ALERTS.parent / "README.md").read_text()


@pytest.mark.parametrize("job", SCRAPE_JOBS, ids=lambda job: job["job_name"])
def test_a_scrape_job_keeps_the_labels_of_runs(job):
    """It has `honor_labels`. Its interval, port and name are those that the rules assume."""
    assert job["honor_labels"] is True
    assert job["scrape_interval"] == "30s"
    assert "10911" in str(job)
    renamed = [rule["replacement"] for rule in job.get("relabel_configs", []) if rule.get("target_label") == "job"]
    assert (renamed or [job["job_name"]]) == ["coderun-exporter"]


@for_each_alert()
def test_a_query_of_alerts_names_its_alert(name):
    """`make mutate` tests many mutants at once, and omits the unit tests that name none of their alerts."""
    text = (ALERTS / "tests" / f"{name}.yml").read_text()
    assert re.findall(r"ALERTS(?!_)(?!{alertname=\")", text) == []
