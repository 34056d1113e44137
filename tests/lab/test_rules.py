"""Rule files are read verbatim, and alerts change state as in Prometheus."""

import textwrap

import pytest

from lab import fast_yaml
from lab.demo.alerts import Alerts, State
from lab.demo.rules import BUNDLE, RulesError, expand, load_rules
from lab.promql import Page

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
    """The alerts of one file with that text."""
    (folder / "rules.yml").write_text(textwrap.dedent(text))
    return load_rules(folder).alerts


def heat(**hosts):
    """A page with the heat of some hosts."""
    return Page([("heat", {"host": host}, value) for host, value in hosts.items()])


def short(changes):
    """Transitions in short."""
    return [(change.state, change.alert.labels["host"], change.at) for change in changes]


@pytest.fixture
def alerts(tmp_path):
    """The alerts of RULE."""
    return Alerts(rules_of(tmp_path, RULE))


def test_an_alert_is_pending_for_as_long_as_for_says(alerts):
    """It fires at the first evaluation at which its condition has held for one minute, and not one before."""
    assert short(alerts.evaluate(heat(a=11), at=0)) == [(State.PENDING, "a", 0)]
    assert short(alerts.evaluate(heat(a=12), at=30)) == []
    assert (alerts.count(State.PENDING), alerts.count(State.FIRING)) == (1, 0)
    assert short(alerts.evaluate(heat(a=13), at=60)) == [(State.FIRING, "a", 60)]
    assert (alerts.count(State.PENDING), alerts.count(State.FIRING)) == (0, 1)


def test_a_gap_while_pending_starts_it_again(alerts):
    """`for` asks for an unbroken condition; what was only pending is not reported as resolved."""
    alerts.evaluate(heat(a=11), at=0)
    assert short(alerts.evaluate(heat(a=9), at=30)) == []
    assert short(alerts.evaluate(heat(a=11), at=60)) == [(State.PENDING, "a", 60)]
    assert short(alerts.evaluate(heat(a=11), at=120)) == [(State.FIRING, "a", 120)]


def test_keep_firing_for_bridges_a_gap_and_is_counted_anew(alerts):
    """A firing alert outlives two minutes without its condition; when the condition returns they begin again."""
    for at in (0, 60):
        alerts.evaluate(heat(a=11), at=at)
    assert short(alerts.evaluate(heat(a=1), at=90)) == []
    assert short(alerts.evaluate(heat(a=1), at=180)) == []
    assert short(alerts.evaluate(heat(a=11), at=195)) == []
    assert short(alerts.evaluate(heat(), at=210)) == []
    assert short(alerts.evaluate(heat(), at=329)) == []
    assert short(alerts.evaluate(heat(), at=330)) == [(State.RESOLVED, "a", 330)]
    assert alerts.count(State.FIRING) == 0


def test_each_element_of_the_result_is_an_alert_of_its_own(alerts):
    """Identity is the result's labels with the rule's own; the value is no part of it."""
    alerts.evaluate(heat(a=11), at=0)
    changes = alerts.evaluate(heat(a=50, b=11), at=60)
    assert short(changes) == [(State.PENDING, "b", 60), (State.FIRING, "a", 60)]
    assert changes[0].alert.labels == {"host": "b", "alertname": "Hot", "severity": "critical", "place": "at b"}
    assert (changes[0].alert.name, changes[0].alert.severity) == ("Hot", "critical")


def test_without_for_it_fires_and_resolves_at_once(tmp_path):
    """A rule without durations follows its condition from one evaluation to the next."""
    alerts = Alerts(rules_of(tmp_path, "groups: [{name: g, rules: [{alert: A, expr: 'heat > 10'}]}]"))
    assert short(alerts.evaluate(heat(a=11), at=0)) == [(State.PENDING, "a", 0), (State.FIRING, "a", 0)]
    assert short(alerts.evaluate(heat(a=1), at=30)) == [(State.RESOLVED, "a", 30)]


def test_a_rule_that_fails_keeps_its_alerts_and_is_reported(tmp_path):
    """An ambiguous result changes nothing and is reported by the rule's name until it evaluates again."""
    alerts = Alerts(rules_of(tmp_path, "groups: [{name: g, rules: [{alert: A, expr: '-heat < 0'}]}]"))
    alerts.evaluate(heat(a=1), at=0)
    twice = Page([("heat", {"host": "a"}, 1.0), ("heat", {"host": "a"}, 2.0)])
    assert alerts.evaluate(twice, at=30) == []
    assert alerts.errors == {"A": "vector cannot contain metrics with the same labelset"}
    assert alerts.count(State.FIRING) == 1
    alerts.evaluate(heat(a=1), at=60)
    assert alerts.errors == {}


def test_a_number_is_one_element_without_labels(tmp_path):
    """An expression that is a number always holds, as in Prometheus."""
    alerts = Alerts(rules_of(tmp_path, "groups: [{name: g, rules: [{alert: A, expr: '0'}]}]"))
    (pending, firing) = alerts.evaluate(Page(), at=0)
    assert (pending.state, firing.state) == (State.PENDING, State.FIRING)
    assert firing.alert.labels == {"alertname": "A"}


def test_two_elements_that_become_one_alert_are_an_error(tmp_path):
    """A rule label that hides the one difference makes the rule fail, as in Prometheus."""
    rule = "groups: [{name: g, rules: [{alert: A, expr: heat, labels: {host: all}}]}]"
    alerts = Alerts(rules_of(tmp_path, rule))
    assert alerts.evaluate(heat(a=1, b=1), at=0) == []
    assert "after applying alert labels" in alerts.errors["A"]


@pytest.mark.parametrize(
    ("text", "words"),
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
def test_a_file_that_cannot_be_evaluated_is_refused_by_name(tmp_path, text, words):
    """No rule is left out in silence: what is not understood names file, rule and construct."""
    with pytest.raises(RulesError) as caught:
        rules_of(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    ["ln(heat) > 0", "heat unless on (host) topk(1, heat)", "max_over_time((heat > 1)[1h:1m])", "-(heat @ 5 > 1)"],
)
def test_an_alert_that_is_not_evaluated_is_set_aside_by_name(tmp_path, expression):
    """A function, an aggregation, a subquery, a modifier: at any depth of the expression. A recording rule too."""
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


def test_an_alert_reads_earlier_scrapes_and_what_a_rule_has_recorded(tmp_path):
    """`offset` and ranges go back to earlier pages; a recording rule is evaluated first, over the same page."""
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


def test_two_rules_of_one_name_have_alerts_of_their_own(tmp_path):
    """As a warning and a critical alert of one name, each by its own condition."""
    warm = "{alert: Hot, expr: 'heat > 10 and heat <= 20', labels: {severity: warning}}"
    hot = "{alert: Hot, expr: 'heat > 20', labels: {severity: critical}}"
    alerts = Alerts(rules_of(tmp_path, f"groups: [{{name: g, rules: [{warm}, {hot}]}}]"))
    assert [one.alert.severity for one in alerts.evaluate(heat(a=11), at=0)] == ["warning"] * 2
    changes = [(one.state, one.alert.severity) for one in alerts.evaluate(heat(a=21), at=30)]
    assert (State.RESOLVED, "warning") in changes
    assert (State.FIRING, "critical") in changes


def test_the_bundle_is_evaluated_as_it_is_shipped():
    """No alert of the bundle is left to Prometheus."""
    rules = load_rules(BUNDLE)
    assert rules.left_out == ()
    shipped = {
        rule["alert"]
        for file in BUNDLE.glob("*.yml")
        for group in fast_yaml.load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {rule.name for rule in rules.alerts} == shipped
    assert {"AgentJobHanging", "CodeRunsFailing", "CodeRunExporterAbsent"} <= shipped


def test_only_plain_labels_are_filled_in():
    """Other template actions stay visible instead of being half understood."""
    text = "{{ $labels.a }}/{{- $labels.b -}}/{{ $value | humanizeDuration }}"
    assert expand(text, {"a": "x"}) == "x//{{ $value | humanizeDuration }}"
