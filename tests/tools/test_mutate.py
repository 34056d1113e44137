"""Mutation tests of the rules: suites, mutants, their trials and the command."""

import dataclasses
import functools
import itertools
import types

import pytest
import yaml

from lab import components
from lab.components import component
from tools.mutate import __main__ as command
from tools.mutate.copies import copies_of
from tools.mutate.rules import Mutant, load, mutants, readers
from tools.mutate.suites import load_suite, names_for, rule_files
from tools.mutate.survey import load_suites, survey
from tools.mutate.trial import Laboratory, Outcome, TrialError
from tools.mutate.verdict import sampled

TINY_RULES = """
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


@pytest.fixture
def tiny(tmp_path):
    """A bundle with one recording rule, one alert, and unit tests of the alert."""
    for name, text in (("rules/tiny.yml", TINY_RULES), ("tests/Down.yml", TINY_TEST)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def laboratory(tiny):
    """Tests the mutants of the tiny bundle."""
    return Laboratory(promtool=component("promtool"), scratch=tiny, rules=load(tiny / "rules"))


def test_the_times_labels_and_annotations_of_a_rule_are_mutated(tiny):
    """`for` and `keep_firing_for` change by one evaluation or are removed. Labels change, annotations are removed."""
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


def test_equal_places_in_a_rule_are_numbered(tmp_path):
    """The second of two equal places has a number. Changes that are invalid PromQL are only counted."""
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


def test_a_recording_rule_is_tested_by_its_suite_and_by_alerts_that_read_it(tiny, tmp_path):
    """The alerts may read it through other recording rules. An alert is tested only by its own suite."""
    record, alert = rules = load(tiny / "rules")
    assert names_for(record, rules) == ("recording", "Down")
    assert names_for(alert, rules) == ("Down",)
    (tmp_path / "r.yml").write_text(
        "groups: [{name: g, rules: [{record: up:twice, expr: up * 2}, {record: a:up:max, expr: up:twice}]}]"
    )
    assert readers("up:twice", [*rules, *load(tmp_path)]) == {"a:up:max", "Down"}


def test_a_suite_is_split_into_its_tests(tiny):
    """`0x10` remains a series of zeros, also as an alias. Each part has the header of the file.

    The fastest part is first: it kills most mutants, and the slower ones test only the rest.
    """
    first, second = load_suite(tiny / "tests" / "Down.yml").parts
    for part in (first, second):
        assert "rule_files: [../rules/tiny.yml]" in part
        assert "0x10" in part
    assert "exp_alerts: []" in first
    assert "exp_alerts: []" not in second
    (tiny / "tests" / "Down.yml").write_text(TINY_TEST.replace("eval_time: 30s", "eval_time: 5m"))
    assert "exp_alerts: []" in load_suite(tiny / "tests" / "Down.yml").parts[1]


def test_a_suite_is_tested_with_its_alert_and_the_recording_rules(tiny):
    """The mutant replaces its rule. Other alerts are left out. Each group keeps its name and interval."""
    _, alert = rules = load(tiny / "rules")
    mutant = Mutant(rule=alert, place="", change="", body={"alert": "Down", "expr": "changed"})
    text = rule_files(rules, suite="Down", copies=copies_of([mutant], rules))["tiny.yml"]
    assert '"name": "tiny", "interval": "30s"' in text
    assert "max by (a) (up)" in text
    assert "changed" in text
    assert "a:up:max ==" not in text
    assert "Down" not in rule_files(rules, suite="recording")["tiny.yml"]


def test_mutants_of_a_recording_rule_are_tested_with_copies_of_its_alerts(tiny):
    """Each copy reads its own mutant and has its own copies of the checks. Other checks are left out."""
    record, _ = rules = load(tiny / "rules")
    copies = copies_of([Mutant(rule=record, place="", change="", body=record.body)] * 2, rules)
    text = rule_files(rules, suite="Down", copies=copies)["tiny.yml"]
    assert [f"a:up:max_mutant{number} == 0" in text for number in (0, 1, 2)] == [True, True, False]
    first, _ = load_suite(tiny / "tests" / "Down.yml").parts
    assert copies.checks(first).count("alertname: Down_mutant") == 2
    assert copies.checks(first.replace("alertname: Down", "alertname: Up")) is None
    assert "Down_mutant0" not in copies.without(frozenset({0})).checks(first)


@pytest.mark.needs("promtool")
def test_a_mutant_is_killed_survives_or_is_rejected(laboratory, tiny):
    """A failing unit test kills it. A mutant that Prometheus cannot load does not count."""
    suites = [load_suite(tiny / "tests" / "Down.yml")]
    _, alert = laboratory.rules

    def outcome(**changed):
        return outcomes(changed)[0]

    def outcomes(*changes):
        return laboratory.outcomes(
            [Mutant(rule=alert, place="", change="", body={**alert.body, **changed}) for changed in changes], suites
        )

    assert outcome() is Outcome.SURVIVED
    assert outcome(**{"for": "1m30s"}) is Outcome.KILLED
    assert outcome(expr="a:up:max ==") is Outcome.REFUSED
    assert outcome(annotations={"summary": "{{ with }}"}) is Outcome.REFUSED
    together = outcomes(
        {}, {"for": "1m30s"}, {"expr": "a:up:max =="}, {"expr": "up + on (job) up == 0"}, {"labels": {}}, {}
    )
    assert [each.value for each in together] == ["survived", "killed", "refused", "killed", "killed", "survived"]


@pytest.mark.needs("promtool")
def test_a_failure_that_names_no_mutant_is_an_error(laboratory, tiny):
    """Otherwise it would count as a kill."""
    suite = load_suite(tiny / "tests" / "Down.yml")
    broken = dataclasses.replace(
        suite, parts=dict.fromkeys((part.replace("30s", "soon") for part in suite.parts), 1.0)
    )
    _, alert = laboratory.rules
    with pytest.raises(TrialError, match="Down: promtool fails and names no mutant"):
        laboratory.outcomes([Mutant(rule=alert, place="", change="", body=alert.body)], [broken])


@pytest.mark.needs("promtool")
def test_the_survey_tests_every_rule_that_has_a_suite(laboratory, tiny):
    """A missing suite is named, and its rules are left out."""
    suites, missing = load_suites(tiny / "tests", ("recording", "Down"))
    assert list(suites) == ["Down"]
    assert ["recording.yml is missing" in line for line in missing] == [True]
    (record, alert) = survey(laboratory, laboratory.rules, suites)
    assert (record.rule, alert.rule) == ("a:up:max", "Down")
    assert {result.change for result in alert.results if not result.killed} == {"== -> >=", "none -> 30s"}
    assert {result.change for result in record.results if result.killed} == {"by without a"}


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(("old", "new"), [("summary: x", "summary: y"), ("severity: critical", "severity: info")])
def test_a_suite_that_fails_for_the_shipped_rules_is_an_error(laboratory, tiny, old, new):
    """It may fail because of annotations, too. It would kill every mutant."""
    (tiny / "tests" / "Down.yml").write_text(TINY_TEST.replace(old, new))
    suites, _ = load_suites(tiny / "tests", ("Down",))
    with pytest.raises(TrialError, match=r"^Down\.yml fails on the rules as they are"):
        list(survey(laboratory, laboratory.rules, suites))


def test_a_rejected_mutant_does_not_count(tiny):
    """It is neither killed nor a survivor. Only the number of rejected mutants is shown."""
    rules = load(tiny / "rules")
    outcomes = itertools.chain([Outcome.REFUSED, Outcome.SURVIVED], itertools.repeat(Outcome.KILLED))
    laboratory = types.SimpleNamespace(rules=rules, outcomes=lambda some, _suites: [next(outcomes) for _ in some])
    suites = {"Down": load_suite(tiny / "tests" / "Down.yml")}
    (row,) = survey(laboratory, rules[1:], suites)
    assert row.refused == 1
    assert len(row.results) == len(mutants(rules[1])[0]) - 1
    assert sum(not result.killed for result in row.results) == 1


@pytest.fixture
def bundle(tiny, monkeypatch):
    """The command for the tiny bundle, with an empty list of survivors."""
    (tiny / "survivors.yml").write_text("[]")
    monkeypatch.setattr(command, "ALERTS", tiny)
    return tiny


def test_the_command_lists_mutants_without_testing_them(bundle, capsys, monkeypatch):
    """`--list` needs no promtool. `--only` selects one rule."""
    monkeypatch.setattr(components, "find", lambda _: None)
    assert command.main(["--list", "--only", "a:up:max"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "a:up:max | max by (a) (up) | max -> min" in lines
    assert not [line for line in lines if line.startswith("Down")]


def test_the_command_says_in_one_line_why_it_cannot_test(bundle, capsys, monkeypatch):
    """Promtool, the rule or the list of survivors may be missing. The exit code is 2."""
    monkeypatch.setattr(components, "BUILT", bundle / "nowhere")
    monkeypatch.setenv("PATH", str(bundle))
    assert command.main([]) == 2
    assert capsys.readouterr().err == (
        "promtool 3.0 or newer is not in .tools/bin and not on PATH: run `make tools`\n"
    )
    assert command.main(["--only", "Up"]) == 2
    assert capsys.readouterr().err == "no rule of alerts/rules is called Up\n"
    (bundle / "survivors.yml").unlink()
    assert command.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.needs("promtool")
def test_the_command_prints_a_table_and_a_line_for_each_error(bundle, capsys):
    """Listed survivors have their reasons. The share of killed mutants and the errors follow."""
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
    errors, _, listed = rest.partition("\n\n#")
    unlisted, few = errors.splitlines()[-2:]
    assert unlisted.startswith("not listed: Down | a:up:max == 0 | == -> >= survived: test it, or list it")
    entry = {"rule": "Down", "place": "a:up:max == 0", "change": "== -> >=", "reason": ""}
    assert yaml.safe_load(f"#{listed}") == [entry]
    assert few == "too few: 80.0% of the mutants were killed, and 95% are asked for"


def test_a_sample_is_the_same_in_each_run(tiny):
    """It has one of three mutants, by a hash of its key."""
    rules = load(tiny / "rules")
    laboratory = types.SimpleNamespace(rules=rules, outcomes=lambda some, _suites: [Outcome.KILLED for _ in some])
    suites = {"Down": load_suite(tiny / "tests" / "Down.yml")}
    (row,) = survey(laboratory, rules[1:], suites, picked=functools.partial(sampled, every=3))
    (every,) = survey(laboratory, rules[1:], suites)
    picked = {result.key for result in row.results}
    assert picked == {result.key for result in every.results if sampled(result.key, every=3)}
    assert 0 < len(picked) < len(every.results)
