"""What a Prometheus answers to the queries of a dashboard."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tools.dashboards.reading import ALL, Asked, Panel, choices_of, filled, panels_of

__all__ = ["Answer", "Answered", "Server", "answers", "choices"]

INTERVAL = "15s"  # the scrapes of the demo are a second apart
SPAN = "5m"


class Server(Protocol):
    """A Prometheus."""

    def query(self, expression: str, *, time: float | None = None) -> list[dict[str, Any]]:
        """An instant query's vector."""
        ...

    def over(self, expression: str, *, seconds: float, step: float = 1.0) -> list[dict[str, Any]]:
        """A range query's matrix, up to now."""
        ...

    def series(self, selector: str) -> list[dict[str, str]]:
        """The label sets that a selector finds."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """The series of one query; each has `metric` and `value`, or `values` where it was asked over time."""

    asked: Asked
    series: Sequence[dict[str, Any]]

    def name(self, series: Mapping[str, Any]) -> str:
        """What the legend says of one of them."""
        labels = series["metric"]
        written = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), self.asked.legend)
        return written.strip() or ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "value"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answered:
    """A panel and what its queries were answered; a row has no answers."""

    panel: Panel
    answers: tuple[Answer, ...]


def choices(text: str, server: Server, chosen: Mapping[str, str]) -> dict[str, list[str]]:
    """The values that each variable of a dashboard offers, where those are chosen."""
    offered = {}
    for name, selector, label in choices_of(text):
        found = server.series(filled(selector, chosen, interval=INTERVAL, span=SPAN))
        offered[name] = sorted({labels[label] for labels in found if label in labels})
    return offered


def answers(
    text: str, server: Server, chosen: Mapping[str, str | Sequence[str]], *, seconds: float, time: float | None = None
) -> list[Answered]:
    """What each panel of a dashboard gets, over so many seconds up to now, or all of it at one `time`.

    Variables that are not chosen are `All`.
    """
    values: dict[str, str | Sequence[str]] = {name: ALL for name, _, _ in choices_of(text)}
    values |= chosen
    return [
        Answered(panel=panel, answers=tuple(_answer(asked, server, values, seconds, time) for asked in panel.queries))
        for panel in panels_of(text)
    ]


def _answer(
    asked: Asked, server: Server, chosen: Mapping[str, str | Sequence[str]], seconds: float, time: float | None
) -> Answer:
    expression = filled(asked.expr, chosen, interval=INTERVAL, span=SPAN)
    if asked.instant or time is not None:
        return Answer(asked=asked, series=server.query(expression, time=time))
    return Answer(asked=asked, series=server.over(expression, seconds=seconds))
