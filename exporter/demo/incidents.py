"""The day of the incident as a script: what happens when, and how the person who watches reads it.

The second incident begins an hour earlier than it did, so that both fit into one short replay; its own times
are otherwise the day's.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Literal

from exporter.demo.manifests import Order, configmap_name
from exporter.demo.platform import Platform

__all__ = ["BEGIN", "END", "GIVE_UP", "INCIDENTS", "SCRIPT", "Incident", "Step"]

BEGIN = "12:25"
END = "13:52"
"""When the last alert is resolved, if all goes well."""
GIVE_UP = "14:10"

_STALLED = (Order(task=1, agent="Rex", work=480), Order(task=6, agent="Rex", work=420))
_HANGING = tuple(Order(task=task, agent="Tess", cli="factory", work=420, exits=("never",)) for task in (3, 4, 7))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Incident:
    """What went wrong on the day, and which alert has to tell it. Times of day are UTC."""

    number: int
    title: str
    that_day: str
    """How long nobody was told."""
    began: str
    """When the first thing broke, in the replay."""
    began_what: str
    alert: str
    """The alert that the post-mortem asked for. The incident is detected when it fires for every run."""
    alert_since: str
    """What that alert's time is counted from, in the replay."""
    since_what: str
    runs: frozenset[str]
    configmaps: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens: at which time of day, to what, in which words."""

    at: str
    kind: Literal["run", "fault", "repair"]
    told: str
    after: int | None = None
    """The incident whose detection it waits for: people repair what they were told of."""
    do: Callable[[Platform], Awaitable[None]] | None = None


INCIDENTS = (
    Incident(
        number=1,
        title="CodeRuns of tasks 1 and 6 got no Job",
        that_day="7 h 39 min",
        began="12:30",
        began_what="the ConfigMap lost its templates",
        alert="CodeRunJobCreationStalled",
        alert_since="12:32",
        since_what="the CodeRuns were created",
        runs=frozenset(order.name for order in _STALLED),
        configmaps=frozenset({configmap_name("claude")}),
    ),
    Incident(
        number=2,
        title="Tess's Jobs of tasks 3, 4 and 7 never ended",
        that_day="6 h and more",
        began="12:45",
        began_what="Tess reported success",
        alert="AgentJobHanging",
        alert_since="12:38",
        since_what="the runs were created",
        runs=frozenset(order.name for order in _HANGING),
    ),
)


def _ordinary(at: str, order: Order, told: str) -> Step:
    words = f"{order.name} is created ({order.agent}, {order.cli}). {told}"
    return Step(at=at, kind="run", told=words, do=lambda platform: platform.order([order]))


SCRIPT = (
    _ordinary("12:26", Order(task=2, agent="Rex", cli="codex"), "An ordinary run."),
    Step(
        at="12:30",
        kind="fault",
        told=f"ConfigMap {configmap_name('claude')} loses its templates. On the day itself nobody was told.",
        do=lambda platform: platform.lose_templates("claude"),
    ),
    Step(
        at="12:32",
        kind="fault",
        told="task-1-rex and task-6-rex are created (Rex, claude). The controller cannot fill their templates"
        " and tries again in silence: no Job, no status, no Event.",
        do=lambda platform: platform.order(_STALLED),
    ),
    _ordinary("12:34", Order(task=5, agent="Cleo", cli="cursor", work=240), "Another CLI: not affected."),
    Step(
        at="12:38",
        kind="fault",
        told="task-3-tess, task-4-tess and task-7-tess are created (Tess, factory), at 13:45 on the day itself."
        " Their Jobs start as they should.",
        do=lambda platform: platform.order(_HANGING),
    ),
    Step(
        at="12:45",
        kind="fault",
        told="Tess reports success for all three. A left-over FIFO writer keeps her containers up.",
    ),
    Step(
        at="12:53",
        kind="repair",
        after=1,
        told="The alerts have named the ConfigMap: an operator puts its templates back (19:58 on the day itself).",
        do=lambda platform: platform.restore_templates("claude"),
    ),
    _ordinary("12:58", Order(task=8, agent="Rex", work=540), "An ordinary run."),
    _ordinary(
        "13:05",
        Order(task=9, agent="Cipher", cli="codex", work=240, exits=("1", "0")),
        "Its first attempt fails and is retried: no reason for an alert.",
    ),
    _ordinary("13:15", Order(task=10, agent="Cleo", work=300), "An ordinary run."),
    _ordinary("13:25", Order(task=11, agent="Tess", cli="factory", work=420), "Tess again; this one ends."),
    Step(
        at="13:46",
        kind="repair",
        after=2,
        told="An operator could have come after AgentFinishedNotExited; this one waited for AgentJobHanging as well."
        " The left-over process is ended in each pod, as the runbook says, and the Jobs complete (still up at 19:45"
        " on the day itself).",
        do=lambda platform: platform.end_leftovers(_HANGING),
    ),
)
