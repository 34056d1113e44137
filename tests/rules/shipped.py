"""The rules bundle as it is shipped: its files, rules and selectors."""

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
    "by_entry",
    "by_name",
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
"""Each once, though an alert may have several entries: one for each severity, or for each cause that explains it."""
RECORDED = [rule["record"] for rule in RECORDS]


def by_name():
    """One case for each alert, whatever its entries."""
    return pytest.mark.parametrize("name", NAMES)


def by_entry():
    """One case for each entry, named after its alert."""
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
    """Every metric that an expression selects."""
    selectors = (tree for tree in trees_in(promql_parser.parse(expression)) if hasattr(tree, "matchers"))
    return {tree.name for tree in selectors}


def queries_of(rule):
    """The expressions that a rule's annotations ask, with a word in each place of a label."""
    text = " ".join(rule["annotations"].values())
    found = re.findall(r'printf\s+(?:"([^"]*)"|`([^`]*)`)', text)
    asked = (double or raw for double, raw in found)
    return [query.replace("%q", '"x"') for query in asked if "(" in query]
