"""Rule files are loaded unchanged, and alerts change their state as in Prometheus."""

import textwrap

import pytest

from lab import fast_yaml
from lab.demo.alerts import Alerts, State
from lab.demo.rules import RULES_DIR, RulesError, expand, load_rules
from lab.promql import Scrape

RULE = """
groups:
  - name: g
    rules:
      - alert: Hot
        expr: max by (host) (heat) > 10
        for: 1m
        keep_firing_for: 2m
        labels: {severity: critical, place: "at {{ $labels.host }}"}
"""


def rules_of(folder, text):
    """The alerts of a file with this text."""
    (folder / "rules.yml").write_text(textwrap.dedent(text))
    return load_rules(folder).alerts


def heat(**hosts):
    """A scrape with the metric `heat` for these hosts."""
    return Scrape([("heat", {"host": host}, value) for host, value in hosts.items()])


def in_short(changes):
    """Transitions as (state, host, time)."""
    return [(change.state, change.alert.labels["host"], change.at) for change in changes]


@pytest.fixture
def alerts(tmp_path):
    """The alerts of RULE."""
    return Alerts(rules_of(tmp_path, RULE))


def test_an_alert_is_pending_for_the_duration_of_for(alerts):
    """It fires at the first evaluation at which its condition has held for one minute."""
    assert in_short(alerts.evaluate(heat(a=11), at=0)) == [(State.PENDING, "a", 0)]
    assert in_short(alerts.evaluate(heat(a=12), at=30)) == []
    assert (alerts.count(State.PENDING), alerts.count(State.FIRING)) == (1, 0)
    assert in_short(alerts.evaluate(heat(a=13), at=60)) == [(State.FIRING, "a", 60)]
    assert (alerts.count(State.PENDING), alerts.count(State.FIRING)) == (0, 1)


def test_a_gap_while_pending_restarts_for(alerts):
    """An alert that was only pending is not reported as resolved."""
    alerts.evaluate(heat(a=11), at=0)
    assert in_short(alerts.evaluate(heat(a=9), at=30)) == []
    assert in_short(alerts.evaluate(heat(a=11), at=60)) == [(State.PENDING, "a", 60)]
    assert in_short(alerts.evaluate(heat(a=11), at=120)) == [(State.FIRING, "a", 120)]


def test_keep_firing_for_bridges_a_gap(alerts):
    """An alert fires for two minutes without its condition. They start again when the condition returns."""
    for at in (0, 60):
        alerts.evaluate(heat(a=11), at=at)
    assert in_short(alerts.evaluate(heat(a=1), at=90)) == []
    assert in_short(alerts.evaluate(heat(a=1), at=180)) == []
    assert in_short(alerts.evaluate(heat(a=11), at=195)) == []
    assert in_short(alerts.evaluate(heat(), at=210)) == []
    assert in_short(alerts.evaluate(heat(), at=329)) == []
    assert in_short(alerts.evaluate(heat(), at=330)) == [(State.RESOLVED, "a", 330)]
    assert alerts.count(State.FIRING) == 0


def test_each_element_of_the_result_is_an_alert(alerts):
    """It is identified by the labels of the result and of the rule, without the value."""
    alerts.evaluate(heat(a=11), at=0)
    changes = alerts.evaluate(heat(a=50, b=11), at=60)
    assert in_short(changes) == [(State.PENDING, "b", 60), (State.FIRING, "a", 60)]
    assert changes[0].alert.labels == {"host": "b", "alertname": "Hot", "severity": "critical", "place": "at b"}
    assert (changes[0].alert.name, changes[0].alert.severity) == ("Hot", "critical")


def test_without_for_it_fires_and_resolves_at_once(tmp_path):
    """A rule without durations follows its condition at each evaluation."""
    alerts = Alerts(rules_of(tmp_path, "groups: [{name: g, rules: [{alert: A, expr: 'heat > 10'}]}]"))
    assert in_short(alerts.evaluate(heat(a=11), at=0)) == [(State.PENDING, "a", 0), (State.FIRING, "a", 0)]
    assert in_short(alerts.evaluate(heat(a=1), at=30)) == [(State.RESOLVED, "a", 30)]


def test_a_failing_rule_keeps_its_alerts_and_is_reported(tmp_path):
    """The rule is reported by its name, until an evaluation succeeds."""
    alerts = Alerts(rules_of(tmp_path, "groups: [{name: g, rules: [{alert: A, expr: '-heat < 0'}]}]"))
    alerts.evaluate(heat(a=1), at=0)
    twice = Scrape([("heat", {"host": "a"}, 1.0), ("heat", {"host": "a"}, 2.0)])
    assert alerts.evaluate(twice, at=30) == []
    assert alerts.errors == {"A": "vector cannot contain metrics with the same labelset"}
    assert alerts.count(State.FIRING) == 1
    alerts.evaluate(heat(a=1), at=60)
    assert alerts.errors == {}


def test_a_scalar_is_one_element_without_labels(tmp_path):
    """An alert with a scalar expression always fires, as in Prometheus."""
    alerts = Alerts(rules_of(tmp_path, "groups: [{name: g, rules: [{alert: A, expr: '0'}]}]"))
    (pending, firing) = alerts.evaluate(Scrape(), at=0)
    assert (pending.state, firing.state) == (State.PENDING, State.FIRING)
    assert firing.alert.labels == {"alertname": "A"}


def test_two_elements_with_the_same_labels_are_an_error(tmp_path):
    """If a label of the rule replaces their only difference, the rule fails, as in Prometheus."""
    rule = "groups: [{name: g, rules: [{alert: A, expr: heat, labels: {host: all}}]}]"
    alerts = Alerts(rules_of(tmp_path, rule))
    assert alerts.evaluate(heat(a=1, b=1), at=0) == []
    assert "after applying alert labels" in alerts.errors["A"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups: [{name: g, rules: [{alert: A, expr: '-(heat or heat) =='}]}]", "rule A: invalid promql query"),
        ("groups: [{name: g, rules: [{expr: heat}]}]", "not a rule file: KeyError('alert')"),
        ("groups: [{name: g, rules: [heat]}]", "not a rule file"),
        ("groups: [{name: g, rules: [{record: r, expr: heat}]}]", "no alert rules"),
        ("groups: [{name: g, rules: [{alert: A, expr: 'ln(heat)'}]}]", "no alert rules"),
        ("groups: [{name: g, rules: [{alert: A, expr: heat, for: soon}]}]", "not a rule file"),
        ("groups: 1", "not a rule file"),
        ("[", "not a rule file"),
        ("groups: []", "no alert rules"),
    ],
)
def test_an_invalid_rule_file_is_an_error(tmp_path, text, message):
    """The error names the file, the rule and the construct. No rule is ignored."""
    with pytest.raises(RulesError) as caught:
        rules_of(tmp_path, text)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    ["ln(heat) > 0", "heat unless on (host) topk(2, heat)", "max_over_time((heat > 1)[1h:1m])", "-(heat @ 5 > 1)"],
)
def test_a_rule_with_an_unsupported_construct_is_left_out_by_name(tmp_path, expression):
    """The construct may be at any depth. Recording rules are left out as well."""
    (tmp_path / "alerts.yml").write_text(
        f"groups: [{{name: g, rules: [{{alert: Back, expr: '{expression}'}}, {{alert: Now, expr: heat}}]}}]"
    )
    (tmp_path / "recording.yml").write_text(
        f"groups: [{{name: r, rules: [{{record: a, expr: heat}}, {{record: b, expr: '{expression}'}}]}}]"
    )
    rules = load_rules(tmp_path)
    assert [rule.name for rule in rules.alerts] == ["Now"]
    assert rules.left_out == ("Back",)
    assert [rule.name for rule in rules.recording] == ["a"]


def test_an_alert_can_read_earlier_scrapes_and_recorded_series(tmp_path):
    """`offset` and ranges read earlier scrapes. Recording rules are evaluated before alerts."""
    (tmp_path / "rules.yml").write_text(
        """
groups:
- name: g
  rules:
  - {alert: StillHot, expr: 'heat > 10 and heat offset 1m > 10'}
  - {alert: WasHot, expr: 'max_over_time(host:heat:max[1m]) > 10'}
  - {record: 'host:heat:max', expr: 'max by (host) (heat)', labels: {kind: recorded}}
"""
    )
    rules = load_rules(tmp_path)
    alerts = Alerts(rules.alerts, recording=rules.recording)
    fired, resolved = {}, []
    for at, degrees in ((0, 11), (30, 1), (60, 11), (90, 1), (120, 1), (150, 1)):
        changes = alerts.evaluate(heat(a=degrees), at=at)
        fired[at] = sorted(one.alert.name for one in changes if one.state is State.FIRING)
        resolved += [
            (at, one.alert.name, one.alert.labels.get("kind")) for one in changes if one.state is State.RESOLVED
        ]
    assert fired == {0: ["WasHot"], 30: [], 60: ["StillHot"], 90: [], 120: [], 150: []}
    assert resolved == [(90, "StillHot", None), (120, "WasHot", "recorded")]


def test_two_rules_with_the_same_name_have_separate_alerts(tmp_path):
    """A warning and a critical alert may have the same name and different conditions."""
    warm = "{alert: Hot, expr: 'heat > 10 and heat <= 20', labels: {severity: warning}}"
    hot = "{alert: Hot, expr: 'heat > 20', labels: {severity: critical}}"
    alerts = Alerts(rules_of(tmp_path, f"groups: [{{name: g, rules: [{warm}, {hot}]}}]"))
    assert [one.alert.severity for one in alerts.evaluate(heat(a=11), at=0)] == ["warning"] * 2
    changes = [(one.state, one.alert.severity) for one in alerts.evaluate(heat(a=21), at=30)]
    assert (State.RESOLVED, "warning") in changes
    assert (State.FIRING, "critical") in changes


def test_all_shipped_rules_are_evaluated():
    """No shipped alert uses an unsupported construct."""
    rules = load_rules(RULES_DIR)
    assert rules.left_out == ()
    shipped = {
        rule["alert"]
        for file in RULES_DIR.glob("*.yml")
        for group in fast_yaml.load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {rule.name for rule in rules.alerts} == shipped
    assert {"AgentJobHanging", "CodeRunsFailing", "CodeRunExporterAbsent"} <= shipped


def test_only_plain_labels_are_expanded():
    """Other template actions are not expanded."""
    text = "{{ $labels.a }}/{{- $labels.b -}}/{{ $value | humanizeDuration }}"
    assert expand(text, {"a": "x"}) == "x//{{ $value | humanizeDuration }}"
