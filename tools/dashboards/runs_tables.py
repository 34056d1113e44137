"""The tables of the dashboard of all runs: alerts, runs without a Job, Jobs that need attention, failed runs."""

from typing import Any

from tools.dashboards.board import RUNBOOK, one_run
from tools.dashboards.parts import BAD, DURATION, WARN, Query
from tools.dashboards.promql import JOB, NAMED, RUN, left, per_job
from tools.dashboards.runs_promql import (
    ABOUT_JOBS,
    ATTENTION_ROWS,
    CRITICAL,
    DEADLINE,
    FAILED_ROWS,
    FINISHED,
    FIRING_SINCE,
    LIMIT,
    PROBLEM,
    STARTED,
    WAITING_ROWS,
    WAITING_SINCE,
)
from tools.dashboards.table_panel import Column, table

__all__ = ["runs_tables"]

SEVERITIES = {"critical": BAD, "warning": WARN}
PROBLEMS = {
    1: ("no pod", WARN),
    2: ("pod not starting", WARN),
    3: ("run is over", WARN),
    4: ("over limit", WARN),
    5: ("blocked", WARN),
    6: ("silent", WARN),
}
CODES = {1: ("warning", WARN), 2: ("critical", BAD)}
# The start of a Job, or its creation if it has not started.
BEGIN = f"({STARTED} or on ({JOB}) {per_job('job_created_timestamp')})"
SEVERITY = f"(2 * group by ({JOB}) ({CRITICAL})\nor group by ({JOB}) ({per_job('job_created_timestamp')}))"


def runs_tables() -> list[tuple[Any, int, int]]:
    """The panels, with width and height."""
    return [(_firing(), 24, 8), (_waiting(), 24, 5), (_jobs(), 24, 6), (_failed(), 24, 5)]


def _object() -> list[Column]:
    return [
        Column(field="cluster", title="Cluster", width=110),
        Column(field="namespace", title="Namespace", width=130),
        Column(field="coderun", title="Run", width=330, link=one_run("Run")),
        Column(field="agent", title="Agent", width=80),
    ]


def _waiting() -> Any:
    return table(
        "Runs without a Job",
        "Every open run that owns no Job, longest first. A few seconds are normal; at 100 % of its limit, a run is"
        " stalled. Alerts: `CodeRunJobCreationStalled`, `CodeRunNotReconciled`, `CodeRunControllerBlocked`.",
        Query(left(f"time() - {WAITING_SINCE}", key=RUN, of=WAITING_ROWS)),
        Query(left(f"(time() - {WAITING_SINCE}) / on ({RUN}) {DEADLINE}", key=RUN, of=WAITING_ROWS)),
        Query(left(f"1000 * {WAITING_SINCE}", key=RUN, of=WAITING_ROWS)),
        columns=[
            *_object(),
            Column(field="cause", title="Cause", width=180),
            Column(field="detail", title="Detail"),
            Column(field="A", title="Without", unit=DURATION, width=110),
            Column(field="B", title="Of limit", unit="percentunit", width=80, levels=[(0.5, WARN), (1, BAD)]),
            Column(field="C", title="Since", unit="dateTimeAsIsoNoDateIfToday", width=150),
        ],
        by="Without",
        nothing="Every open run has a Job",
    )


def _jobs() -> Any:
    base = f"(time() - {BEGIN})"
    return table(
        "Jobs that need attention",
        "Unfinished Jobs that exceed their limit, have no pod, have a pod that does not start, whose run is over, or"
        " whose agent is blocked or silent, longest first. `AgentJobHanging`, `AgentJobWithoutPod`,"
        " `AgentPodNotStarting`, `AgentFinishedNotExited`, `AgentBlocked`, `AgentSilent`.",
        Query(left(base, key=JOB, of=ATTENTION_ROWS)),
        Query(left(f"{base} / on ({JOB}) {LIMIT}", key=JOB, of=ATTENTION_ROWS)),
        Query(left(SEVERITY, key=JOB, of=ATTENTION_ROWS)),
        Query(left(PROBLEM, key=JOB, of=ATTENTION_ROWS)),
        columns=[
            *_object(),
            Column(field="C", title="Severity", width=80, codes=CODES),
            Column(field="D", title="Problem", width=150, codes=PROBLEMS),
            Column(field="cause", title="Cause", width=180),
            Column(field="detail", title="Detail"),
            Column(field="A", title="Age", unit=DURATION, width=110),
            Column(field="B", title="Of limit", unit="percentunit", width=80, levels=[(1, WARN), (4, BAD)]),
        ],
        hidden=["job_name"],
        by="Age",
        nothing="No Job needs attention",
    )


def _failed() -> Any:
    return table(
        "Failed runs",
        "The newest 50 failed runs that the exporter exports, by default for six hours after their end, with the"
        " cause and the message of the controller. Alerts: `CodeRunsFailing`, `CodeRunRetryLoop`. Runs"
        " that end with success and deliver nothing: `AgentDeliversNothing`.",
        Query(left(f"1000 * {FINISHED}", key=RUN, of=FAILED_ROWS)),
        columns=[
            *_object(),
            Column(field="run_type", title="Type", width=130),
            Column(field="cause", title="Cause", width=180),
            Column(field="detail", title="Message"),
            Column(field="A", title="Ended", unit="dateTimeAsIso", width=170),
        ],
        by="Ended",
        nothing="No run failed",
    )


def _firing() -> Any:
    labels = ", ".join(f'"{name}"' for name in NAMED if name not in {"scope", "instance"})
    of_runs = (
        f"(({FIRING_SINCE}) * on ({JOB}) group_left (coderun) {ABOUT_JOBS}) or ignoring (coderun) ({FIRING_SINCE})"
    )
    by_run = f'label_replace({of_runs}, "job_name", "", "coderun", ".+")'
    by_task = f'label_replace({by_run}, "task_id", "task $1", "task_id", "(.+)")'
    return table(
        "Firing alerts",
        "Each alert with its object and the time at which it began to fire. Interruptions of less than 15 minutes,"
        " such as a restart of Prometheus, are ignored. An alert about a Job also names the run. The name of an"
        " alert links to its runbook, if the address is set. Unhealthy ConfigMaps of all namespaces are listed,"
        " because they can be the cause. `WorkflowStepStalled`, `WorkflowNeverEnds` and `WorkflowStepUnbounded` are"
        " listed only here.",
        Query(
            f'1000 * label_replace(label_join({by_task}, "object", " ", {labels}), "object", "$1", "object",'
            ' " *(.*?) *")'
        ),
        columns=[
            Column(field="severity", title="Severity", width=80, words=SEVERITIES),
            Column(field="alertname", title="Alert", width=330, link=RUNBOOK),
            Column(field="object", title="Object"),
            Column(field="cluster", title="Cluster", width=150),
            Column(field="namespace", title="Namespace", width=200),
            Column(field="A", title="Firing since", unit="dateTimeAsIsoNoDateIfToday", width=150),
        ],
        hidden=list(NAMED),
        by="Severity",
        descending=False,
        nothing="No alert fires",
    )
