"""The dashboard for the wall: what is stuck now, since when and why, and then how it goes in general."""

from typing import Any

from tools.dashboards.board import AGENT_RUNS, RUNBOOK, Row, board, datasource, one_run, query
from tools.dashboards.parts import BAD, WARN, Query, number
from tools.dashboards.promql import ALL, JOB, RUN, left, per_job, per_run, zero
from tools.dashboards.runs_promql import (
    ABOUT_JOBS,
    AGE,
    CLUSTER,
    DEADLINE,
    HANGING,
    HANGING_ROWS,
    HEALTH,
    LIMIT,
    OPEN,
    RUNNING,
    SINCE,
    WAITING,
    WAITING_ROWS,
    firing,
)
from tools.dashboards.runs_trends import ends, limits, open_runs
from tools.dashboards.table_panel import Column, table

__all__ = ["agent_runs"]

SEVERITIES = {"critical": BAD, "warning": WARN}


def agent_runs() -> str:
    """Its JSON."""
    return board(
        AGENT_RUNS,
        "What is stuck now, since when, and why; then how long things take, and how they end.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", all_of_them=True),
            query("namespace", "Namespace", series=f"coderun_created_timestamp{{{CLUSTER}}}", all_of_them=True),
            query("agent", "Agent", series=f"coderun_info{{{ALL}}}", all_of_them=True),
        ],
        annotations=[firing()],
        rows=[
            Row("Is something wrong now?", [*_numbers(), *_tables()]),
            Row("Open runs", open_runs()),
            Row("Against their limits", limits()),
            Row("How it ends, and what it needs", ends()),
        ],
        since="3h",
    )


def _numbers() -> list[tuple[Any, int, int]]:
    panels = [
        number(
            "Alerts firing",
            "Alerts that fire now; each is in the table below, with its object. Advice (`info`) is left out.",
            *(Query(zero(f"count({firing(f', severity={chr(34)}{name}{chr(34)}')})"), name) for name in SEVERITIES),
            levels=[(1, BAD)],
        ),
        number(
            "Runs stalled",
            "Open runs that are older than their own limit for it and have no Job: `CodeRunJobCreationStalled` fires"
            " five minutes later.",
            Query(zero(f"count(({WAITING}) > on ({RUN}) {DEADLINE})")),
            levels=[(1, BAD)],
        ),
        number(
            "Jobs hanging",
            "Active Jobs that ran longer than they may (`AgentJobHanging`), or whose work is done"
            " (`AgentFinishedNotExited`).",
            Query(zero(f"count({HANGING})")),
            levels=[(1, BAD)],
        ),
        number(
            "ConfigMaps broken",
            "Required ConfigMaps that are missing or broken, of all namespaces: `RequiredConfigMapUnhealthy`.",
            Query(zero(f"count({HEALTH} == 0)")),
            levels=[(1, BAD)],
        ),
        number(
            "Open runs",
            "Runs that have not ended, whatever they do.",
            Query(zero(f"count(max by ({RUN}) ({OPEN}))")),
        ),
        number(
            "Age of this picture",
            "How long ago the exporter last knew that what it shows is up to date, for the resource and replica that"
            " are furthest behind. `CodeRunExporterStale` fires above 5 minutes: then trust nothing here.",
            Query(
                "max(time() - max by (cluster, instance, resource, scope)"
                f" (coderun_exporter_resource_last_sync_timestamp_seconds{{{CLUSTER}}}))"
            ),
            unit="s",
            levels=[(150, WARN), (300, BAD)],
            nothing="no exporter",
        ),
    ]
    return [(panel, 4, 4) for panel in panels]


def _tables() -> list[tuple[Any, int, int]]:
    share = [(0.5, WARN), (1, BAD)]
    waiting = table(
        "Runs without a Job, the longest wait first",
        "Every open run that owns no Job. Normal for seconds. At 100 % of its limit a run is stalled."
        " `CodeRunJobCreationStalled`, `CodeRunNotReconciled`.",
        Query(left(AGE, key=RUN, of=WAITING_ROWS)),
        Query(left(f"({AGE}) / on ({RUN}) {DEADLINE}", key=RUN, of=WAITING_ROWS)),
        Query(left(f"1000 * {per_run('coderun_created_timestamp')}", key=RUN, of=WAITING_ROWS)),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="namespace", title="Namespace", width=130),
            Column(field="coderun", title="Run", width=150, link=one_run("Run")),
            Column(field="agent", title="Agent", width=80),
            Column(field="cause", title="Cause", width=170),
            Column(field="detail", title="Detail"),
            Column(field="A", title="Waiting", unit="s", width=90),
            Column(field="B", title="Of limit", unit="percentunit", width=80, levels=share),
            Column(field="C", title="Since", unit="dateTimeAsIsoNoDateIfToday", width=90),
        ],
        by="Waiting",
        nothing="Every open run has its Job",
    )
    hanging = table(
        "Jobs that should have ended, the longest first",
        "Active Jobs past their limit, or whose work is done. `AgentJobHanging`, `AgentFinishedNotExited`.",
        Query(left(RUNNING, key=JOB, of=HANGING_ROWS)),
        Query(left(f"({RUNNING}) / on ({JOB}) {LIMIT}", key=JOB, of=HANGING_ROWS)),
        Query(left(f"1000 * {per_job('job_start_time')}", key=JOB, of=HANGING_ROWS)),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="namespace", title="Namespace", width=130),
            Column(field="coderun", title="Run", width=150, link=one_run("Run")),
            Column(field="agent", title="Agent", width=80),
            Column(field="cause", title="Cause", width=170),
            Column(field="detail", title="Detail"),
            Column(field="A", title="Running", unit="s", width=90),
            Column(field="B", title="Of limit", unit="percentunit", width=80, levels=share),
            Column(field="C", title="Since", unit="dateTimeAsIsoNoDateIfToday", width=90),
        ],
        hidden=["job_name"],
        by="Running",
        nothing="No Job hangs",
    )
    return [(waiting, 15, 7), (_firing(), 9, 14), (hanging, 15, 7)]


def _firing() -> Any:
    labels = '"object", "", "coderun", "job_name", "configmap", "agent", "resource"'
    of_runs = f"(({SINCE}) * on ({JOB}) group_left (coderun) {ABOUT_JOBS}) or ignoring (coderun) ({SINCE})"
    by_run = f'label_replace({of_runs}, "job_name", "", "coderun", ".+")'
    return table(
        "Alerts firing, the worst first",
        "What each is about, and since when its condition holds; a Job goes by the name of its run. The name of an"
        " alert leads to its runbook. The choice of namespaces leaves broken ConfigMaps in: they are causes.",
        Query(f"1000 * label_join({by_run}, {labels})"),
        columns=[
            Column(field="severity", title="Severity", width=80, words=SEVERITIES),
            Column(field="alertname", title="Alert", width=235, link=RUNBOOK),
            Column(field="object", title="About"),
            Column(field="cluster", title="Cluster", width=90),
            Column(field="namespace", title="Namespace", width=120),
            Column(field="A", title="Since", unit="dateTimeAsIsoNoDateIfToday", width=85),
        ],
        hidden=["coderun", "job_name", "configmap", "agent", "resource", "scope", "instance"],
        by="Severity",
        descending=False,
        nothing="No alert fires",
    )
