"""The tables of docs/alerts.md, generated from the rules, their unit tests and alerts/scenarios.yml."""

import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lab import fast_yaml

__all__ = ["ALERTS", "IncompleteAlertError", "parts"]

ALERTS = pathlib.Path(__file__).resolve().parent.parent / "alerts"
_NAME = re.compile(r"\[([^\]]+)\] (.+)")


class IncompleteAlertError(Exception):
    """An alert lacks its runbook or its unit tests. The text is one line that names the missing files."""


def parts() -> dict[str, str]:
    """The text for each placeholder in tools/pages/alerts.md. Raises IncompleteAlertError."""
    rules = list(_rules())
    alerts: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        if "alert" in rule:
            alerts.setdefault(rule["alert"], []).append(rule)
    _check_files(alerts)
    claims = {name: list(_claims(name)) for name in [*alerts, "recording"]}
    document = _read("scenarios.yml")
    scenarios, excused = document["scenarios"], document["not_applicable"]
    return {
        "alerts": "\n".join(_alert(entries, len(claims[name])) for name, entries in alerts.items()),
        "records": "\n".join(f"| `{rule['record']}` | {_expression(rule)} |" for rule in rules if "record" in rule),
        "scenarios": "\n".join(f"| {name} | {meaning} |" for name, meaning in scenarios.items()),
        "matrix": _matrix(list(alerts), list(scenarios), claims),
        "reasons": "\n".join(
            f"- `{name}`: " + "; ".join(f"{scenario}: {reason}" for scenario, reason in excused.get(name, {}).items())
            for name in alerts
            if excused.get(name)
        ),
        "claims": "\n".join(_section(name, of) for name, of in claims.items()),
    }


def _rules() -> Iterator[dict[str, Any]]:
    for file in sorted((ALERTS / "rules").glob("*.yml")):
        for group in fast_yaml.load(file.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def _check_files(alerts: Iterable[str]) -> None:
    """Raises IncompleteAlertError unless each alert has a runbook and unit tests, to which the page links."""
    files = [
        f"{folder}/{name}.{suffix}" for name in alerts for folder, suffix in (("runbooks", "md"), ("tests", "yml"))
    ]
    missing = [f"alerts/{file}" for file in files if not (ALERTS / file).exists()]
    if missing:
        raise IncompleteAlertError(f"alerts lack files; write {', '.join(missing)}")


def _claims(name: str) -> Iterator[tuple[list[str], str]]:
    """The scenarios and the description of each unit test of a rule."""
    for test in _read(f"tests/{name}.yml")["tests"]:
        found = _NAME.match(test["name"])
        yield (found[1].split(", "), found[2]) if found else ([], test["name"])


def _read(file: str) -> Any:
    return fast_yaml.load((ALERTS / file).read_text("utf-8"))


def _alert(entries: list[dict[str, Any]], tests: int) -> str:
    """The row of an alert, with the severities of all its rules."""
    rule = entries[0]
    name = rule["alert"]
    runbook = f"[`{name}`](../alerts/runbooks/{name}.md)"
    severities = ", ".join(dict.fromkeys(each["labels"]["severity"] for each in entries))
    cells = runbook, severities, rule.get("for", "0s"), rule.get("keep_firing_for", "0s"), str(tests)
    return f"| {' | '.join(cells)} |"


def _expression(rule: dict[str, Any]) -> str:
    """The expression of a rule on one line."""
    return f"`{' '.join(rule['expr'].split())}`".replace("|", r"\|")


def _matrix(alerts: list[str], scenarios: list[str], claims: dict[str, list[tuple[list[str], str]]]) -> str:
    rows = [["alert", *scenarios], ["---"] * (len(scenarios) + 1)]
    for name in alerts:
        shown = {scenario for found, _ in claims[name] for scenario in found}
        rows.append([f"`{name}`", *("yes" if scenario in shown else "-" for scenario in scenarios)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _section(name: str, claims: list[tuple[list[str], str]]) -> str:
    title = "Recording rules" if name == "recording" else name
    return "\n".join([f"### {title}", "", *(f"- {words}" for _, words in claims), ""])
