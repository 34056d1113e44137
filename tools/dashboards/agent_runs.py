"""The dashboard of all agent runs: stuck runs with their age and cause, then trends."""

from typing import Any

from tools.dashboards.board import AGENT_RUNS, Row, board, datasource, query
from tools.dashboards.parts import BAD, DURATION, WARN, Query, number
from tools.dashboards.promql import ALL, HEALTH, JOB, zero
from tools.dashboards.runs_promql import (
    ATTENTION,
    CLUSTER,
    CRITICAL,
    FRESHNESS,
    LATE,
    RECORDED,
    firing,
)
from tools.dashboards.runs_tables import runs_tables
from tools.dashboards.runs_trends import limits, open_runs, outcomes

__all__ = ["agent_runs"]


def agent_runs() -> str:
    """The JSON of the dashboard."""
    return board(
        AGENT_RUNS,
        "Shows which runs and Jobs are stuck, since when, and why; durations and their limits; outcomes.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", include_all=True),
            query("namespace", "Namespace", series=f"coderun_created_timestamp{{{CLUSTER}}}", include_all=True),
            query("agent", "Agent", series=f"coderun_info{{{ALL}}}", include_all=True),
        ],
        annotations=[firing()],
        rows=[
            Row("Is something wrong now?", [*_numbers(), *runs_tables()]),
            Row("Open runs", open_runs()),
            Row("Durations and limits", limits()),
            Row("Outcomes and dependencies", outcomes()),
        ],
        since="3h",
    )


def _numbers() -> list[tuple[Any, int, int]]:
    severities = ("critical", "warning")
    warnings = f"count(({ATTENTION}) unless on ({JOB}) ({CRITICAL}))"
    panels = [
        number(
            "Number of alerts",
            "Number of firing alerts about runs, except those of severity `info`. The table below lists each alert"
            " with its object. Alerts about the exporter are on the dashboard Exporter.",
            *(Query(zero(f"count({firing(f', severity={chr(34)}{name}{chr(34)}')})"), name) for name in severities),
            levels=[(1, BAD)],
        ),
        number(
            "Runs stalled",
            "Open runs without a Job for longer than their limit. `CodeRunJobCreationStalled` fires five minutes"
            " later. Waiting runs are not late.",
            Query(zero(f"count({LATE})")),
            levels=[(1, BAD)],
        ),
        number(
            "Unhealthy Jobs",
            "Unfinished Jobs that exceed their limit, have no pod, have a pod that does not start, whose run is over,"
            " or whose agent is blocked or silent. Above the default limit of 1 h, a Job is shown as a warning until"
            " four times the limit, or until its agent has written no line for 2 h. Alerts: `AgentJobHanging`,"
            " `AgentJobWithoutPod`, `AgentPodNotStarting`,"
            " `AgentFinishedNotExited`, `AgentBlocked`, `AgentSilent`.",
            Query(zero(f"count(({ATTENTION}) and on ({JOB}) ({CRITICAL}))"), "critical"),
            Query(zero(warnings), "warning"),
            levels=[(1, BAD)],
        ),
        number(
            "Failed in a row",
            "Number of runs that failed in a row without a Job, in the namespace and type with the most. Recorded"
            " by the rules for all agents. `CodeRunsFailing` fires from three, and is critical from six.",
            Query(zero(f"max(run_type:coderuns_failed_in_a_row:count{{{RECORDED}}})")),
            levels=[(3, WARN), (6, BAD)],
        ),
        number(
            "Unhealthy ConfigMaps",
            "Required ConfigMaps that are missing or broken, in all namespaces. Alert: `RequiredConfigMapUnhealthy`.",
            Query(zero(f"count(({HEALTH}) == 0)")),
            levels=[(1, BAD)],
        ),
        number(
            "Data freshness",
            "Time since the last sync of the resource that is furthest behind. Above 5 minutes the other panels are"
            " out of date or incomplete: see the dashboard Exporter.",
            Query(f"max({FRESHNESS})"),
            unit=DURATION,
            levels=[(150, WARN), (300, BAD)],
            nothing="no exporter",
        ),
    ]
    return [(panel, 4, 4) for panel in panels]
