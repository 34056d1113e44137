"""The shipped rules: files, groups, rules, runbooks, and the selectors in their expressions."""

import pathlib
import re

import promql_parser
import pytest

from lab import fast_yaml

__all__ = [
    "ALERTS",
    "ALERT_TESTS",
    "GROUPS",
    "NAMES",
    "RECORDED",
    "RECORDS",
    "RULES",
    "RULE_FILES",
    "RUNBOOKS",
    "TEST_FILES",
    "for_each_alert",
    "for_each_rule",
    "metrics_of",
    "queries_of",
    "trees_in",
]

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
RULE_FILES = sorted((ALERTS / "rules").glob("*.yml"))
TEST_FILES = sorted((ALERTS / "tests").glob("*.yml"))
ALERT_TESTS = [file for file in TEST_FILES if file.stem != "recording"]
RUNBOOKS = sorted((ALERTS / "runbooks").glob("*.md"))
GROUPS = [group for file in RULE_FILES for group in fast_yaml.load(file.read_text())["groups"]]
RULES = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
RECORDS = [rule for group in GROUPS for rule in group["rules"] if "record" in rule]
NAMES = [*dict.fromkeys(rule["alert"] for rule in RULES)]
"""The names of the alerts. An alert may have several rules: one for each severity or explaining cause."""
RECORDED = [rule["record"] for rule in RECORDS]


def for_each_alert():
    """Parametrizes a test with each alert."""
    return pytest.mark.parametrize("name", NAMES)


def for_each_rule():
    """Parametrizes a test with each alerting rule."""
    return pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def trees_in(tree):
    """A node of a syntax tree and all nodes below it."""
    yield tree
    for part in ("lhs", "rhs", "expr", "vector_selector", "param"):
        if (below := getattr(tree, part, None)) is not None:
            yield from trees_in(below)
    for argument in getattr(tree, "args", None) or ():
        yield from trees_in(argument)


def metrics_of(expression):
    """The names of all metrics that an expression selects."""
    selectors = (tree for tree in trees_in(promql_parser.parse(expression)) if hasattr(tree, "matchers"))
    return {tree.name for tree in selectors}


def queries_of(rule):
    """The queries in a rule's annotations, with "x" in place of label values."""
    text = " ".join(rule["annotations"].values())
    found = re.findall(r'printf\s+(?:"([^"]*)"|`([^`]*)`)', text)
    queries = (double or raw for double, raw in found)
    return [query.replace("%q", '"x"') for query in queries if "(" in query]
