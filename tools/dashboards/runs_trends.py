"""The lower rows of the dashboard of many runs: how it goes in general, as panels with width and height."""

from typing import Any

from tools.dashboards.parts import BAD, GOOD, Query, bars, lanes, lines
from tools.dashboards.promql import ALL, CONFIGMAP, JOB, RUN, ended, left, zero
from tools.dashboards.runs_promql import (
    ABOUT_JOBS,
    AGE,
    AGENT,
    CLUSTER,
    DEADLINE,
    HEALTH,
    LIMIT,
    OPEN,
    RUNNING,
    WAITING_ROWS,
)
from tools.dashboards.table_panel import Column, table

__all__ = ["ends", "limits", "open_runs"]


def open_runs() -> list[tuple[Any, int, int]]:
    """How many runs are open, by phase and by age."""
    by_age = f"max by ({RUN}) (({AGE}) and on ({RUN}) ({OPEN}))"
    steps = [("under 10 min", 0, 600), ("10 min to 1 h", 600, 3600), ("1 h to 6 h", 3600, 21600)]
    ages = [Query(zero(f"count(({by_age}) >= {low} < {high})"), name) for name, low, high in steps]
    ages.append(Query(zero(f"count(({by_age}) >= {steps[-1][2]})"), "6 h and more"))
    phases = lines(
        "Open runs by phase",
        "`none` is a run without any status: nobody has looked at it, or its templates failed.",
        Query(f"count by (phase) ({OPEN})", "{{phase}}"),
        stacked=True,
    )
    old = bars("Open runs by age, now", "How many runs are open, by the time since their creation.", *ages)
    without = lines(
        "Runs without a Job, by namespace",
        "As the bundle records it, for all agents. A line that does not come back to 0 is a controller in trouble.",
        Query(f"sum by (namespace) (namespace:coderuns_without_job:count{{{ALL}}})", "{{namespace}}"),
    )
    return [(phases, 8, 8), (old, 8, 8), (without, 8, 8)]


def limits() -> list[tuple[Any, int, int]]:
    """How long things take, and what is left of their limits."""
    latest = f"max by (agent) ({left(AGE, key=RUN, of=WAITING_ROWS)})"
    may_run = f"max by (agent) (({LIMIT} < +Inf) * on ({JOB}) group_left (agent) {ABOUT_JOBS})"
    may_wait = Query(f"max({DEADLINE} < +Inf)", "limit")
    first = lines(
        "From a run to its first Job",
        "Of the runs that got one within an hour, by agent. What never gets one is not in it: see beside.",
        Query(f"agent:coderun_job_creation_seconds:p95_1h{{{AGENT}}} >= 0", "{{agent}} p95"),
        Query(f"agent:coderun_job_creation_seconds:p50_1h{{{AGENT}}} >= 0", "{{agent}} median"),
        may_wait,
        unit="s",
    )
    waiting = lines(
        "The longest wait for a Job",
        "The oldest run of each agent that has no Job, as its wait grows. The limit is the largest of any run."
        " `CodeRunJobCreationStalled`.",
        Query(latest, "{{agent}}"),
        may_wait,
        unit="s",
    )
    took = lines(
        "Run time of Jobs that ended",
        "Of the Jobs that ended within six hours, by agent, against the limit of its Jobs that are there now.",
        Query(f"agent:job_duration_seconds:p95_6h{{{AGENT}}} >= 0", "{{agent}} p95"),
        Query(f"agent:job_duration_seconds:p50_6h{{{AGENT}}} >= 0", "{{agent}} median"),
        Query(may_run, "limit of {{agent}}"),
        unit="s",
    )
    used = f"(({RUNNING}) / on ({JOB}) {LIMIT}) * on ({JOB}) group_left (agent, coderun) {ABOUT_JOBS}"
    running = lines(
        "Running Jobs against their own limit",
        "The ten that have used most of it. A Job above the line is hanging: `AgentJobHanging`.",
        Query(
            f"topk(10, max by (cluster, namespace, coderun, agent) ({used}))",
            "{{coderun}} ({{agent}})",
        ),
        unit="percentunit",
        levels=[(1, BAD)],
        top=1.1,
    )
    return [(first, 12, 8), (waiting, 12, 8), (took, 12, 8), (running, 12, 8)]


def ends() -> list[tuple[Any, int, int]]:
    """How Jobs end, and the ConfigMaps that new ones need."""
    share = lines(
        "Share of Jobs that failed in an hour",
        "By agent, as the bundle records it. `AgentJobsFailing` fires above half of at least four.",
        Query(f"agent:jobs_failed:ratio1h{{{AGENT}}} >= 0", "{{agent}}"),
        unit="percentunit",
        levels=[(0.5, BAD)],
        top=1,
    )
    reasons = bars(
        "Failures by agent and reason",
        "Jobs that were seen to fail within the time chosen above. The first of a rare reason is not counted.",
        Query(
            f"sort_desc({ended('jobs_finished_total', 'agent, reason', _failed())} > 0.5)", "{{agent}}: {{reason}}"
        ),
        decimals=0,
        nothing="No Job failed",
    )
    health = lanes(
        "ConfigMaps that the controller needs",
        "Of all namespaces, for they are a namespace's own and their loss is felt elsewhere."
        " `RequiredConfigMapUnhealthy`.",
        Query(HEALTH, "{{configmap}}"),
        words={0: ("broken", BAD), 1: ("healthy", GOOD)},
    )
    found = f"max by ({CONFIGMAP}, problem, key) (configmap_problem{{{CLUSTER}}})"
    size = f"max by ({CONFIGMAP}) (configmap_size_bytes{{{CLUSTER}}})"
    problems = table(
        "What is wrong with ConfigMaps",
        "`near_limit` and `forbidden` do not make a ConfigMap unhealthy: 80 % of what Kubernetes allows; may not be"
        " read.",
        Query(found),
        Query(f"{size} * on ({CONFIGMAP}) group_right () {found}"),
        columns=[
            Column(field="cluster", title="Cluster", width=110),
            Column(field="namespace", title="Namespace", width=150),
            Column(field="configmap", title="ConfigMap"),
            Column(field="problem", title="Problem"),
            Column(field="key", title="Key"),
            Column(field="B", title="Size", unit="bytes", width=110),
        ],
        by="ConfigMap",
        descending=False,
        nothing="Nothing",
    )
    return [(share, 8, 8), (reasons, 6, 8), (health, 10, 8), (problems, 24, 4)]


def _failed() -> str:
    return f'{AGENT}, result="failed"'
