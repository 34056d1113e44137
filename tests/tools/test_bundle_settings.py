"""The settings file of the rules: what it can change, the resulting rules, and the error for each mistake."""

import functools
import operator
import re
import subprocess

import pytest
import yaml

from lab import fast_yaml
from lab.components import component
from lab.expressions.reading import parse
from lab.expressions.tree import Binary, Number, put, steps
from tests.rules.shipped import ALERTS, NAMES, RULES
from tools import rule_files
from tools.bundle import settings, tuning

FILES = rule_files.read_rules()
TABLE = settings.thresholds()
# Each level has ten times as many values as the previous one.
BOMB = "rules:\n  a0: &a0 {x: 1}\n" + "".join(
    f"  a{level + 1}: &a{level + 1} {{<<: [{', '.join([f'*a{level}'] * 10)}]}}\n" for level in range(12)
)
ALL_THRESHOLDS = [(name, key) for name, numbers in TABLE.items() for key in numbers]
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
OTHER_VALUES = {"seconds": 777, "count": 9, "percent": 77, "duration": "7d"}
TEAM = {
    "runbooks": "https://wiki.example/agents/",
    "rules": {
        "jobs": "agents/watch(er)?.*",
        "labels": {"team": "agents"},
        "alerts": {
            "AgentJobSuspended": {"enabled": False},
            "RequiredConfigMapUnhealthy": {"enabled": False},
            "AgentJobsFailing": {
                "severity": "info",
                "labels": {"team": "ml"},
                "thresholds": {"percent": 75, "jobs": 10},
            },
            "AgentJobHanging": {"severity": "warning"},
            "CodeRunControllerBlocked": {"thresholds": {"seconds": 600, "idle_seconds": 180}},
        },
    },
}


@pytest.fixture
def load(tmp_path):
    """Loads settings from a file with this content."""

    def loaded(content):
        file = tmp_path / "settings.yml"
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return settings.load(file, names=NAMES)

    return loaded


def tuned_alerts(given):
    """The alerts of the rules with these settings, by name and shipped severity."""
    made = {}
    for alert in rule_files.alerts_of(tuning.tuned(FILES, given)):
        labels = alert["labels"]
        made[alert["alert"], labels.get("original_severity", labels["severity"])] = alert
    return made


@functools.cache
def shipped():
    """The alerts without settings."""
    return tuned_alerts(settings.Settings())


def promtool(*arguments):
    """Runs promtool, which must succeed."""
    done = subprocess.run(
        [component("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=170
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write_rules(folder, files):
    """Writes rule files into a new folder. Returns their paths."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return sorted(folder.iterdir())


def test_without_settings_the_rules_are_unchanged(load):
    """There may be no file, an empty file, or empty sections."""
    for given in (settings.load(None, names=NAMES), load(""), load("rules:\n"), load({"rules": {"alerts": None}})):
        assert tuning.tuned(FILES, given) == FILES


@pytest.mark.parametrize(("name", "key"), ALL_THRESHOLDS)
def test_every_threshold_is_in_the_expressions_of_its_alert(name, key):
    """Its text occurs there, and not as a part of a longer number."""
    text = "".join(yaml.safe_dump(rule, width=10_000) for rule in RULES if rule["alert"] == name)
    for old in TABLE[name][key]["replace"]:
        assert old in text, old
        assert not re.search(re.escape(old) + r"[0-9.]", text.replace("seconds.", "")), old
    assert re.fullmatch(settings.FORMS[TABLE[name][key]["form"]][0], str(TABLE[name][key]["default"]))


@pytest.mark.parametrize(("name", "key"), ALL_THRESHOLDS)
def test_a_threshold_changes_only_its_alert(load, name, key):
    """The comments of the rules remain."""
    value = OTHER_VALUES[TABLE[name][key]["form"]]
    given = load({"rules": {"alerts": {name: {"thresholds": {key: value}}}}})
    before, after = shipped(), tuned_alerts(given)
    assert {alert for alert in before if before[alert] != after[alert]} <= {
        alert for alert in before if alert[0] == name
    }
    changed = [after[alert]["expr"] for alert in before if before[alert]["expr"] != after[alert]["expr"]]
    assert changed
    assert all(str(value) in expr for expr in changed)


@pytest.mark.parametrize("name", TABLE)
def test_every_threshold_with_its_default_is_the_shipped_rule(load, name):
    """The table has the numbers of the rules, and their places."""
    defaults = {key: number["default"] for key, number in TABLE[name].items()}
    given = load({"rules": {"alerts": {name: {"thresholds": defaults}}}})
    after = tuning.tuned(FILES, given)
    assert after.keys() == FILES.keys()
    for file in FILES:
        assert after[file] == FILES[file] or evaluate_numbers(after[file]) == evaluate_numbers(FILES[file])


def evaluate_numbers(text):
    """The groups of a rule file, with trees for expressions. Operations on numbers are replaced by their results."""
    tree = fast_yaml.load(text)
    for rule in (rule for group in tree["groups"] for rule in group["rules"]):
        rule["expr"] = number_of(parse(rule["expr"]))
    return tree


def number_of(node):
    """The tree of an expression, in which each operation on two numbers is replaced by its result."""
    for step, part in steps(node):
        node = put(node, step, number_of(part))
    if isinstance(node, Binary) and isinstance(node.left, Number) and isinstance(node.right, Number):
        return Number(value=ARITHMETIC[node.operator](node.left.value, node.right.value))
    return node


@pytest.mark.needs("promtool")
def test_prometheus_accepts_rules_with_every_setting_changed(load, tmp_path):
    """All thresholds, severities and labels are changed. The tool is `promtool check rules`."""
    alerts = {
        name: {
            "severity": "info",
            "labels": {"owner": "a b/c"},
            "thresholds": {key: OTHER_VALUES[number["form"]] for key, number in TABLE.get(name, {}).items()},
        }
        for name in NAMES
    }
    given = load(
        {"runbooks": "https://w.example", "rules": {"labels": {"team": "x"}, "jobs": "a.*", "alerts": alerts}}
    )
    promtool("check", "rules", *write_rules(tmp_path / "a", tuning.tuned(FILES, given)))
    promtool("check", "rules", *write_rules(tmp_path / "b", tuning.tuned(FILES, load(TEAM))))


def test_the_rules_have_the_settings_of_a_team(load):
    """Disabled alerts are missing. Labels, severities, links, scrape jobs and numbers are those of the settings."""
    after = tuned_alerts(load(TEAM))
    names = {name for name, _ in after}
    assert names == {*NAMES} - {"AgentJobSuspended", "RequiredConfigMapUnhealthy"}
    assert "configmaps.yml" not in tuning.tuned(FILES, load(TEAM))
    for (name, shipped), alert in after.items():
        team = "ml" if name == "AgentJobsFailing" else "agents"
        severity = {"AgentJobsFailing": "info", "AgentJobHanging": "warning"}.get(name, shipped)
        assert (alert["labels"]["team"], alert["labels"]["severity"]) == (team, severity)
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example/agents/{name}"
        assert ".*coderun-exporter.*" not in str(alert)
    blocked = after["CodeRunControllerBlocked", "critical"]["expr"]
    assert (blocked.count("time() - 600"), blocked.count("time() - 180")) == (1, 1)
    assert blocked.index("time() - 600") < blocked.index("time() - 180"), "each number has its own place"


def test_two_rules_of_an_alert_never_get_the_same_labels(load):
    """One of two such rules would resolve the alert that the other fires."""
    for severity in settings.SEVERITIES:
        after = tuned_alerts(load({"rules": {"alerts": {name: {"severity": severity} for name in NAMES}}}))
        labels = [(alert["alert"], *sorted(alert["labels"].items())) for alert in after.values()]
        assert len({*labels}) == len(labels) == len(RULES)
        assert {alert["labels"]["severity"] for alert in after.values()} == {severity}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"rule": {}}, "the file.rule: no such setting; did you mean rules?"),
        ({"rules": {"alert": {}}}, "rules.alert: no such setting; did you mean alerts?"),
        (
            {"rules": {"alerts": {"AgentJobFailing": {}}}},
            "rules.alerts.AgentJobFailing: no such alert; did you mean AgentJobsFailing?",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"enable": 1}}}},
            "AgentJobsFailing.enable: no such setting; did you mean enabled?",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"enabled": "no"}}}},
            "AgentJobsFailing.enabled is 'no': set true or false",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"severity": "page"}}}},
            "AgentJobsFailing.severity is 'page': set critical, warning or info",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"severity": ["info"]}}}},
            "AgentJobsFailing.severity is ['info']: set critical, warning or info",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"thresholds": {"job": 1}}}}},
            "thresholds.job: no such threshold; did you mean jobs?",
        ),
        (
            {"rules": {"alerts": {"AgentJobSuspended": {"thresholds": {"job": 1}}}}},
            "thresholds.job: no such threshold; AgentJobSuspended has none",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"thresholds": {"percent": 100}}}}},
            "thresholds.percent is 100: set a percentage from 1 to 99, such as 51",
        ),
        (
            {"rules": {"alerts": {"AgentJobsFailing": {"thresholds": {"jobs": True}}}}},
            "thresholds.jobs is True: set a whole number, such as 4",
        ),
        (
            {"rules": {"alerts": {"AgentJobHanging": {"thresholds": {"seconds": "5m"}}}}},
            "seconds is '5m': set a whole number of seconds, such as 300",
        ),
        (
            {"rules": {"alerts": {"CodeRunExporterAbsent": {"thresholds": {"gone": "1h"}}}}},
            "gone is '1h': set more than an hour, in hours or days, such as 12h or 7d",
        ),
        ({"rules": {"alerts": ["AgentJobHanging"]}}, "rules.alerts has to be a mapping, and is ['AgentJobHanging']"),
        (
            {"rules": {"labels": {"severity": "x"}}},
            "rules.labels.severity: the rules set this label; use another name",
        ),
        ({"rules": {"labels": {"my-team": "x"}}}, "rules.labels.my-team: not the name of a label, such as team"),
        ({"rules": {"labels": {"team": 1}}}, "rules.labels.team is 1: set a text, such as agents"),
        (
            {"rules": {"labels": {"team": "{{ x }}"}}},
            "rules.labels.team is '{{ x }}': set a text such as agents, without quotes and braces",
        ),
        ({"rules": {"labels": "team"}}, "rules.labels has to be a mapping, and is 'team'"),
        ({"rules": {"jobs": "("}}, "rules.jobs is '(': set a regular expression such as .*agents-exporter.*"),
        ({"rules": {"jobs": 'a"'}}, "rules.jobs is 'a\"': set a regular expression such as .*agents-exporter.*"),
        ({"runbooks": "wiki"}, "runbooks is 'wiki': set an address such as https://wiki.example/runbooks"),
        ("[]", "the file has to be a mapping, and is []"),
        ("a: [", "is not YAML: while parsing a flow node"),
        ("rules: &a {labels: *a}", "is not YAML: its aliases expand to too many values"),
        (BOMB, "is not YAML: its aliases expand to too many values"),
        ("[" * 10_000, "is not YAML: maximum recursion depth exceeded"),
        ("rules: 2020-13-45", "is not YAML: month must be in 1..12"),
    ],
)
def test_a_wrong_setting_is_one_line(load, given, line):
    """It has the file, the path of the setting, what is valid, and the nearest name for an unknown name."""
    with pytest.raises(rule_files.BundleError) as caught:
        load(given)
    text = str(caught.value)
    assert line in text
    assert "settings.yml" in text
    assert "\n" not in text


def test_a_settings_file_that_is_missing_is_one_line(tmp_path):
    """The line names the file."""
    with pytest.raises(rule_files.BundleError, match=r"^cannot read .*no-such\.yml: No such file or directory$"):
        settings.load(tmp_path / "no-such.yml", names=NAMES)


def test_the_readme_lists_every_threshold():
    """The rows have the defaults, and are in the order of `alerts/thresholds.yml`."""
    page = (ALERTS / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([0-9]+h?) \|", page, re.MULTILINE)
    wanted = [(name, key, str(TABLE[name][key]["default"])) for name, key in ALL_THRESHOLDS]
    missing = [" ".join(row) for row in wanted if row not in rows]
    assert not missing, f"alerts/README.md has no row for: {', '.join(missing)}"
    unknown = [" ".join(row) for row in rows if row not in wanted]
    assert not unknown, f"alerts/README.md has rows that alerts/thresholds.yml does not have: {', '.join(unknown)}"
    assert rows == wanted, "the rows of alerts/README.md are not in the order of alerts/thresholds.yml"


@pytest.mark.parametrize("page", ["alerts/README.md", "deploy/helm/coderun-exporter/README.md"])
def test_the_example_of_a_page_is_valid(load, page):
    """It can be copied without changes."""
    text = (ALERTS.parent / page).read_text()
    [example] = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "\nrules:\n" in block]
    assert load(example).alerts["AgentJobSuspended"]["enabled"] is False
