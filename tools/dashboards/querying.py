"""Runs the queries of a dashboard on a Prometheus server."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tools.dashboards.reading import ALL, Panel, Target, choices_of, filled, panels_of

__all__ = ["PanelResult", "Result", "Server", "choices", "run_queries"]

INTERVAL = "15s"  # the scrapes of the demo are a second apart
SPAN = "5m"


class Server(Protocol):
    """A Prometheus server."""

    def query(self, expression: str, *, time: float | None = None) -> list[dict[str, Any]]:
        """The vector of an instant query."""
        ...

    def over(self, expression: str, *, seconds: float, step: float = 1.0) -> list[dict[str, Any]]:
        """The matrix of a range query for the last `seconds`."""
        ...

    def series(self, selector: str) -> list[dict[str, str]]:
        """The label sets of the series that match a selector."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The series of one query; each has `metric` and `value`, or `values` for a range query."""

    target: Target
    series: Sequence[dict[str, Any]]

    def name(self, series: Mapping[str, Any]) -> str:
        """The name of a series in the legend."""
        labels = series["metric"]
        written = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), self.target.legend)
        return written.strip() or ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "value"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PanelResult:
    """A panel and the results of its queries; a row has none."""

    panel: Panel
    results: tuple[Result, ...]


def choices(text: str, server: Server, chosen: Mapping[str, str]) -> dict[str, list[str]]:
    """The values of each variable of a dashboard, if the variables in `chosen` have these values."""
    offered = {}
    for name, selector, label in choices_of(text):
        found = server.series(filled(selector, chosen, interval=INTERVAL, span=SPAN))
        offered[name] = sorted({labels[label] for labels in found if label in labels})
    return offered


def run_queries(
    text: str,
    server: Server,
    chosen: Mapping[str, str | Sequence[str]],
    *,
    seconds: float,
    time: float | None = None,
    span: str = SPAN,
) -> list[PanelResult]:
    """The results of each panel of a dashboard, for the last `seconds`, or as instant queries at `time`.

    `span` is the time range of the dashboard (`$__range`). Variables that are not in `chosen` are `All`.
    """
    values: dict[str, str | Sequence[str]] = {name: ALL for name, _, _ in choices_of(text)}
    values |= chosen
    return [
        PanelResult(
            panel=panel, results=tuple(_run(target, server, values, seconds, time, span) for target in panel.queries)
        )
        for panel in panels_of(text)
    ]


def _run(
    target: Target,
    server: Server,
    chosen: Mapping[str, str | Sequence[str]],
    seconds: float,
    time: float | None,
    span: str,
) -> Result:
    expression = filled(target.expr, chosen, interval=INTERVAL, span=span)
    if target.instant or time is not None:
        return Result(target=target, series=server.query(expression, time=time))
    return Result(target=target, series=server.over(expression, seconds=seconds))
