"""The alert rules of the bundle, read as they are shipped."""

import dataclasses
import importlib.resources
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import promql_parser
import yaml

from exporter.demo import promql
from exporter.demo.promql import Page, PromqlError, UnsupportedError

__all__ = ["AlertRule", "RulesError", "bundled_rules", "expand", "load_rules"]

_LABEL = re.compile(r"\{\{-?\s*\$labels\.(\w+)\s*-?\}\}")


class RulesError(Exception):
    """The rules cannot be read, or use what the demo does not evaluate; the text names file and rule."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One alert rule. `hold` and `keep_firing` are its `for` and `keep_firing_for`, in seconds."""

    name: str
    tree: Any
    hold: float = 0.0
    keep_firing: float = 0.0
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)


def bundled_rules() -> pathlib.Path:
    """The folder of the rule files: inside an installed package, else beside it in a checkout.

    Raises RulesError where it is in neither place.
    """
    package = pathlib.Path(str(importlib.resources.files("exporter")))
    for bundle in (package / "alerts", package.parent / "alerts"):
        if (bundle / "rules").is_dir():
            return bundle / "rules"
    raise RulesError(f"no alert rules in {package / 'alerts'} nor in {package.parent / 'alerts'}")


def load_rules(folder: pathlib.Path) -> tuple[AlertRule, ...]:
    """Every alert rule of the folder's `*.yml`, in the order of the files.

    Raises RulesError for a file that is no rule file, for a folder without rules, and for a rule with a
    construct that is not evaluated here, so that no rule is left out in silence.
    """
    rules = [rule for file in sorted(folder.glob("*.yml")) for rule in _rules_of(file)]
    if not rules:
        raise RulesError(f"no alert rules in {folder}")
    return tuple(rules)


def expand(template: str, labels: Mapping[str, str]) -> str:
    """The text with each plain `{{ $labels.x }}` filled in; other template actions stay as they are."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), template)


def _rules_of(file: pathlib.Path) -> list[AlertRule]:
    try:
        groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        return [_rule(item, file=file) for group in groups for item in group["rules"]]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise RulesError(f"{file}: not a rule file: {error!r}") from error


def _rule(item: Mapping[str, Any], *, file: pathlib.Path) -> AlertRule:
    if "alert" not in item:
        raise RulesError(f"{file}: recording rule {item.get('record')}: only alert rules are evaluated here")
    try:
        tree = promql.parse(item["expr"])
        promql.evaluate(tree, page=Page(), time=0.0)
    except UnsupportedError as error:
        raise RulesError(f"{file}: alert {item['alert']}: {error} is not evaluated here") from error
    except PromqlError as error:
        raise RulesError(f"{file}: alert {item['alert']}: {error}") from error
    return AlertRule(
        name=item["alert"],
        tree=tree,
        hold=_seconds(item.get("for", 0)),
        keep_firing=_seconds(item.get("keep_firing_for", 0)),
        labels=item.get("labels", {}),
        annotations=item.get("annotations", {}),
    )


def _seconds(duration: str | int) -> float:
    seconds: float = promql_parser.parse_duration(duration).total_seconds() if isinstance(duration, str) else duration
    return seconds
