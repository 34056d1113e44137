"""An alert with several rules: one for each severity or explaining cause."""

from tools.mutate.copies import copies_of
from tools.mutate.rules import Mutant, load
from tools.mutate.suites import names_for, rule_files


def test_the_rules_of_one_alert_are_mutated_separately(tmp_path):
    """Each has its own title. The suite of the alert is tested with all of them, of which one is changed."""
    (tmp_path / "r.yml").write_text(
        "groups: [{name: g, rules: ["
        "{alert: Down, expr: up == 0, labels: {severity: warning, component: x}},"
        "{alert: Down, expr: up < 0, labels: {severity: critical, component: x, explained_by: Other}},"
        "{alert: Down, expr: up < 1, labels: {severity: critical, component: x, explained_by: Other}},"
        "{alert: Up, expr: up == 1, labels: {severity: warning}}]}]"
    )
    rules = load(tmp_path)
    assert [rule.title for rule in rules] == [
        "Down (warning)",
        "Down (critical, Other)",
        "Down (critical, Other, 2)",
        "Up",
    ]
    assert {names_for(rule, rules) for rule in rules[:3]} == {("Down",)}
    mutant = Mutant(rule=rules[0], place="", change="", body={"alert": "Down", "expr": "changed"})
    text = rule_files(rules, suite="Down", copies=copies_of([mutant], rules))["r.yml"]
    assert "changed" in text
    assert "up == 0" not in text
    assert "up < 0" in text
    assert "up < 1" in text
