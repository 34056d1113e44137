"""Renders docs/worlds.md."""

import pathlib
from collections.abc import Iterable, Iterator, Sequence

from lab.worlds.delivery import Delivered
from lab.worlds.differences import differences
from lab.worlds.outcomes import Outcome
from lab.worlds.player import SNAPSHOT
from lab.worlds.table import Alert
from tools.markdown import fill_page

__all__ = ["PAGE", "text_of"]

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "worlds.md"
_MINUTE = 60.0


def text_of(outcomes: Sequence[Outcome], arrived: Sequence[Sequence[Delivered]]) -> str:
    """The page for these outcomes; `arrived` has the notifications of each."""
    head = ["| scenario | what it is | expected | raised | delivered |", "|---|---|---|---|---|"]
    rows = [_row(outcome, here) for outcome, here in zip(outcomes, arrived, strict=True)]
    times = ["| scenario | alert | since | minutes |", "|---|---|---|---|"]
    wrong = [line for outcome, here in zip(outcomes, arrived, strict=True) for line in differences(outcome, here)]
    return fill_page(
        "worlds",
        differences="\n".join(f"- {line}" for line in wrong) or "**No difference.**",
        table="\n".join([*head, *rows]),
        times="\n".join([*times, *(row for outcome in outcomes for row in _times(outcome))]),
    )


def _row(outcome: Outcome, here: Sequence[Delivered]) -> str:
    world = outcome.world
    allowed = world.allowed - world.raised
    cells = (
        world.name,
        world.what,
        _expected_cell(world.raised, world.delivered),
        _alert_list((one.alert for one in outcome.raised), allowed),
        _alert_list((one.raised.alert for one in here), allowed),
    )
    return f"| {' | '.join(cells)} |"


def _expected_cell(raised: Iterable[Alert], delivered: Iterable[Alert]) -> str:
    lists = _alert_list(raised, frozenset()), _alert_list(delivered, frozenset())
    return lists[0] if lists[0] == lists[1] else f"{lists[0]}; delivered: {lists[1]}"


def _alert_list(alerts: Iterable[Alert], allowed: frozenset[Alert]) -> str:
    """The names of the alerts, each with its number of objects."""
    counts: dict[tuple[bool, str, str], int] = {}
    for alert in sorted(set(alerts)):
        key = alert in allowed, alert.name, alert.severity
        counts[key] = counts.get(key, 0) + 1
    texts = [
        f"`{name}` ({severity}{f', {count}' if count > 1 else ''}{', *allowed*' if aside else ''})"
        for (aside, name, severity), count in sorted(counts.items())
    ]
    return ", ".join(texts) or "nothing"


def _times(outcome: Outcome) -> Iterator[str]:
    world = outcome.world
    if world.fault is None:
        return
    for name in dict.fromkeys(one.alert.name for one in outcome.expected):
        first = min(one.firing.first for one in outcome.expected if one.alert.name == name)
        minutes = (first - SNAPSHOT - world.fault) / _MINUTE
        yield f"| {world.name} | `{name}` | {world.since} | {minutes:g} |"
