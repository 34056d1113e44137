"""Reads rule files and unit tests, and selects the rules that a file of tests needs."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lab import fast_yaml

__all__ = [
    "Group",
    "evaluation_order",
    "group_of_alert",
    "load_tests",
    "rule_groups",
    "select_named",
    "split_dependent",
    "without_annotations",
]

Group = Mapping[str, Any]

_PART = " part "


def load_tests(file: pathlib.Path) -> Mapping[str, Any]:
    """A file of unit tests. All scalars are strings, because `0x200` is a series and not a number."""
    document: Mapping[str, Any] = yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 strings only
    return document


def rule_groups(file: pathlib.Path, document: Mapping[str, Any]) -> list[Group]:
    """The groups of the rule files that a file of tests names."""
    names = [path for pattern in document["rule_files"] for path in sorted(file.parent.glob(pattern))]
    return [group for path in names for group in fast_yaml.load(path.read_text("utf-8"))["groups"]]


def group_of_alert(groups: Sequence[Group]) -> dict[str, str]:
    """The name of the group of each alert."""
    return {rule["alert"]: group["name"] for group in groups for rule in group["rules"] if "alert" in rule}


def select_named(groups: Sequence[Group], *, text: str) -> list[Group]:
    """The groups with all recording rules, but only with the alerts that the text names: the others cost time."""
    kept = [
        {**group, "rules": [rule for rule in group["rules"] if "record" in rule or rule["alert"] in text]}
        for group in groups
    ]
    return [group for group in kept if group["rules"]]


def split_dependent(groups: Sequence[Group]) -> list[Group]:
    """The groups, split before each rule that reads a recording rule of the same group.

    vmalert writes recorded samples only after it has evaluated the group. So a rule of the same group would read the
    samples of the previous evaluation.
    """
    return [part for group in groups for part in _parts(group)]


def _parts(group: Group) -> list[Group]:
    parts: list[list[Mapping[str, Any]]] = [[]]
    for rule in group["rules"]:
        recorded = {one["record"] for one in parts[-1] if "record" in one}
        if any(name in rule["expr"] for name in recorded):
            parts.append([])
        parts[-1].append(rule)
    first, *others = ({**group, "rules": rules} for rules in parts)
    return [
        first,
        *({**part, "name": f"{group['name']}{_PART}{number}"} for number, part in enumerate(others, start=2)),
    ]


def without_annotations(groups: Sequence[Group]) -> list[Group]:
    """The groups without the annotations of their alerts."""
    return [
        {
            **group,
            "rules": [{key: value for key, value in rule.items() if key != "annotations"} for rule in group["rules"]],
        }
        for group in groups
    ]


def evaluation_order(groups: Sequence[Group], *, given: Sequence[str] = ()) -> list[str]:
    """The names of the groups in the order of the tests' file; by default, groups without alerts come first."""
    names = [
        group["name"] for group in sorted(groups, key=lambda group: any("alert" in rule for rule in group["rules"]))
    ]
    order = [name for first in given for name in names if name == first or name.startswith(f"{first}{_PART}")]
    return [*order, *(name for name in names if name not in order)]
