"""Applies settings to the text of rule files. Editing the text keeps comments and text blocks as they are."""

import re
from collections.abc import Iterator, Mapping

from tools.bundle.settings import DEFAULT_JOBS, Settings, thresholds
from tools.rule_files import BundleError

__all__ = ["tuned", "with_runbooks"]

_RULE = re.compile(r"(?m)^(?=(?:      #.*\n)*      - (?:alert|record): )")
"""The start of a rule, including the comment above it."""


def tuned(files: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The changed text of each rule file by name, without files whose rules are all disabled. Raises BundleError."""
    made = {name: _file(text, settings) for name, text in files.items()}
    return {name: text for name, text in made.items() if "\n      - " in text}


def with_runbooks(text: str, base: str, *, alert: str = "") -> str:
    """Adds links to the runbooks to the text of a rule file, or to the unit tests of `alert`."""
    lines = []
    for line in text.splitlines(keepends=True):
        if begins := re.match(r" +- alert: (\w+)", line):
            alert = begins[1]
        if description := re.match(r"( +)description: ", line):
            lines.append(f"{description[1]}runbook_url: {base.rstrip('/')}/{alert}\n")
        lines.append(line)
    return "".join(lines)


def _file(text: str, settings: Settings) -> str:
    head, *rules = _RULE.split(text)
    text = head + "".join(_rules(rules, settings))
    if settings.runbooks:
        text = with_runbooks(text, settings.runbooks)
    return text.replace(f'job=~"{DEFAULT_JOBS}"', f'job=~"{settings.jobs}"')


def _rules(rules: list[str], settings: Settings) -> Iterator[str]:
    """The enabled rules, with their settings applied."""
    for rule in rules:
        name = re.search(r"(?m)^      - (alert|record): (\S+)", rule)
        if name is None or name[1] == "record":
            yield rule
            continue
        own = settings.alerts.get(name[2], {"enabled": True, "severity": None, "labels": {}, "thresholds": {}})
        if own["enabled"]:
            text = _with_thresholds(name[2], rule, own["thresholds"])
            yield _with_labels(text, severity=own["severity"], labels={**settings.labels, **own["labels"]})


def _with_thresholds(name: str, rule: str, values: Mapping[str, str]) -> str:
    """The rule with its thresholds replaced, in two steps, because a new number may equal another old number."""
    for key in values:
        for old, new in thresholds()[name][key]["replace"].items():
            rule = rule.replace(old, new.replace("{}", f"<{key}>"))
    for key, value in values.items():
        rule = rule.replace(f"<{key}>", value)
    return rule


def _with_labels(rule: str, *, severity: str | None, labels: Mapping[str, str]) -> str:
    """The rule with another severity and additional labels.

    The shipped severity is kept as `original_severity`: otherwise two rules of an alert could have the same labels.
    """
    found = re.search(r"(?m)^( +)severity: (\w+)\n", rule)
    if found is None:
        raise BundleError(f"a rule has no severity: {rule.splitlines()[0].strip()}")
    pad, shipped = found[1], found[2]
    lines = [f"{pad}severity: {severity or shipped}\n"]
    if severity not in {None, shipped}:
        lines.append(f"{pad}original_severity: {shipped}\n")
    lines += [f'{pad}{name}: "{value}"\n' for name, value in labels.items()]
    return rule.replace(found[0], "".join(lines), 1)
