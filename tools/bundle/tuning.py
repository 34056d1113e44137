"""Rule files with settings applied: to their text, so that comments and blocks stay as they were written."""

import re
from collections.abc import Iterator, Mapping

from tools.bundle.settings import DEFAULT_JOBS, Settings, thresholds
from tools.bundle.source import BundleError

__all__ = ["tuned", "with_runbooks"]

_RULE = re.compile(r"(?m)^(?=(?:      #.*\n)*      - (?:alert|record): )")
"""Where a rule begins, its comment included."""


def tuned(files: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The rule files' text by name, without those that have no rule left. Raises BundleError."""
    made = {name: _file(text, settings) for name, text in files.items()}
    return {name: text for name, text in made.items() if "\n      - " in text}


def with_runbooks(text: str, base: str, *, alert: str = "") -> str:
    """The links to the runbooks added: to a rule file, or to the unit tests of `alert`."""
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
    """The rules that are left, each with its settings."""
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
    """Each number in its place, in two steps: a new number may look like another's old one."""
    for key in values:
        for old, new in thresholds()[name][key]["replace"].items():
            rule = rule.replace(old, new.replace("{}", f"<{key}>"))
    for key, value in values.items():
        rule = rule.replace(f"<{key}>", value)
    return rule


def _with_labels(rule: str, *, severity: str | None, labels: Mapping[str, str]) -> str:
    """The severity in the place of the shipped one, and more labels behind it.

    The shipped one is kept as `original_severity`: two rules of an alert would otherwise have the same labels.
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
