"""The rules bundle: whole, consistent, and accepted by Prometheus itself."""

import pathlib
import re
import subprocess

import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from exporter.cluster import Cluster, Policy
from exporter.resources import RESOURCES
from exporter.resources.history import History
from exporter.telemetry import Telemetry
from tests.components import component

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
RULE_FILES = sorted((ALERTS / "rules").glob("*.yml"))
TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))
ALERT_TESTS = [file for file in TEST_FILES if file.stem != "recording"]
RUNBOOKS = sorted((ALERTS / "runbooks").glob("*.md"))
GROUPS = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
RULES = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
RECORDS = [rule for group in GROUPS for rule in group["rules"] if "record" in rule]
NAMES = [rule["alert"] for rule in RULES]
RECORDED = [rule["record"] for rule in RECORDS]
SCRAPE_JOBS = yaml.safe_load((ALERTS / "scrape.yml").read_text())["scrape_configs"]
SCENARIOS = yaml.safe_load((ALERTS / "scenarios.yml").read_text())
RUNBOOK_SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "When this alert lies"]
PROMTOOLS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("promtool", "promtool-2.42")]
ABOUT_A_REPLICA = "CodeRunExporterStale"


def page_metrics():
    """Every metric that the exporter can show, by the names of its series."""
    telemetry = Telemetry(clock=lambda: 0.0)
    History(cluster=Cluster(policy=Policy()), registry=telemetry.registry)
    kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    own = {
        f"{metric.name}{suffix}"
        for collector in telemetry.registry._collector_to_names
        if isinstance(collector, MetricWrapperBase)
        for metric in collector.describe()
        for suffix in kinds.get(metric.type, ("",))
    }
    return own | {family.name for resource in RESOURCES for family in resource.families}


def trees_in(tree):
    """A node of a syntax tree and all nodes below it."""
    yield tree
    for part in ("lhs", "rhs", "expr", "vector_selector", "param"):
        if (below := getattr(tree, part, None)) is not None:
            yield from trees_in(below)
    for argument in getattr(tree, "args", None) or ():
        yield from trees_in(argument)


def metrics_of(expression):
    """Every metric that an expression selects."""
    selectors = (tree for tree in trees_in(promql_parser.parse(expression)) if hasattr(tree, "matchers"))
    return {tree.name for tree in selectors}


def queries_of(rule):
    """The expressions that a rule's annotations ask, with a word in each place of a label."""
    text = " ".join(rule["annotations"].values())
    found = re.findall(r'printf\s+(?:"([^"]*)"|`([^`]*)`)', text)
    asked = (double or raw for double, raw in found)
    return [query.replace("%q", '"x"') for query in asked if "(" in query]


def alertnames_in(file):
    """The alerts that a unit-test file speaks of: as a field, or in an expression over ALERTS."""
    text = file.read_text()
    asked = {
        case["alertname"] for group in yaml.safe_load(text)["tests"] for case in group.get("alert_rule_test", [])
    }
    return asked | set(re.findall(r'alertname="([^"]+)"', text))


def shown_in(file):
    """The scenarios that a unit-test file's names claim, in brackets."""
    names = [group["name"] for group in yaml.safe_load(file.read_text())["tests"]]
    claims = [re.match(r"\[([^\]]+)\] \S", name) for name in names]
    assert all(claims), [name for name, claim in zip(names, claims, strict=True) if not claim]
    return {word.strip() for claim in claims for word in claim[1].split(",")}


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
    assert len({*NAMES, *RECORDED}) == len(NAMES) + len(RECORDED)
    assert {file.stem for file in RUNBOOKS} == set(NAMES)
    assert {file.stem for file in TEST_FILES} == {*NAMES, "recording"}


@by_alert()
def test_an_alert_is_tested_in_every_scenario_or_says_why_not(rule):
    """What alerts/scenarios.yml lists: shown by a unit test, or not applicable for a reason; never both."""
    shown = shown_in(ALERTS / "tests" / f"{rule['alert']}.yml")
    excused = SCENARIOS["not_applicable"].get(rule["alert"], {})
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
    known = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert all(set(rule) <= known for rule in [*RULES, *RECORDS])


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
    known = {*page_metrics(), *RECORDED, "up", "process_start_time_seconds"}
    assert metrics_of(rule["expr"])
    assert set().union(*map(metrics_of, asked)) <= known


@pytest.mark.parametrize("rule", RECORDS, ids=RECORDED)
def test_a_recording_rule_reads_only_metrics_that_exist(rule):
    """Those of the page, or recorded before."""
    assert metrics_of(rule["expr"]) <= {*page_metrics(), *RECORDED[: RECORDED.index(rule["record"])]}


@by_alert()
def test_an_alert_is_about_an_object_and_not_about_the_replica_that_saw_it(rule):
    """No aggregation keeps what changes with a rollout; only the staleness of a replica names that replica."""
    kept = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule["expr"])
    words = {word.strip() for labels in kept for word in labels.split(",")}
    assert "without" not in rule["expr"]
    assert not words & {"pod", "cause", "detail", "state", "problem", "key"}
    assert ("instance" in words) == (rule["alert"] == ABOUT_A_REPLICA)
    assert "cluster" in words


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
    assert f"VERSION={version} " in (ALERTS.parent / "README.md").read_text()


@pytest.mark.parametrize("job", SCRAPE_JOBS, ids=lambda job: job["job_name"])
def test_a_scrape_job_keeps_the_labels_of_runs_and_the_pace_that_the_times_assume(job):
    """`honor_labels`, or `namespace` would be the exporter's own; 30 s; port 10911; the job that the rules ask."""
    assert job["honor_labels"] is True
    assert job["scrape_interval"] == "30s"
    assert "10911" in str(job)
    renamed = [rule["replacement"] for rule in job.get("relabel_configs", []) if rule.get("target_label") == "job"]
    assert (renamed or [job["job_name"]]) == ["coderun-exporter"]


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_prometheus_accepts_the_rules(promtool):
    """`promtool check rules` over every file, by the newest and by the oldest that is supported."""
    assert run(promtool, "check", "rules", *RULE_FILES).count("SUCCESS") == len(RULE_FILES)


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
        pytest.skip("this promtool was built without Kubernetes service discovery")
    assert "is valid prometheus config" in run("promtool", "check", "config", file)


def _complaint(file):
    """What promtool has against a configuration: distributions build it without some discoveries."""
    command = [component("promtool"), "check", "config", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stderr
