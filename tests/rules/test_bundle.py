"""The rules bundle: whole, consistent, and accepted by Prometheus and Alertmanager themselves."""

import pathlib
import re
import subprocess

import pytest
import yaml

from tests.components import component

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
RULE_FILES = sorted((ALERTS / "rules").glob("*.yml"))
TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))
RUNBOOKS = sorted((ALERTS / "runbooks").glob("*.md"))
GROUPS = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
RULES = [rule for group in GROUPS for rule in group["rules"]]
NAMES = [rule["alert"] for rule in RULES]
SCRAPE_JOBS = yaml.safe_load((ALERTS / "scrape.yml").read_text())["scrape_configs"]
RUNBOOK_SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "When this alert lies"]

KNOWN_METRICS = frozenset(
    re.findall(
        r"\w+",
        """
    agent_last_log_timestamp_seconds agent_pod_waiting agent_result_timestamp_seconds
    coderun_attempt coderun_created_timestamp coderun_deletion_timestamp_seconds coderun_info
    coderun_job_creation_deadline_seconds coderun_job_name coderun_phase coderun_reconcile_failures
    coderun_stall_cause coderun_work_completed_timestamp_seconds coderuns_finished_total
    configmap_health configmap_keys configmap_problem configmap_size_bytes
    coderun_exporter_build_info coderun_exporter_resource_last_sync_timestamp_seconds
    coderun_exporter_resource_objects coderun_exporter_resource_required coderun_exporter_resource_state
    coderun_exporter_resource_synced
    job_active job_created_timestamp job_deadline_seconds job_finished_timestamp_seconds job_hang_cause
    job_info job_max_runtime_seconds job_pending_pods job_running_pods job_start_time job_suspended
    jobs_finished_total
    workflow_step_started_timestamp_seconds workflow_template_unbounded_step
    up
    """,
    )
)
ABOUT_A_REPLICA = "CodeRunExporterStale"
KEYWORDS = frozenset({"and", "or", "unless", "bool", "on", "by", "without", "ignoring", "Inf", "NaN"})


def metrics_of(expression):
    """Every metric that an expression selects: the words that are no string, label, keyword or function."""
    bare = re.sub(r'"(?:\\.|[^"])*"', "", expression)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    bare = re.sub(r"\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()", bare)
    return {word for word in words if word not in KEYWORDS}


def queries_of(rule):
    """The expressions that a rule's annotations ask, as the template writes them."""
    text = " ".join(rule["annotations"].values())
    found = re.findall(r'printf\s+(?:"([^"]*)"|`([^`]*)`)', text)
    return [double or raw for double, raw in found]


def alertnames_in(file):
    """The alerts that a unit-test file speaks of: as a field, or in an expression over ALERTS."""
    text = file.read_text()
    asked = {
        case["alertname"] for group in yaml.safe_load(text)["tests"] for case in group.get("alert_rule_test", [])
    }
    return asked | set(re.findall(r'alertname="([^"]+)"', text))


def run(name, *arguments, directory=ALERTS):
    """The component's output; fails with it where the component does."""
    done = subprocess.run(
        [component(name), *arguments], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def by_alert(rules=RULES):
    """One case per alert, named after it."""
    return pytest.mark.parametrize("rule", rules, ids=[rule["alert"] for rule in rules])


def test_every_alert_has_one_runbook_and_one_test_file():
    """Alerts, runbooks and unit-test files are the same set, and no name is there twice."""
    assert len(set(NAMES)) == len(NAMES)
    assert {file.stem for file in RUNBOOKS} == set(NAMES)
    assert {file.stem for file in TEST_FILES} == set(NAMES)


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_a_unit_test_speaks_of_its_own_alert_and_of_no_misspelled_one(file):
    """A misspelled name would make every "does not fire" true."""
    assert alertnames_in(file) == {file.stem}


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_a_unit_test_compares_labels_and_annotations_in_full_and_pairs_each_silence(file):
    """Somewhere an alert is compared whole, and each case of silence stands beside one that fires."""
    groups = yaml.safe_load(file.read_text())["tests"]
    whole = [alert for group in groups for case in group.get("alert_rule_test", []) for alert in case["exp_alerts"]]
    assert whole
    assert all(set(alert["exp_annotations"]) == {"summary", "description", "runbook_url"} for alert in whole)
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
    known = {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert all(set(rule) <= known for rule in RULES)


@by_alert()
def test_an_alert_has_the_labels_to_route_on_and_outlives_a_scrape_gap(rule):
    """Severity and component, and five minutes of going on: two where the object is a replica, which may be gone."""
    assert set(rule["labels"]) == {"severity", "component"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["component"] == "coderun-exporter"
    assert rule["keep_firing_for"] == ("2m" if rule["alert"] == ABOUT_A_REPLICA else "5m")


@by_alert()
def test_an_alert_says_in_one_line_what_is_wrong_and_then_what_to_do(rule):
    """The summary is one line; the description names kubectl commands; the runbook's address ends in the name."""
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert "\n" not in annotations["summary"]
    assert "\nkubectl " in annotations["description"]
    assert annotations["runbook_url"].endswith(f"/{rule['alert']}")


def test_all_runbooks_have_one_base_address_that_the_readme_tells():
    """The base can be set in one go, because there is one, written in the same way everywhere."""
    bases = {rule["annotations"]["runbook_url"].removesuffix(f"/{rule['alert']}") for rule in RULES}
    assert len(bases) == 1
    assert f"`{bases.pop()}`" in (ALERTS / "README.md").read_text()


@by_alert()
def test_an_alert_reads_only_metrics_that_exist(rule):
    """Of its expression and of the queries in its annotations."""
    asked = [rule["expr"], *queries_of(rule)]
    assert metrics_of(rule["expr"])
    assert set().union(*map(metrics_of, asked)) <= KNOWN_METRICS


@by_alert()
def test_an_alert_is_about_an_object_and_not_about_the_replica_that_saw_it(rule):
    """No aggregation keeps what changes with a rollout; only the staleness of a replica names that replica."""
    kept = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule["expr"])
    words = {word.strip() for labels in kept for word in labels.split(",")}
    assert "without" not in rule["expr"]
    assert not words & {"pod", "cause", "detail", "state", "problem", "key"}
    assert ("instance" in words) == (rule["alert"] == ABOUT_A_REPLICA)
    assert ("absent(" in rule["expr"]) or "cluster" in words


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_a_runbook_has_its_sections_in_order(file):
    """So that a reader at night finds the same thing in the same place."""
    text = file.read_text()
    assert text.startswith(f"# {file.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == RUNBOOK_SECTIONS
    assert set(re.findall(r"`((?:CodeRun|Agent|Required)[A-Z]\w+)`", text)) <= set(NAMES)


def test_the_readme_lists_every_alert_with_its_severity():
    """The table of the README is the table of the rules."""
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", (ALERTS / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted((rule["alert"], rule["labels"]["severity"]) for rule in RULES)


def test_the_version_is_in_the_changelog():
    """A released bundle says what changed."""
    version = (ALERTS / "VERSION").read_text().strip()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"## [{version}]" in (ALERTS / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("job", SCRAPE_JOBS, ids=lambda job: job["job_name"])
def test_a_scrape_job_keeps_the_labels_of_runs_and_the_pace_that_the_times_assume(job):
    """`honor_labels`, or `namespace` would be the exporter's own; 30 s; port 10911; the job that the rules ask."""
    assert job["honor_labels"] is True
    assert job["scrape_interval"] == "30s"
    assert "10911" in str(job)
    renamed = [rule["replacement"] for rule in job.get("relabel_configs", []) if rule.get("target_label") == "job"]
    assert (renamed or [job["job_name"]]) == ["coderun-exporter"]


@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_rules():
    """`promtool check rules` over every file."""
    assert run("promtool", "check", "rules", *RULE_FILES).count("SUCCESS") == len(RULE_FILES)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_prometheus_finds_that_an_alert_does_what_its_unit_tests_say(file):
    """`promtool test rules`, one file at a time, so that the alert is named here."""
    assert "SUCCESS" in run("promtool", "test", "rules", file)


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
        pytest.skip("this promtool was built without Kubernetes service discovery")
    assert "is valid prometheus config" in run("promtool", "check", "config", file)


def _complaint(file):
    """What promtool has against a configuration: distributions build it without some discoveries."""
    command = [component("promtool"), "check", "config", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stderr


@pytest.mark.needs("amtool")
def test_alertmanager_accepts_its_configuration():
    """`amtool check-config`, with both inhibitions seen."""
    output = run("amtool", "check-config", "alertmanager.yml")
    assert "SUCCESS" in output
    assert "2 inhibit rules" in output


@pytest.mark.needs("amtool")
@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "pager"), ("warning", "chat"), ("info", "log"), ("none", "chat")]
)
def test_alertmanager_routes_by_severity(severity, receiver):
    """What the route tree does with each severity; what has none of them is not lost."""
    route = ["config", "routes", "test", "--config.file=alertmanager.yml", f"--verify.receivers={receiver}"]
    assert receiver in run("amtool", *route, f"severity={severity}", "alertname=AgentJobHanging")
