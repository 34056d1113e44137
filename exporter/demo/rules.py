"""The alert rules of the bundle, read as they are shipped."""

import dataclasses
import importlib.resources
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import promql_parser
import yaml

from exporter.demo import promql
from exporter.demo.promql import Page, PromqlError, UnsupportedError

__all__ = ["AlertRule", "Rules", "RulesError", "bundled_rules", "expand", "load_rules"]

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """What a folder of rule files holds, in the order of the files."""

    alerts: tuple[AlertRule, ...]
    left_out: tuple[str, ...] = ()
    """Alerts by name that one scrape cannot answer: they look back over time, or at what a rule has recorded."""
    recorded: tuple[str, ...] = ()
    """The series of the recording rules, which are not evaluated either."""


def bundled_rules() -> pathlib.Path:
    """The folder of the rule files: inside an installed package, else beside it in a checkout.

    Raises RulesError where it is in neither place.
    """
    package = pathlib.Path(str(importlib.resources.files("exporter")))
    for bundle in (package / "alerts", package.parent / "alerts"):
        if (bundle / "rules").is_dir():
            return bundle / "rules"
    raise RulesError(f"no alert rules in {package / 'alerts'} nor in {package.parent / 'alerts'}")


def load_rules(folder: pathlib.Path) -> Rules:
    """The rules of the folder's `*.yml`: those that are evaluated here, and the names of all others.

    Raises RulesError for a file that is no rule file, for a folder without an alert that is evaluated here, and
    for an alert with a construct that is neither evaluated nor a look back over time.
    """
    items = [(file, item) for file in sorted(folder.glob("*.yml")) for item in _items_of(file)]
    recorded = tuple(item["record"] for _, item in items if "record" in item)
    alerts, left_out = [], []
    for file, item in items:
        if "record" in item:
            continue
        rule = _rule(item, file=file)
        if _looks_back(rule.tree, recorded=recorded):
            left_out.append(rule.name)
        else:
            _check(rule, file=file)
            alerts.append(rule)
    if not alerts:
        raise RulesError(f"no alert rules in {folder}")
    return Rules(alerts=tuple(alerts), left_out=tuple(left_out), recorded=recorded)


def expand(template: str, labels: Mapping[str, str]) -> str:
    """The text with each plain `{{ $labels.x }}` filled in; other template actions stay as they are."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), template)


def _items_of(file: pathlib.Path) -> list[dict[str, Any]]:
    try:
        groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        return [dict(item) for group in groups for item in group["rules"]]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise RulesError(f"{file}: not a rule file: {error!r}") from error


def _rule(item: Mapping[str, Any], *, file: pathlib.Path) -> AlertRule:
    try:
        return AlertRule(
            name=item["alert"],
            tree=promql.parse(item["expr"]),
            hold=_seconds(item.get("for", 0)),
            keep_firing=_seconds(item.get("keep_firing_for", 0)),
            labels=item.get("labels", {}),
            annotations=item.get("annotations", {}),
        )
    except PromqlError as error:
        raise RulesError(f"{file}: alert {item['alert']}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RulesError(f"{file}: not a rule file: {error!r}") from error


def _check(rule: AlertRule, *, file: pathlib.Path) -> None:
    """An alert that cannot be evaluated over any page is refused before the first one."""
    try:
        promql.evaluate(rule.tree, page=Page(), time=0.0)
    except UnsupportedError as error:
        raise RulesError(f"{file}: alert {rule.name}: {error} is not evaluated here") from error
    except PromqlError as error:
        raise RulesError(f"{file}: alert {rule.name}: {error}") from error


def _looks_back(tree: Any, *, recorded: Collection[str]) -> bool:
    """Whether an expression asks for more than one scrape holds."""
    return any(
        isinstance(part, promql_parser.MatrixSelector | promql_parser.SubqueryExpr)
        or (isinstance(part, promql_parser.VectorSelector) and part.name in recorded)
        for part in _parts_of(tree)
    )


def _parts_of(tree: Any) -> Iterator[Any]:
    """An expression and all that it is made of."""
    yield tree
    for inner in (*(getattr(tree, side, None) for side in ("expr", "lhs", "rhs")), *getattr(tree, "args", ())):
        if inner is not None:
            yield from _parts_of(inner)


def _seconds(duration: str | int) -> float:
    seconds: float = promql_parser.parse_duration(duration).total_seconds() if isinstance(duration, str) else duration
    return seconds
