"""Reads the JSON of a dashboard like Grafana: its panels, and their queries with the values of variables."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Panel", "Target", "annotations_of", "choices_of", "filled", "panels_of"]

ALL = "$__all"
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.+), *(?P<label>\w+)\)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """A query of a panel."""

    ref: str
    expr: str
    legend: str
    instant: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel and its position in the grid; `tree` is its JSON. A row is a panel without queries."""

    title: str
    kind: str
    x: int
    y: int
    width: int
    height: int
    queries: tuple[Target, ...]
    tree: Mapping[str, Any]


def panels_of(text: str) -> list[Panel]:
    """All panels and rows, in order."""
    return [_panel(tree) for tree in json.loads(text)["panels"]]


def annotations_of(text: str) -> list[str]:
    """The queries of the annotations."""
    return [each["expr"] for each in json.loads(text)["annotations"]["list"]]


def choices_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Each query variable: its name, the selector of its series, and the label."""
    for variable in json.loads(text)["templating"]["list"]:
        if variable["type"] == "query":
            found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            if found is None:
                raise ValueError(f"{variable['name']}: not label_values(): {variable['query']['query']}")
            yield variable["name"], found["series"], found["label"]


def filled(expression: str, chosen: Mapping[str, str | Sequence[str]], *, interval: str, span: str) -> str:
    """The query with its variables replaced by their values, as Grafana sends it to Prometheus.

    `ALL` becomes the pattern `.*`, and several values become one pattern. `interval` is the value of
    `$__rate_interval`, and `span` that of `$__range`. Groups of label_replace such as `$1` are not replaced. Raises
    KeyError for a variable that is not in `chosen`.
    """
    values = {name: _format_value(value) for name, value in chosen.items()}
    values |= {"__rate_interval": interval, "__range": span}
    return re.sub(r"\$([A-Za-z_]\w*)", lambda found: values[found[1]], expression)


def _format_value(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return ".*" if value == ALL else value
    return "(" + "|".join(re.escape(each).replace("\\", "\\\\") for each in value) + ")"


def _panel(tree: Mapping[str, Any]) -> Panel:
    queries = tuple(
        Target(
            ref=target["refId"],
            expr=target["expr"],
            legend=target.get("legendFormat", ""),
            instant=target.get("instant", False),
        )
        for target in tree.get("targets", ())
    )
    grid = tree["gridPos"]
    return Panel(
        title=tree["title"],
        kind=tree["type"],
        x=grid["x"],
        y=grid["y"],
        width=grid["w"],
        height=grid["h"],
        queries=queries,
        tree=tree,
    )
