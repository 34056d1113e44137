"""The mutation-testing tool reads and prints PromQL faithfully, breaks it as it says, and judges what survives."""

import itertools
import pathlib
import types

import promql_parser
import pytest

from tests.components import component
from tools.mutate import __main__ as command, trial
from tools.mutate.mutations import changes, neighbours
from tools.mutate.reading import UnsupportedError, parse
from tools.mutate.rules import Mutant, load, mutants, readers
from tools.mutate.suites import load_suite, names_for, rule_files
from tools.mutate.survey import healthy_suites, survey
from tools.mutate.text import brief, write
from tools.mutate.tree import Binary, Unary
from tools.mutate.trial import Laboratory, Outcome
from tools.mutate.verdict import Accepted, Result, SurvivorsError, faults, load_accepted

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
RULES = load(ALERTS / "rules")

PRINTED = (
    '{__name__="a b"}',
    'x{a="quote \\" backslash \\\\ line\\n",b!="",c=~"d|e",f!~"é"}[1h30m]',
    "-x ^ 2",
    "(-x) ^ 2",
    "x ^ y ^ z",
    "(x ^ y) ^ z",
    "x - (y - z)",
    "x > bool on (a, b) group_left (c) y",
    "x / ignoring (a) group_right () y",
    "x + on () y",
    'count_values without (a) ("v", x)',
    "quantile(0.95, sum by () (x))",
    "x == NaN or x < +Inf or x > -Inf or x > 1e+30",
)

MUTANTS = {
    "number": ("600 ^ x", {"570 ^ x", "630 ^ x"}),
    "infinity": ("x ^ +Inf", {"x ^ 86400", "x ^ -Inf"}),
    "quantile": (
        "histogram_quantile(0.95, x)",
        {"histogram_quantile(0.9, x)", "histogram_quantile(1, x)"},
    ),
    "more": ("x > y", {"x >= y", "x < y", "x == y"}),
    "less": ("x < y", {"x <= y", "x > y", "x == y"}),
    "equality": ("x == y", {"x != y", "x >= y"}),
    "arithmetic": ("x - y", {"x + y"}),
    "arithmetic of another strength": ("(x + y) / z", {"(x - y) / z", "(x + y) * z"}),
    "arithmetic without parentheses": ("x / y / z", {"x * y / z", "x / y * z"}),
    "and": ("x and y", {"x unless y", "x", "y"}),
    "unless": ("x unless y", {"x and y", "x", "y"}),
    "or": ("x or y", {"x", "y"}),
    "matched labels": (
        "x * on (a, b) group_left (c) y",
        {
            "x / on (a, b) group_left (c) y",
            "x * on (b) group_left (c) y",
            "x * on (a) group_left (c) y",
            "x * on (a, b) group_left () y",
        },
    ),
    "grouping labels": (
        "max by (a, b) (x)",
        {
            "max by (b) (x)",
            "max by (a) (x)",
            "max by (a, b, instance) (x)",
            "min by (a, b) (x)",
            "sum by (a, b) (x)",
        },
    ),
    "no grouping labels": ("min(x)", {"min by (instance) (x)", "max(x)"}),
    "labels left out": ("group without (a) (x)", {"group without () (x)"}),
    "sum": ("sum without () (x)", {"max without () (x)", "count without () (x)"}),
    "count": ("count without () (x)", {"sum without () (x)"}),
    "what is counted": (
        "count by (a) (max by (b) (x))",
        {
            "count by () (max by (b) (x))",
            "sum by (a) (max by (b) (x))",
            "count by (a) (max by () (x))",
            "count by (a) (max by (b, instance) (x))",
        },
    ),
    "matcher": ('x{a="b|c"}', {"x", 'x{a!="b|c"}'}),
    "alternatives": (
        'x{a=~"b|c(d|e)|f\\\\|g"}',
        {
            "x",
            'x{a!~"b|c(d|e)|f\\\\|g"}',
            'x{a=~"c(d|e)|f\\\\|g"}',
            'x{a=~"b|f\\\\|g"}',
            'x{a=~"b|c(d|e)"}',
        },
    ),
    "increase": (
        "increase(x[1h])",
        {"delta(x[1h])", "changes(x[1h])", "increase(x[30m])", "increase(x[2h])"},
    ),
    "rate": ("rate(x[1h])", {"delta(x[1h])", "irate(x[1h])", "rate(x[30m])", "rate(x[2h])"}),
    "changes": ("changes(x[1m])", {"resets(x[1m])", "changes(x[30s])", "changes(x[2m])"}),
    "extreme": (
        "max_over_time(x[2m])",
        {f"{name}_over_time(x[{t}m])" for name, t in (("min", 2), ("max", 1), ("max", 4))},
    ),
    "absent": ("absent(x)", {"x"}),
    "absent over time": (
        "absent_over_time(x[1h])",
        {"x", "present_over_time(x[1h])", "absent_over_time(x[30m])", "absent_over_time(x[2h])"},
    ),
    "nothing to change": ("vector(time())", set()),
}

EQUIVALENT = {
    "the right side of a set is asked for its matched labels alone": (
        "x and on (a) max by (a) (y)",
        {"max by (a, instance) (y)", "min by (a) (y)", "sum by (a) (y)"},
    ),
    "so is what stands deeper in it": (
        "x unless on (a) max by (a) (min by (a, b) (y) * on (a, b) max by (a, b) (z))",
        {"min by (a) (min by", "min by (a, b) (y) / on"},
    ),
    "the same series twice change no maximum": (
        "x and on (a) max by (a) (count by (a, b) (y))",
        {"count by (a) (y)", "count by (a, b, instance) (y)"},
    ),
    "a count asks for no values": (
        "count by (a) (max by (a, b) (x))",
        {"count by (a) (min by (a, b) (x))", "count by (a) (sum by (a, b) (x))"},
    ),
    "no series has the label that is added": ("count by (a) (max by (a, b) (x) > 0)", {"count by (a, instance)"}),
    "nor has the side with many": (
        "max by (a) (max by (a, b) (x) * on (b) group_left (c) max by (b, c) (y))",
        {"max by (a, instance) (max by (a, b) (x)"},
    ),
    "nor have the labels of one to one": ("sum by (a) (x / on (a, b) y)", {"sum by (a, instance) (x"}),
    "absence depends on no value": ("absent(max by (a) (x))", {"min by (a) (x)", "max by (a, instance)"}),
}

TINY = """
groups:
  - name: tiny
    interval: 30s
    rules:
      - record: a:up:max
        expr: max by (a) (up)
      - alert: Down
        expr: a:up:max == 0
        for: 1m
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.a }}"}
"""
TINY_TEST = """
rule_files: [../rules/tiny.yml]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series: [{series: 'up{a="x"}', values: &down 0x10}, {series: 'up{a="y"}', values: 1x10}]
    alert_rule_test: [{alertname: Down, eval_time: 30s, exp_alerts: []}]
  - interval: 30s
    input_series: [{series: 'up{a="x"}', values: *down}]
    alert_rule_test:
      - alertname: Down
        eval_time: 1m
        exp_alerts: [{exp_labels: {a: x, severity: critical}, exp_annotations: {summary: x}}]
"""


def texts_of(expression, *, value_is_read=True):
    """The texts of every change of the expression."""
    return {change.text for change in changes(parse(expression), value_is_read=value_is_read)}


@pytest.fixture
def tiny(tmp_path):
    """A bundle of one recording rule and one alert, with the alert's tests."""
    for name, text in (("rules/tiny.yml", TINY), ("tests/Down.yml", TINY_TEST)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def laboratory(tiny):
    """Where the mutants of the tiny bundle are tried."""
    return Laboratory(promtool=component("promtool"), scratch=tiny, rules=load(tiny / "rules"))


@pytest.mark.parametrize("text", [*PRINTED, *(rule.body["expr"] for rule in RULES)])
def test_an_expression_is_printed_as_it_was_read(text):
    """Parsed again, the printed expression has the same tree; what is on one line already stays as it is."""
    printed = write(parse(text))
    assert promql_parser.parse(printed).prettify() == promql_parser.parse(text).prettify()
    assert printed == text or text not in PRINTED


@pytest.mark.parametrize("text", ["x offset 5m", "x @ 3", "x[1h:1m]", 'x{a="b" or c="d"}', "1 and x", "x{"])
def test_what_the_tree_cannot_hold_is_refused(text):
    """No part of an expression is lost in silence, and what PromQL refuses is refused here."""
    with pytest.raises(UnsupportedError):
        parse(text)


@pytest.mark.parametrize(("expression", "expected"), MUTANTS.values(), ids=MUTANTS)
def test_each_mutation_makes_these_changes_and_no_others(expression, expected):
    """One expression in, the whole set of changed expressions out."""
    assert texts_of(expression) == expected


@pytest.mark.parametrize(("expression", "absent"), EQUIVALENT.values(), ids=EQUIVALENT)
def test_no_change_is_made_that_can_change_nothing(expression, absent):
    """Where a general argument shows that the outcome is the same, there is no mutant."""
    made = texts_of(expression)
    assert made
    assert not [text for text in made for part in absent if part in text]


def test_the_value_of_an_expression_is_changed_only_if_somebody_reads_it():
    """An alert whose texts do not name its value is the same with another aggregation, or other arithmetic."""
    assert {"min by (a) (x) * y", "max by (a) (x) / y"} < texts_of("max by (a) (x) * y")
    assert texts_of("max by (a) (x) * y", value_is_read=False) == {
        "max by () (x) * y",
        "max by (a, instance) (x) * y",
    }


def test_a_changed_tree_has_the_parentheses_that_it_needs():
    """What comes to stand beside a stronger operator, or on the wrong side of an equal one, is kept together."""
    x, y, z = map(parse, "xyz")
    less = Binary(operator="-", left=x, right=y)
    power = Binary(operator="^", left=x, right=y)
    assert write(Binary(operator="-", left=less, right=z)) == "x - y - z"
    assert write(Binary(operator="-", left=z, right=less)) == "z - (x - y)"
    assert write(Binary(operator="^", left=power, right=z)) == "(x ^ y) ^ z"
    assert write(Binary(operator="^", left=z, right=power)) == "z ^ x ^ y"
    assert write(Binary(operator="*", left=power, right=less)) == "x ^ y * (x - y)"
    assert write(Binary(operator="^", left=Binary(operator="*", left=x, right=y), right=z)) == "(x * y) ^ z"
    assert write(Unary(inner=less)) == "-(x - y)"
    assert write(Binary(operator="^", left=Unary(inner=x), right=y)) == "(-x) ^ y"
    assert "(x or y) and z" in texts_of("absent(x or y) and z")


def test_a_threshold_moves_by_what_a_rule_can_notice():
    """Half a minute for seconds, one for a count, a tenth for a ratio, without the noise of floats."""
    assert [neighbours(number) for number in (3600.0, 0.0, 3.5, 0.7)] == [
        (3570.0, 3630.0),
        (-1.0, 1.0),
        (2.5, 4.5),
        (0.6, 0.8),
    ]


def test_a_place_is_named_without_the_operations_inside_it():
    """A nested operation is an ellipsis, so that a place can be read at a glance."""
    text = "(a > 1) and on (l) max by (l) (b * c) unless on (l) d"
    assert brief(parse(text)) == "… unless on (l) d"
    assert brief(parse("max by (l) ((b * c) > 2)")) == "max by (l) (…)"
    assert brief(parse("quantile(1 / 2, rate(x[1h]))")) == "quantile(…, rate(x[1h]))"


def test_a_rule_is_changed_in_its_times_its_labels_and_its_annotations(tiny):
    """`for` and `keep_firing_for` by one evaluation and away, each label's value, each annotation."""
    _, alert = load(tiny / "rules")
    made, refused = mutants(alert)
    assert refused == 0
    assert [(mutant.place, mutant.change) for mutant in made if mutant.place != "a:up:max == 0"] == [
        ("for", "1m -> 30s"),
        ("for", "1m -> 1m30s"),
        ("for", "1m -> none"),
        ("keep_firing_for", "none -> 30s"),
        ("labels", "severity: critical -> not-critical"),
        ("annotations", "without summary"),
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_mutants_of_a_rule_differ_from_it_and_from_each_other(rule):
    """No two have the same name or the same body, and each is PromQL."""
    made, _ = mutants(rule)
    bodies = [mutant.body for mutant in made]
    assert {**rule.body, "expr": write(rule.tree)} not in bodies
    assert all(body not in bodies[:index] for index, body in enumerate(bodies))
    assert len({(mutant.place, mutant.change) for mutant in made}) == len(made)
    assert all(parse(body["expr"]) for body in bodies)


def test_equal_parts_of_a_rule_are_told_apart_by_their_order(tmp_path):
    """The second of two equal places has a number; a change that PromQL refuses is only counted."""
    (tmp_path / "r.yml").write_text(
        'groups: [{name: g, rules: [{record: r, expr: \'min({a="b"}) + min({a="b"})\'}]}]'
    )
    made, refused = mutants(*load(tmp_path))
    assert [mutant.change for mutant in made if mutant.place == 'min({a="b"})'] == [
        "by with instance",
        "min -> max",
        "by with instance (2)",
        "min -> max (2)",
    ]
    assert refused == len(["without the matcher", "negated"]) * 2


def test_a_record_is_tested_by_its_suite_and_by_the_alerts_that_read_it(tiny, tmp_path):
    """Through other recording rules too; an alert is tested by its own suite alone."""
    record, alert = rules = load(tiny / "rules")
    assert names_for(record, rules) == ("recording", "Down")
    assert names_for(alert, rules) == ("Down",)
    (tmp_path / "r.yml").write_text(
        "groups: [{name: g, rules: [{record: up:twice, expr: up * 2}, {record: a:up:max, expr: up:twice}]}]"
    )
    assert readers("up:twice", [*rules, *load(tmp_path)]) == {"Down"}


def test_a_suite_is_cut_into_its_tests_with_every_scalar_as_it_was(tiny):
    """`0x10` stays a series of zeros, also where it was an alias, and each part has the head of the file."""
    first, second = load_suite(tiny / "tests" / "Down.yml").parts
    for part in (first, second):
        assert "rule_files: [../rules/tiny.yml]" in part
        assert "0x10" in part
    assert "exp_alerts: []" in first
    assert "exp_alerts: []" not in second


def test_a_suite_gets_its_alert_and_the_records_and_one_rule_is_changed(tiny):
    """The mutant replaces its rule; other alerts are left out, and each group keeps its name and interval."""
    record, alert = rules = load(tiny / "rules")
    mutant = Mutant(rule=alert, place="", change="", body={"alert": "Down", "expr": "changed"})
    text = rule_files(rules, suite="Down", mutant=mutant)["tiny.yml"]
    assert '"name": "tiny", "interval": "30s"' in text
    assert "max by (a) (up)" in text
    assert "changed" in text
    assert "a:up:max ==" not in text
    assert "Down" not in rule_files(rules, suite="recording")["tiny.yml"]
    assert record.body in [rule.body for rule in rules]


@pytest.mark.needs("promtool")
def test_a_mutant_is_killed_survives_or_is_refused(laboratory, tiny):
    """A failing unit test kills; what Prometheus does not load is no kill."""
    suites = [load_suite(tiny / "tests" / "Down.yml")]
    _, alert = laboratory.rules

    def outcome(**changed):
        return laboratory.outcome(Mutant(rule=alert, place="", change="", body={**alert.body, **changed}), suites)

    assert outcome() is Outcome.SURVIVED
    assert outcome(**{"for": "1m30s"}) is Outcome.KILLED
    assert outcome(expr="a:up:max ==") is Outcome.REFUSED
    assert outcome(annotations={"summary": "{{ with }}"}) is Outcome.REFUSED


@pytest.mark.needs("promtool")
def test_the_survey_tries_every_rule_that_a_healthy_suite_can_test(laboratory, tiny):
    """A missing suite and one that fails are named, and what they would test is left out."""
    suites, ill = healthy_suites(laboratory, tiny / "tests", ("recording", "Down"))
    assert list(suites) == ["Down"]
    assert ["recording.yml is missing" in line for line in ill] == [True]
    (record, alert) = survey(laboratory, laboratory.rules, suites)
    assert (record.rule, alert.rule) == ("a:up:max", "Down")
    assert {result.change for result in alert.results if not result.killed} == {"== -> >=", "none -> 30s"}
    assert {result.change for result in record.results if result.killed} == {"by without a"}
    (tiny / "tests" / "Down.yml").write_text(TINY_TEST.replace("summary: x", "summary: y"))
    suites, ill = healthy_suites(laboratory, tiny / "tests", ("Down",))
    assert not suites
    assert "Down.yml fails on the rules as they are" in ill[0]
    assert list(survey(laboratory, laboratory.rules, suites)) == []


def test_what_prometheus_refuses_counts_nowhere(tiny):
    """It is neither a mutant that was killed nor one that survived; only its number is told."""
    rules = load(tiny / "rules")
    outcomes = itertools.chain([Outcome.REFUSED, Outcome.SURVIVED], itertools.repeat(Outcome.KILLED))
    laboratory = types.SimpleNamespace(rules=rules, outcome=lambda _mutant, _suites: next(outcomes))
    suites = {"Down": load_suite(tiny / "tests" / "Down.yml")}
    (row,) = survey(laboratory, rules[1:], suites)
    assert row.refused == 1
    assert len(row.results) == len(mutants(rules[1])[0]) - 1
    assert sum(not result.killed for result in row.results) == 1


def result(change, *, killed):
    """What became of a made-up mutant."""
    return Result(rule="Down", place="up", change=change, killed=killed)


def accepted(change, *, reason="no test can tell it"):
    """An entry of the list for a made-up mutant."""
    return Accepted(rule="Down", place="up", change=change, reason=reason)


KILLED = [result(f"killed {number}", killed=True) for number in range(19)]
SURVIVOR = result("spared", killed=False)


@pytest.mark.parametrize(
    ("results", "listed", "expected"),
    [
        ([*KILLED, SURVIVOR], [accepted("spared")], []),
        ([*KILLED, SURVIVOR], [], ["not listed: Down | up | spared survived"]),
        ([*KILLED, SURVIVOR], [accepted("spared"), accepted("gone")], ["stale: Down | up | gone is no mutant"]),
        (KILLED, [accepted("killed 3")], ["stale: Down | up | killed 3 is killed"]),
        ([*KILLED, SURVIVOR], [accepted("spared")] * 2, ["listed 2 times: Down | up | spared"]),
        ([*KILLED, SURVIVOR], [accepted("spared", reason=" ")], ["no reason: Down | up | spared"]),
        ([*KILLED[1:], SURVIVOR], [accepted("spared")], ["too few: 94.7% of the mutants were killed"]),
        ([], [], []),
    ],
    ids=["open", "not listed", "no mutant", "killed", "twice", "no reason", "too few", "nothing"],
)
def test_the_gate_is_open_only_if_every_survivor_is_listed_and_few(results, listed, expected):
    """A line for each fault, which names the mutant, and none where all is well."""
    lines = faults(results, listed)
    assert len(lines) == len(expected)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, expected, strict=True))


@pytest.mark.parametrize("text", ["- {rule: a, place: b, change: c}", "- {rule: a, why: b}", "[", None])
def test_a_list_that_cannot_be_read_is_named(tmp_path, text):
    """A missing reason, an unknown field, no YAML, no file."""
    file = tmp_path / "survivors.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SurvivorsError, match=r"survivors\.yml"):
        load_accepted(file)


def test_the_list_of_this_bundle_names_mutants_that_exist_and_gives_a_reason_for_each():
    """What can be known without a trial: a rule that changes takes its entries with it."""
    named = {(rule.name, mutant.place, mutant.change) for rule in RULES for mutant in mutants(rule)[0]}
    listed = load_accepted(ALERTS / "survivors.yml")
    assert {entry.key for entry in listed} <= named
    assert faults([], []) == ()
    assert all(entry.reason.strip() for entry in listed)


@pytest.fixture
def bundle(tiny, monkeypatch):
    """The command, on the tiny bundle, with an empty list of survivors."""
    (tiny / "survivors.yml").write_text("[]")
    monkeypatch.setattr(command, "ALERTS", tiny)
    return tiny


def test_the_command_lists_mutants_without_a_trial(bundle, capsys, monkeypatch):
    """`--list` needs no promtool; `--only` takes one rule."""
    monkeypatch.setattr(command, "find_promtool", lambda: None)
    assert command.main(["--list", "--only", "a:up:max"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "a:up:max | max by (a) (up) | max -> min" in lines
    assert not [line for line in lines if line.startswith("Down")]


def test_the_command_says_in_one_line_why_it_cannot_try(bundle, capsys, monkeypatch):
    """No promtool, no such rule, no list: exit code 2."""
    monkeypatch.setattr(trial, "_BUILT", bundle / "nowhere")
    monkeypatch.setenv("PATH", str(bundle))
    assert command.main([]) == 2
    assert capsys.readouterr().err == "promtool is not in .tools/bin and not on PATH: run `make tools`\n"
    assert command.main(["--only", "Up"]) == 2
    assert capsys.readouterr().err == "no rule of alerts/rules is called Up\n"
    (bundle / "survivors.yml").unlink()
    assert command.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.needs("promtool")
def test_the_command_prints_a_table_and_a_line_for_each_fault(bundle, capsys):
    """Accepted survivors with their reasons, the share of all, and what shuts the gate."""
    (bundle / "survivors.yml").write_text(
        "[{rule: Down, place: keep_firing_for, change: none -> 30s, reason: because},"
        " {rule: 'a:up:max', place: x, change: y, reason: not tried here}]"
    )
    assert command.main(["--only", "Down"]) == 1
    table, _, rest = capsys.readouterr().out.partition("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["rule", "mutants", "killed", "survived"],
        ["Down", "10", "8", "2"],
        ["all", "10", "8", "2"],
    ]
    assert "  Down | keep_firing_for | none -> 30s\n      because\n" in rest
    assert "80.0% of 10 mutants killed in" in rest
    unlisted, few = rest.splitlines()[-2:]
    assert unlisted.startswith("not listed: Down | a:up:max == 0 | == -> >= survived: test it, or list it")
    assert few == "too few: 80.0% of the mutants were killed, and 95% are asked for"
