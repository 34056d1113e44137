"""The rules bundle is complete and consistent: alerts, unit tests, runbooks and words."""

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
    by_entry,
    by_name,
)

SCRAPE_JOBS = fast_yaml.load((ALERTS / "scrape.yml").read_text())["scrape_configs"]
SCENARIOS = fast_yaml.load((ALERTS / "scenarios.yml").read_text())
RUNBOOK_SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False positives and false negatives"]
ABOUT_A_REPLICA = "CodeRunExporterStale"
LONGEST_FOR = 60.0


def alertnames_in(file):
    """The alerts that a unit-test file speaks of: as a field, or in an expression over ALERTS."""
    text = file.read_text()
    asked = {
        case["alertname"] for group in fast_yaml.load(text)["tests"] for case in group.get("alert_rule_test", [])
    }
    return asked | set(re.findall(r'alertname="([^"]+)"', text))


def shown_in(file):
    """The scenarios that a unit-test file's names claim, in brackets."""
    names = [group["name"] for group in fast_yaml.load(file.read_text())["tests"]]
    claims = [re.match(r"\[([^\]]+)\] \S", name) for name in names]
    assert all(claims), [name for name, claim in zip(names, claims, strict=True) if not claim]
    return {word.strip() for claim in claims for word in claim[1].split(",")}


def test_every_alert_has_one_runbook_and_one_test_file():
    """Alerts, runbooks and unit-test files are the same set; an alert's entries are all in one file."""
    assert len({*NAMES, *RECORDED}) == len(NAMES) + len(RECORDED)
    files = {(rule["alert"], group["name"]) for group in GROUPS for rule in group["rules"] if "alert" in rule}
    assert len(files) == len(NAMES)
    assert {file.stem for file in RUNBOOKS} == set(NAMES)
    assert {file.stem for file in TEST_FILES} == {*NAMES, "recording"}


def test_the_entries_of_an_alert_differ_in_their_labels_and_agree_in_their_times():
    """Two entries with the same labels could not be told apart, and two waits would change with the severity."""
    for name in NAMES:
        entries = [rule for rule in RULES if rule["alert"] == name]
        assert len({tuple(sorted(rule["labels"].items())) for rule in entries}) == len(entries), name
        assert len({(rule.get("for"), rule["keep_firing_for"]) for rule in entries}) == 1, name


@by_name()
def test_an_alert_is_tested_in_every_scenario_or_says_why_not(name):
    """What alerts/scenarios.yml lists: shown by a unit test, or not applicable for a reason; never both."""
    shown = shown_in(ALERTS / "tests" / f"{name}.yml")
    excused = SCENARIOS["not_applicable"].get(name, {})
    assert shown | set(excused) == set(SCENARIOS["scenarios"])
    assert not shown & set(excused)
    assert all(excused.values())


def test_only_alerts_are_excused():
    """A name that is misspelled would excuse nothing, and one that is gone would stay for ever."""
    assert set(SCENARIOS["not_applicable"]) <= set(NAMES)


def test_every_recording_rule_is_named_after_its_level_and_tested():
    """`level:metric:operation`, as Prometheus' documentation has it; asked for in the unit tests."""
    tests = (ALERTS / "tests" / "recording.yml").read_text()
    for rule in RECORDS:
        assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["record"])
        assert rule["record"] in tests
        assert set(rule) == {"record", "expr"}


@pytest.mark.parametrize("file", ALERT_TESTS, ids=lambda file: file.stem)
def test_a_unit_test_speaks_of_its_own_alert_and_of_no_misspelled_one(file):
    """A misspelled name would make every "does not fire" true."""
    assert alertnames_in(file) == {file.stem}


@pytest.mark.parametrize("file", ALERT_TESTS, ids=lambda file: file.stem)
def test_a_unit_test_compares_labels_and_annotations_in_full_and_pairs_each_silence(file):
    """Somewhere an alert is compared whole, and each case of silence stands beside one that fires."""
    groups = fast_yaml.load(file.read_text())["tests"]
    whole = [alert for group in groups for case in group.get("alert_rule_test", []) for alert in case["exp_alerts"]]
    assert whole
    assert all(set(alert["exp_annotations"]) == {"summary", "description"} for alert in whole)
    for group in groups:
        fires = [case["exp_alerts"] for case in group.get("alert_rule_test", [])]
        fires += [case["exp_samples"] for case in group.get("promql_expr_test", [])]
        assert any(fires), group["name"]


def test_groups_stay_small_and_know_nothing_newer_than_prometheus_2_42():
    """One group per file, at most 20 rules (Mimir's limit), and only keys that Prometheus 2.42 has."""
    assert len(GROUPS) == len(RULE_FILES) == len({group["name"] for group in GROUPS})
    for group in GROUPS:
        assert set(group) == {"name", "interval", "rules"}
        assert group["interval"] == "30s"
        assert len(group["rules"]) <= 20
    known = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert all(set(rule) <= known for rule in [*RULES, *RECORDS])


@by_entry()
def test_an_alert_has_the_labels_to_route_on_and_outlives_a_scrape_gap(rule):
    """Severity, component, and for an inhibition `explained_by`; five minutes of `keep_firing_for`.

    Two minutes where the object is a replica, which may be gone.
    """
    assert {"severity", "component"} <= set(rule["labels"]) <= {"severity", "component", "explained_by"}
    assert rule["labels"].get("explained_by", NAMES[0]) in NAMES
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["component"] == "coderun-exporter"
    assert rule["keep_firing_for"] == ("2m" if rule["alert"] == ABOUT_A_REPLICA else "5m")


@by_entry()
def test_an_alert_waits_so_shortly_that_a_restart_of_prometheus_does_not_resolve_it(rule):
    """Prometheus does not restore a `for` below 10 minutes: a `for` begins again, and `keep_firing_for` is lost."""
    assert "for" not in rule or promql_parser.parse_duration(rule["for"]).total_seconds() <= LONGEST_FOR


@by_entry()
def test_an_alert_says_in_one_line_what_is_wrong_and_then_what_to_do(rule):
    """The summary is one line; the description names the runbook of the bundle and, below it, kubectl commands."""
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
    """So that a reader at night finds the same thing in the same place."""
    text = file.read_text()
    assert text.startswith(f"# {file.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == RUNBOOK_SECTIONS
    assert set(re.findall(r"`((?:CodeRun|Agent|Required)[A-Z]\w+)`", text)) <= set(NAMES)


def test_the_readme_lists_every_alert_with_its_severity():
    """The table of the README is the table of the rules."""
    listed = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", (ALERTS / "README.md").read_text(), re.MULTILINE)
    rows = [(name, severity) for name, severities in listed for severity in severities.split(", ")]
    assert sorted(rows) == sorted({(rule["alert"], rule["labels"]["severity"]) for rule in RULES})


def test_the_version_is_in_the_changelog():
    """A released bundle says what changed."""
    version = (ALERTS / "VERSION").read_text().strip()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"## [{version}]" in (ALERTS / "CHANGELOG.md").read_text()
    assert f"VERSION={version} " in (ALERTS.parent / "README.md").read_text()


@pytest.mark.parametrize("job", SCRAPE_JOBS, ids=lambda job: job["job_name"])
def test_a_scrape_job_keeps_the_labels_of_runs_and_the_pace_that_the_times_assume(job):
    """`honor_labels`, or `namespace` would be the exporter's own; 30 s; port 10911; the job that the rules ask."""
    assert job["honor_labels"] is True
    assert job["scrape_interval"] == "30s"
    assert "10911" in str(job)
    renamed = [rule["replacement"] for rule in job.get("relabel_configs", []) if rule.get("target_label") == "job"]
    assert (renamed or [job["job_name"]]) == ["coderun-exporter"]


@by_name()
def test_a_check_of_alerts_names_its_alert(name):
    """`make mutate` tries many mutants at once, and leaves out the checks that name none of them."""
    text = (ALERTS / "tests" / f"{name}.yml").read_text()
    assert re.findall(r"ALERTS(?!_)(?!{alertname=\")", text) == []
