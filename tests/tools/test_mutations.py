"""Parsing, printing and mutating an expression, with an example for each mutation."""

import pathlib

import promql_parser
import pytest

from lab.expressions.reading import UnsupportedError, is_valid, parse
from lab.expressions.text import brief, write
from lab.expressions.tree import Binary, Unary
from tools.mutate.mutations import changes, neighbours
from tools.mutate.rules import load, mutants
from tools.mutate.verdict import load_accepted

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
    "x offset 5m and max_over_time(x[10m] offset 1h)",
    "x offset -5m",
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
    "offset": ("x offset 5m", {"x", "x offset 2m30s", "x offset 10m"}),
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


def texts_of(expression, *, value_is_read=True):
    """The texts of all mutations of the expression."""
    return {change.text for change in changes(parse(expression), value_is_read=value_is_read)}


@pytest.mark.parametrize("text", [*PRINTED, *(rule.body["expr"] for rule in RULES)])
def test_a_printed_expression_has_the_same_tree(text):
    """An expression that is already on one line is printed unchanged."""
    printed = write(parse(text))
    assert promql_parser.parse(printed).prettify() == promql_parser.parse(text).prettify()
    assert printed == text or text not in PRINTED


@pytest.mark.parametrize("text", ["x @ 3", "x[1h:1m]", 'x{a="b" or c="d"}', "1 and x", "x{"])
def test_an_unsupported_expression_is_an_error(text):
    """No part of an expression is ignored. Invalid PromQL is an error, too."""
    with pytest.raises(UnsupportedError):
        parse(text)


@pytest.mark.parametrize(("expression", "expected"), MUTANTS.values(), ids=MUTANTS)
def test_each_mutation_makes_exactly_these_changes(expression, expected):
    """The result has all changed expressions."""
    assert texts_of(expression) == expected


@pytest.mark.parametrize(("expression", "absent"), EQUIVALENT.values(), ids=EQUIVALENT)
def test_equivalent_mutants_are_left_out(expression, absent):
    """A change that cannot change the result is not made."""
    made = texts_of(expression)
    assert made
    assert not [text for text in made for part in absent if part in text]


def test_the_value_of_an_expression_is_mutated_only_if_it_is_used():
    """If the annotations of an alert do not use the value, another aggregation or arithmetic changes nothing."""
    assert {"min by (a) (x) * y", "max by (a) (x) / y"} < texts_of("max by (a) (x) * y")
    assert texts_of("max by (a) (x) * y", value_is_read=False) == {
        "max by () (x) * y",
        "max by (a, instance) (x) * y",
    }


def test_a_mutated_tree_has_the_necessary_parentheses():
    """They depend on the precedence and the associativity of the operators."""
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


def test_a_threshold_changes_by_a_relevant_step():
    """The step is 30 for seconds, 1 for a count and 0.1 for a ratio. There are no rounding errors."""
    assert [neighbours(number) for number in (3600.0, 0.0, 3.5, 0.7)] == [
        (3570.0, 3630.0),
        (-1.0, 1.0),
        (2.5, 4.5),
        (0.6, 0.8),
    ]


def test_a_place_is_named_without_nested_operations():
    """A nested operation is shown as an ellipsis."""
    text = "(a > 1) and on (l) max by (l) (b * c) unless on (l) d"
    assert brief(parse(text)) == "… unless on (l) d"
    assert brief(parse("max by (l) ((b * c) > 2)")) == "max by (l) (…)"
    assert brief(parse("quantile(1 / 2, rate(x[1h]))")) == "quantile(…, rate(x[1h]))"


@pytest.fixture(scope="module")
def mutants_of():
    """The mutants of each rule, by the title of the rule."""
    return {rule.title: mutants(rule)[0] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.title)
def test_the_mutants_of_a_rule_are_different(rule, mutants_of):
    """They differ from the rule and from each other. Each is valid PromQL."""
    made = mutants_of[rule.title]
    bodies = [mutant.body for mutant in made]
    assert {**rule.body, "expr": write(rule.tree)} not in bodies
    assert all(body not in bodies[:index] for index, body in enumerate(bodies))
    assert len({(mutant.place, mutant.change) for mutant in made}) == len(made)
    assert all(is_valid(body["expr"]) for body in bodies)


def test_the_listed_survivors_are_existing_mutants_with_reasons(mutants_of):
    """A change of a rule may remove a mutant, which must then be removed from the list."""
    named = {(title, mutant.place, mutant.change) for title, made in mutants_of.items() for mutant in made}
    listed = load_accepted(ALERTS / "survivors.yml")
    assert {entry.key for entry in listed} <= named
    assert all(entry.reason.strip() for entry in listed)
