"""Replays the incidents at full length with the exporter and the shipped rules: `make replay`.

Writes docs/time-to-detection.md. The fixes are applied at the times of the incident report.
"""

import argparse
import asyncio
import dataclasses
import datetime as dt
import operator
import pathlib
import sys
import time
from collections.abc import Iterable, Sequence

from lab.clock import duration, of_day
from lab.platform.generations import NEWEST
from lab.platform.manifests import RunSpec, configmap_name
from lab.timelapse.evaluation import EvaluationError, Firing, metrics_of, texts, verdict
from lab.timelapse.play import Agenda, play
from lab.timelapse.series import Recorder
from lab.timelapse.world import World
from tools.generate_docs import filled

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "time-to-detection.md"
DAY = dt.date(2025, 11, 2)  # the incident report states times, but no date
BEGIN, END = "12:00", "21:00"
_HALF_INTERVAL = 15  # seconds from a full minute to the next scrape: the average, half a scrape interval
STALLED = (RunSpec(task=1, agent="Rex", work_seconds=480), RunSpec(task=6, agent="Rex", work_seconds=420))
HANGING = tuple(
    RunSpec(task=task, agent="Tess", cli="factory", work_seconds=420, exits=("never",)) for task in (3, 4, 7)
)
ORDINARY = (
    ("12:05", RunSpec(task=2, agent="Rex", cli="codex")),
    ("13:10", RunSpec(task=5, agent="Cleo", cli="cursor", work_seconds=240)),
    ("14:30", RunSpec(task=8, agent="Rex", cli="codex", work_seconds=2400)),
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
    signal: str
    """The data in the cluster that the first alert is based on."""
    objects: tuple[str, ...]
    """Names or prefixes (which end with `-`) of runs, Jobs and ConfigMaps; a namespace means all runs in it."""
    story: str


INCIDENTS = (
    Incident(
        title="1. CodeRuns of tasks 1 and 6 got no Job",
        without="7 h 26 min until the fix was synced (19:58), 7 h 39 min until the Job was created (20:11)",
        since="12:32",
        since_what="the CodeRuns were created",
        alert="CodeRunJobCreationStalled",
        signal="the keys of the ConfigMap",
        objects=(*(order.name for order in STALLED), configmap_name("claude")),
        story="At 12:32 the ConfigMap loses its templates, and the CodeRuns are created. The controller adds its"
        " finalizer, writes no status and no Event, and retries. The incident report does not say when the ConfigMap"
        " broke: here it breaks when the first CodeRun is created, which is the latest possible time. At 19:58 the"
        " ConfigMap is synced. At 20:11 the controller retries and creates the Jobs.",
    ),
    Incident(
        title="1, as the newest version fails: no CodeRun gets a Job",
        without="no figure: no incident of this form is reported",
        since="16:06",
        since_what="the third CodeRun failed",
        alert="CodeRunsFailing",
        signal="`status.phase` Failed of three CodeRuns in a row that own no Job",
        objects=(NEWEST.namespace, *(order.name for _, order in FAILING)),
        story="The newest version has its templates in the controller's image, and not in ConfigMaps. At 16:00 an"
        " image that lacks a partial is rolled out. At 16:02, 16:04 and 16:06 CodeRuns are created in namespace"
        " `cto`: each is Failed immediately, with a message, and without a Job. At 17:00 the image is rolled back."
        " These times are made up.",
    ),
    Incident(
        title="2. Tess's Jobs of tasks 3, 4 and 7 never ended",
        without="6 h and more",
        since="13:45",
        since_what="the Jobs started",
        alert="AgentJobHanging",
        signal="the age of the Jobs",
        objects=tuple(f"play-coderun-task-{order.task}-" for order in HANGING),
        story="At 13:45 the Jobs start. At 13:52 the agents report success in their logs, and a leftover FIFO writer"
        " keeps the containers running. The status of the CodeRuns and of the Jobs does not change:"
        " phase Running, workCompleted false, one active and ready pod. So the first alert is based on the age of the"
        " Jobs, 3600 s plus 300 s. It fires 58 minutes after the work was completed, and names no cause. No object in"
        " the cluster shows the problem earlier, and the exporter does not read the agents' logs. At 19:52 the"
        " leftover processes are ended.",
    ),
)


def main() -> int:
    """Writes the page. Returns 1 if an incident was not detected, an unexpected alert fired or the page was stale."""
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the page is stale")
    check = parser.parse_args().check
    begun = time.monotonic()
    start = of_day(DAY, BEGIN) + _HALF_INTERVAL
    try:
        recorder, fired, annotations = asyncio.run(_replay(start))
    except EvaluationError as error:
        print(f"make replay: {error}", file=sys.stderr)
        return 2
    text, faults = page(fired, annotations, scrapes=recorder.scrapes)
    print(text)
    print(f"{recorder.scrapes} scrapes of {BEGIN} to {END} in {time.monotonic() - begun:.0f} s")
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        faults.append(f"docs/{PAGE.name} is stale: run `make replay`")
    for fault in faults:
        print(f"make replay: {fault}", file=sys.stderr)
    return 1 if faults else 0


async def _replay(start: float) -> tuple[Recorder, list[Firing], list[dict[str, str]]]:
    recorder = Recorder(metrics=metrics_of())
    async with World(start=start) as world:
        world.writer.policy = False  # on that day no Job had a deadline
        await world.start("exporter-0")
        await play(world, agenda(), recorder, until=of_day(DAY, END))
    fired = verdict(recorder, start=start, first=0, last=recorder.scrapes - 1)
    return recorder, fired, list(texts(recorder, fired, start=start))


def agenda() -> Agenda:
    """The events of the day, from the incident report."""
    day = Agenda()
    for at, order in (*ORDINARY, *FAILING):
        day.at(of_day(DAY, at), operator.methodcaller("order", order))
    day.at(of_day(DAY, "12:32"), _create_stalled)
    day.at(of_day(DAY, "13:45") - 5, lambda world: world.controller.order(HANGING))
    day.at(of_day(DAY, "19:52"), lambda world: world.controller.end_leftovers(HANGING))
    day.at(of_day(DAY, "19:58"), lambda world: world.controller.restore_templates("claude"))
    day.at(of_day(DAY, "20:11"), _reset_backoff)
    day.at(of_day(DAY, "16:00"), lambda world: world.newest.roll_out(missing_partial="frontend-toolkits"))
    day.at(of_day(DAY, "17:00"), lambda world: world.newest.roll_out())
    return day


async def _create_stalled(world: World) -> None:
    await world.controller.lose_templates("claude")
    await world.controller.order(STALLED)
    world.controller.forgotten |= {order.name for order in STALLED}  # not retried until 20:11, because of the backoff


async def _reset_backoff(world: World) -> None:
    world.controller.forgotten.clear()


def page(fired: Sequence[Firing], annotations: Sequence[dict[str, str]], *, scrapes: int) -> tuple[str, list[str]]:
    """The text of the page, and a line for each unexpected result."""
    faults, sections = [], []
    about: set[int] = set()
    for incident in INCIDENTS:
        firings = [index for index, one in enumerate(fired) if _concerns(one, incident)]
        about.update(firings)
        sections.append(_section(incident, [(fired[index], annotations[index]) for index in firings]))
        if not any(fired[index].alert == incident.alert for index in firings):
            faults.append(f"{incident.alert} did not fire for incident {incident.title}")
    others = [one for index, one in enumerate(fired) if index not in about]
    faults += [f"{one.alert} fired about {_object(one)}" for one in others if one.alert != "AgentJobsWithoutDeadline"]
    text = filled(
        "time-to-detection",
        scrapes=f"{scrapes:,}",
        begin=BEGIN,
        end=END,
        summary=_summary(fired),
        incidents="\n".join(sections),
        others=_others(others),
    )
    return text, faults


def _summary(fired: Sequence[Firing]) -> str:
    rows = [
        "| incident | without | with coderun-exporter | based on | first alert | alert for the symptom |",
        "|---|---|---|---|---|---|",
    ]
    for incident in INCIDENTS:
        firings = [one for one in fired if _concerns(one, incident)]
        own = [one for one in firings if one.alert == incident.alert]
        if not firings or not own:
            rows.append(f"| {incident.title} | {incident.without} | **not detected** | | | |")
            continue
        took = firings[0].first - of_day(DAY, incident.since)
        after = f"{_after(took)} {incident.since_what}"
        symptom = f"`{incident.alert}` at {_clock(own[0].first)}"
        first = f"`{firings[0].alert}` ({firings[0].labels['severity']}) at {_clock(firings[0].first)}"
        cells = incident.title, incident.without, f"**{after}**", incident.signal, first, symptom
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _section(incident: Incident, firings: Iterable[tuple[Firing, dict[str, str]]]) -> str:
    since = of_day(DAY, incident.since)
    rows = [f"## {incident.title}\n", incident.story + "\n"]
    rows += [f"| fires | {incident.since_what} | alert | about | until |", "|---|---|---|---|---|"]
    shown: dict[tuple[str, str], tuple[Firing, dict[str, str]]] = {}
    for one, said in firings:
        shown.setdefault((one.alert, one.labels["severity"]), (one, said))
        alert = f"`{one.alert}` ({one.labels['severity']})"
        cells = _clock(one.first), _after(one.first - since), alert, f"`{_object(one)}`", _clock(one.last)
        rows.append(f"| {' | '.join(cells)} |")
    rows.append("\nThe first notification of each:\n")
    for one, said in shown.values():
        rows += [f"    {one.alert} ({one.labels['severity']})", ""]
        rows += [f"    {line}" for line in (said["summary"] + "\n" + said["description"]).split("\n")]
        rows.append("")
    return "\n".join(rows)


def _others(others: Sequence[Firing]) -> str:
    rows = ["## Other alerts\n"]
    rows += [
        f"- `{one.alert}` ({one.labels['severity']}) from {_clock(one.first)} to {_clock(one.last)}, about"
        f" `{_object(one)}`"
        for one in others
    ]
    if not others:
        rows.append("Nothing.")
    elif all(one.alert == "AgentJobsWithoutDeadline" for one in others):
        rows.append(
            "\nThis alert is correct: on that day, no Job in `agent-platform` had a deadline. A deadline of one hour"
            " would have ended the Jobs that hung for six hours, but it would also end healthy Jobs of this platform,"
            " which can take three hours."
        )
    return "\n".join(rows) + "\n"


def _concerns(one: Firing, incident: Incident) -> bool:
    name = _name(one) or one.labels.get("namespace", "")
    return any(name == about or (about[-1] == "-" and name.startswith(about)) for about in incident.objects)


def _name(one: Firing) -> str:
    return next((one.labels[kind] for kind in ("coderun", "job_name", "configmap") if kind in one.labels), "")


def _object(one: Firing) -> str:
    return f"{one.labels.get('namespace', '')}/{_name(one)}".rstrip("/")


def _after(seconds: float) -> str:
    return f"{duration(seconds)} after" if seconds >= 0 else f"{duration(-seconds)} before"


def _clock(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, tz=dt.UTC).strftime("%H:%M:%S")


if __name__ == "__main__":
    sys.exit(main())
