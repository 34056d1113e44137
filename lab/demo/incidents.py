"""The script of the replayed day: each step with its time and its text.

To keep the replay short, the second incident begins earlier than it did. It begins after the repair of the first,
because its agents use the CLI whose templates were missing. The first incident is also replayed with the newest
version of the platform.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from lab.platform.controller import Platform
from lab.platform.generations import NEWEST
from lab.platform.manifests import RunSpec, configmap_name

__all__ = ["BEGIN", "END", "GIVE_UP", "INCIDENTS", "SCRIPT", "Incident", "Platforms", "Step"]

BEGIN = "12:25"
END = "13:20"
"""The time at which the last alert resolves, if all incidents are detected."""
GIVE_UP = "13:50"
"""The time at which the replay ends, even if an incident was not detected."""

_STALLED = (RunSpec(task=1, agent="Rex", work_seconds=480), RunSpec(task=6, agent="Rex", work_seconds=420))
_HANGING = tuple(RunSpec(task=task, agent="Tess", work_seconds=420, exits=("never",)) for task in (3, 4, 7))
_FAILING = tuple(
    RunSpec(task=task, agent=agent, generation=NEWEST) for task, agent in ((42, "Rex"), (43, "Blaze"), (44, "Grizz"))
)
_PARTIAL = "frontend-toolkits"


class Platforms(NamedTuple):
    """The agent platform in two versions, each in its own namespace."""

    november: Platform
    newest: Platform


@dataclasses.dataclass(frozen=True, kw_only=True)
class Incident:
    """An incident and the expected alert. Times of day are UTC, in the replay."""

    number: str
    """The name of the incident: a number, or a number and a version of the platform."""
    title: str
    without: str
    """How long the incident lasted on the day itself, with its start and end."""
    began: str
    began_what: str
    alert: str
    """The alert for the failure itself. The incident is detected when it fires for all of `needs`."""
    alert_since: str
    since_what: str
    signal: str
    """The signal in the cluster on which the first alert is based."""
    needs: frozenset[str]
    """The objects for which the alert must fire: runs, or a namespace for an alert about all runs in it."""
    objects: frozenset[str] = frozenset()
    """Other affected objects."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the script: its time of day, its kind, its text, and its action."""

    at: str
    kind: Literal["run", "fault", "repair"]
    text: str
    after: str | None = None
    """The number of an incident: the step waits until it is detected, as operators repair after an alert."""
    do: Callable[[Platforms], Awaitable[None]] | None = None


INCIDENTS = (
    Incident(
        number="1",
        title="CodeRuns of tasks 1 and 6 got no Job",
        without="7 h 26 min until the fix was synced (19:58), 7 h 39 min until the Job was created (20:11)",
        began="12:32",
        began_what="the ConfigMap lost its templates",
        alert="CodeRunJobCreationStalled",
        alert_since="12:32",
        since_what="the CodeRuns were created",
        signal="the keys of the ConfigMap. The report does not say when it broke; here, it breaks"
        " when the CodeRuns are created",
        needs=frozenset(order.name for order in _STALLED),
        objects=frozenset({configmap_name("claude")}),
    ),
    Incident(
        number="1, newest version",
        title="A template cannot be rendered, and no CodeRun gets a Job",
        without="no figure: only the newest version fails in this way, and no such incident was reported",
        began="13:02",
        began_what="the first of three CodeRuns was created",
        alert="CodeRunsFailing",
        alert_since="13:06",
        since_what="the third was created",
        signal="status.phase Failed of three CodeRuns in a row that own no Job",
        needs=frozenset({NEWEST.namespace}),
        objects=frozenset(order.name for order in _FAILING),
    ),
    Incident(
        number="2",
        title="Tess's Jobs of tasks 3, 4 and 7 never ended",
        without="6 h and more",
        began="13:03",
        began_what="the agents' last word",
        alert="AgentFinishedNotExited",
        alert_since="13:03",
        since_what="the agents' last word",
        signal="the agents' last word in their logs, and no line for 300 s after it. Without access to logs, which is"
        " the default, the first alert is based on the age of the Jobs, 65 min after their start",
        needs=frozenset(order.name for order in _HANGING),
    ),
)


def _created(at: str, order: RunSpec, text: str, *, kind: Literal["run", "fault"] = "run") -> Step:
    words = f"{order.name} is created ({order.agent}). {text}"
    return Step(at=at, kind=kind, text=words, do=lambda platforms: _platform(platforms, order).order([order]))


def _failing(at: str, order: RunSpec) -> Step:
    return _created(at, order, "Its template cannot be rendered.", kind="fault")


def _platform(platforms: Platforms, order: RunSpec) -> Platform:
    return platforms.newest if order.generation is NEWEST else platforms.november


async def _break_and_create(platforms: Platforms) -> None:
    await platforms.november.lose_templates("claude")
    await platforms.november.order(_STALLED)


SCRIPT = (
    _created("12:26", RunSpec(task=2, agent="Rex", cli="codex"), "An ordinary run."),
    _created("12:28", RunSpec(task=41, agent="Rex", work_seconds=1500, generation=NEWEST), "An ordinary run."),
    Step(
        at="12:32",
        kind="fault",
        text=f"ConfigMap {configmap_name('claude')} loses its templates, and the CodeRuns of tasks 1 and 6 are"
        " created (Rex, claude). The controller cannot render the templates and retries: it adds a finalizer, but"
        " creates no Job, no status and no Event.",
        do=_break_and_create,
    ),
    _created(
        "12:34",
        RunSpec(task=5, agent="Cleo", cli="cursor", work_seconds=240),
        "It uses another CLI and is not affected.",
    ),
    Step(
        at="12:53",
        kind="repair",
        after="1",
        text="The alerts name the ConfigMap: an operator restores its templates (19:58 on the day itself).",
        do=lambda platforms: platforms.november.restore_templates("claude"),
    ),
    Step(
        at="12:56",
        kind="fault",
        text="The CodeRuns of tasks 3, 4 and 7 are created (Tess, claude; 13:45 on the day itself). Their Jobs"
        " start.",
        do=lambda platforms: platforms.november.order(_HANGING),
    ),
    _created("12:58", RunSpec(task=8, agent="Rex", work_seconds=540), "An ordinary run."),
    Step(
        at="13:00",
        kind="fault",
        text=f"Namespace cto, newest version: a controller image is rolled out that lacks the partial {_PARTIAL}.",
        do=lambda platforms: platforms.newest.roll_out(missing_partial=_PARTIAL),
    ),
    _failing("13:02", _FAILING[0]),
    Step(
        at="13:03",
        kind="fault",
        text="Tess prints her result for all three, the last word in her logs. A leftover FIFO writer keeps her"
        " containers running. The cluster's status does not change.",
    ),
    _failing("13:04", _FAILING[1]),
    _failing("13:06", _FAILING[2]),
    _created(
        "13:08",
        RunSpec(task=9, agent="Cipher", cli="codex", work_seconds=240, exits=("1", "0")),
        "Its first attempt fails and is retried, which raises no alert.",
    ),
    Step(
        at="13:10",
        kind="repair",
        after="2",
        text="The alert names the cause: an operator ends the leftover process in each pod, as the runbook says, and"
        " the Jobs complete (still running at 19:45 on the day itself).",
        do=lambda platforms: platforms.november.end_leftovers(_HANGING),
    ),
    _created("13:11", RunSpec(task=11, agent="Tess", work_seconds=300), "Tess again; this one ends."),
    Step(
        at="13:12",
        kind="repair",
        after="1, newest version",
        text="The alert has the controller's message: an operator rolls the image back.",
        do=lambda platforms: platforms.newest.roll_out(),
    ),
    _created("13:14", RunSpec(task=45, agent="Rex", work_seconds=600, generation=NEWEST), "It gets a Job."),
    _created("13:15", RunSpec(task=10, agent="Cleo", work_seconds=300), "An ordinary run."),
)
