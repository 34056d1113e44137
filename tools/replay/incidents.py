"""The incidents of the report, and the days on which they are replayed."""

import dataclasses
import datetime as dt
import operator
from collections.abc import Callable

from lab.clock import of_day
from lab.platform.generations import NEWEST
from lab.platform.manifests import RunSpec, configmap_name
from lab.timelapse.play import Agenda
from lab.timelapse.world import World

__all__ = ["BEGIN", "DAY", "END", "REPLAYS", "Incident", "Replay"]

DAY = dt.date(2025, 11, 2)  # the incident report states times, but no date
BEGIN, END = "12:00", "21:00"
STALLED = (RunSpec(task=1, agent="Rex", work_seconds=480), RunSpec(task=6, agent="Rex", work_seconds=420))
HANGING = tuple(RunSpec(task=task, agent="Tess", work_seconds=425, exits=("never",)) for task in (3, 4, 7))
ORDINARY = (
    ("12:05", RunSpec(task=2, agent="Rex", cli="codex")),
    ("13:10", RunSpec(task=5, agent="Cleo", cli="cursor", work_seconds=240)),
    ("14:30", RunSpec(task=8, agent="Rex", cli="codex", work_seconds=2400, gate_seconds=720)),
    ("15:20", RunSpec(task=9, agent="Cipher", cli="codex", work_seconds=240, exits=("1", "0"))),
    ("17:00", RunSpec(task=10, agent="Tess", cli="factory", work_seconds=900)),
    ("20:20", RunSpec(task=11, agent="Cleo", work_seconds=300)),
    ("14:00", RunSpec(task=41, agent="Rex", work_seconds=1800, generation=NEWEST)),
    ("17:10", RunSpec(task=45, agent="Rex", work_seconds=1800, generation=NEWEST)),
)
FAILING = tuple(
    (at, RunSpec(task=task, agent=agent, generation=NEWEST))
    for at, task, agent in (("16:02", 42, "Rex"), ("16:04", 43, "Blaze"), ("16:06", 44, "Grizz"))
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Incident:
    """An incident of the report, and the objects of the replay that belong to it."""

    title: str
    without: str
    since: str
    since_what: str
    alert: str
    """The alert for the failure itself."""
    within: float
    """Maximum seconds from `since` to this alert."""
    signal: str
    """The data in the cluster that the first alert is based on."""
    cause: str
    """The cause that this alert must name; empty: it names none."""
    objects: tuple[str, ...]
    """Names or prefixes (which end with `-`) of runs, Jobs and ConfigMaps; a namespace means all runs in it."""
    story: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Replay:
    """A day that is simulated, from BEGIN to END. `logs`: whether the exporter may read the logs of agents."""

    incidents: tuple[Incident, ...]
    agenda: Callable[[], Agenda]
    logs: bool = False


_STALL = Incident(
    title="1. CodeRuns of tasks 1 and 6 got no Job",
    without="7 h 26 min until the fix was synced (19:58), 7 h 39 min until the Job was created (20:11)",
    since="12:32",
    since_what="the CodeRuns were created",
    alert="CodeRunJobCreationStalled",
    within=960,
    signal="the keys of the ConfigMap",
    cause="configmap_empty",
    objects=(*(order.name for order in STALLED), configmap_name("claude")),
    story="At 12:32 the ConfigMap loses its templates, and the CodeRuns are created. The controller adds its"
    " finalizer, writes no status and no Event, and retries. The incident report does not say when the ConfigMap"
    " broke: here it breaks when the first CodeRun is created, which is the latest possible time. At 19:58 the"
    " ConfigMap is synced. At 20:11 the controller retries and creates the Jobs.",
)
_NEWEST_FAILURE = Incident(
    title="1b. The same failure in the newest version: no CodeRun gets a Job",
    without="no figure: no incident of this form is reported",
    since="16:06",
    since_what="the third CodeRun failed",
    alert="CodeRunsFailing",
    within=300,
    signal="`status.phase` Failed of three CodeRuns in a row that own no Job",
    cause="template_failed",
    objects=(NEWEST.namespace, *(order.name for _, order in FAILING)),
    story="The newest version has its templates in the controller's image, and not in ConfigMaps. At 16:00 an"
    " image that lacks a partial is rolled out. At 16:02, 16:04 and 16:06 CodeRuns are created in namespace"
    " `cto`: each is Failed immediately, with a message, and without a Job. At 17:00 the image is rolled back."
    " These times are made up.",
)
_HANG = Incident(
    title="2. Tess's Jobs of tasks 3, 4 and 7 never ended; with access to logs",
    without="6 h and more",
    since="13:52",
    since_what="the agents' last word",
    alert="AgentFinishedNotExited",
    within=360,
    signal="the agents' last word in their logs, and no line for 300 s after it",
    cause="finished_not_exited",
    objects=tuple(f"play-coderun-task-{order.task}-" for order in HANGING),
    story="At 13:45 the Jobs start. At 13:52 the agents print their result, the last word in their logs, and a"
    " leftover FIFO writer keeps the processes running. For 6 h, the status of the CodeRuns and of the Jobs does not"
    " change: phase Running, workCompleted false, one active and ready pod. The exporter reads the logs"
    " (`logs.enabled`). At 19:52 the leftover processes are ended. These runs use Claude Code, as in the platform's"
    " objects, so this day is replayed without incident 1, in which the templates of this CLI are missing.",
)
_HANG_WITHOUT_LOGS = dataclasses.replace(
    _HANG,
    title="2. The same; without access to logs, which is the default",
    since="13:45",
    since_what="the Jobs started",
    alert="AgentJobHanging",
    within=3960,
    signal="the age of the Jobs: the default maximum run time of 3600 s, and 300 s",
    cause="",
    story="The same day. The exporter does not read logs, and no object in the cluster shows the problem. So the"
    " first alert is based on the age of the Jobs, 3600 s plus 300 s. It fires 58 minutes after the last word, and"
    " names no cause.",
)


def _ordinary_day() -> Agenda:
    day = Agenda()
    for at, order in ORDINARY:
        day.at(of_day(DAY, at), operator.methodcaller("order", order))
    return day


def _day_of_stalls() -> Agenda:
    """Incident 1, at the times of the incident report, and its form in the newest version."""
    day = _ordinary_day()
    for at, order in FAILING:
        day.at(of_day(DAY, at), operator.methodcaller("order", order))
    day.at(of_day(DAY, "12:32"), _create_stalled)
    day.at(of_day(DAY, "19:58"), lambda world: world.controller.restore_templates("claude"))
    day.at(of_day(DAY, "20:11"), _reset_backoff)
    day.at(of_day(DAY, "16:00"), lambda world: world.newest.roll_out(missing_partial="frontend-toolkits"))
    day.at(of_day(DAY, "17:00"), lambda world: world.newest.roll_out())
    return day


def _day_of_hangs() -> Agenda:
    """Incident 2, at the times of the incident report."""
    day = _ordinary_day()
    day.at(of_day(DAY, "13:45") - 5, lambda world: world.controller.order(HANGING))
    day.at(of_day(DAY, "19:52"), lambda world: world.controller.end_leftovers(HANGING))
    return day


async def _create_stalled(world: World) -> None:
    await world.controller.lose_templates("claude")
    await world.controller.order(STALLED)
    world.controller.forgotten |= {order.name for order in STALLED}  # not retried until 20:11, because of the backoff


async def _reset_backoff(world: World) -> None:
    world.controller.forgotten.clear()


REPLAYS = (
    Replay(incidents=(_STALL, _NEWEST_FAILURE), agenda=_day_of_stalls),
    Replay(incidents=(_HANG,), agenda=_day_of_hangs, logs=True),
    Replay(incidents=(_HANG_WITHOUT_LOGS,), agenda=_day_of_hangs),
)
