"""Reads the shipped alert rules."""

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import promql_parser
import yaml

from lab import fast_yaml, promql
from lab.promql import PromqlError, Scrape, UnsupportedError

__all__ = ["RULES_DIR", "AlertRule", "RecordingRule", "Rules", "RulesError", "expand", "load_rules"]

RULES_DIR = pathlib.Path(__file__).resolve().parents[2] / "alerts" / "rules"
"""The directory of the shipped rule files."""

_LABEL = re.compile(r"\{\{-?\s*\$labels\.(\w+)\s*-?\}\}")


class RulesError(Exception):
    """The rules cannot be read, or use a construct that the demo does not evaluate. The text names file and rule."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One alert rule. `hold` and `keep_firing` are its `for` and `keep_firing_for`, in seconds."""

    name: str
    tree: Any
    hold: float = 0.0
    keep_firing: float = 0.0
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """One recording rule: the series `name`, with `labels` in addition to those of the result."""

    name: str
    tree: Any
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of a directory, in the order of the files."""

    alerts: tuple[AlertRule, ...]
    recording: tuple[RecordingRule, ...] = ()
    left_out: tuple[str, ...] = ()
    """The names of alerts with a construct that the demo does not support. Recording rules with one are ignored."""


def load_rules(folder: pathlib.Path) -> Rules:
    """Reads the rules of `*.yml` in a directory: those that the demo can evaluate, and the names of the other alerts.

    Raises RulesError for a file without rules, and for a directory without an alert that is evaluated here.
    """
    alerts: list[AlertRule] = []
    recording: list[RecordingRule] = []
    left_out: list[AlertRule] = []
    for file in sorted(folder.glob("*.yml")):
        for item in _items_of(file):
            rule = _rule(item, file=file)
            evaluated = _is_evaluated(rule, file=file)
            if isinstance(rule, AlertRule):
                (alerts if evaluated else left_out).append(rule)
            elif evaluated:
                recording.append(rule)
    if not alerts:
        raise RulesError(f"no alert rules in {folder}")
    return Rules(
        alerts=tuple(alerts),
        recording=tuple(recording),
        left_out=tuple(dict.fromkeys(rule.name for rule in left_out)),
    )


def expand(template: str, labels: Mapping[str, str]) -> str:
    """Replaces each plain `{{ $labels.x }}` in a text; other template actions do not change."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), template)


def _items_of(file: pathlib.Path) -> list[dict[str, Any]]:
    try:
        groups = fast_yaml.load(file.read_text(encoding="utf-8"))["groups"]
        return [dict(item) for group in groups for item in group["rules"]]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise RulesError(f"{file}: not a rule file: {error!r}") from error


def _rule(item: Mapping[str, Any], *, file: pathlib.Path) -> AlertRule | RecordingRule:
    name = item.get("record") or item.get("alert")
    try:
        if "record" in item:
            return RecordingRule(name=item["record"], tree=promql.parse(item["expr"]), labels=item.get("labels", {}))
        return AlertRule(
            name=item["alert"],
            tree=promql.parse(item["expr"]),
            hold=_seconds(item.get("for", 0)),
            keep_firing=_seconds(item.get("keep_firing_for", 0)),
            labels=item.get("labels", {}),
            annotations=item.get("annotations", {}),
        )
    except PromqlError as error:
        raise RulesError(f"{file}: rule {name}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RulesError(f"{file}: not a rule file: {error!r}") from error


def _is_evaluated(rule: AlertRule | RecordingRule, *, file: pathlib.Path) -> bool:
    """Whether each construct of the rule is supported. Rules that always fail are rejected immediately."""
    try:
        promql.evaluate(rule.tree, scrape=Scrape(), time=0.0)
    except UnsupportedError:
        return False
    except PromqlError as error:
        raise RulesError(f"{file}: rule {rule.name}: {error}") from error
    return True


def _seconds(duration: str | int) -> float:
    seconds: float = promql_parser.parse_duration(duration).total_seconds() if isinstance(duration, str) else duration
    return seconds
