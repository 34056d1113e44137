"""The dashboard of one run: its life over time, its Jobs, and the health of what it needs."""

from typing import Any

from tools.dashboards.board import ONE_RUN, Row, board, datasource, query
from tools.dashboards.one_run_promql import (
    ALERTS,
    CREATED,
    DEADLINE,
    FAILURE,
    HANG,
    JOBS,
    LIMIT,
    MINE,
    NEWEST,
    PHASE,
    POD_STATES,
    RUNNING,
    STALL,
    STATES,
    THIS,
    TOOK,
    WAIT,
    WAITED,
    of_jobs,
)
from tools.dashboards.one_run_tables import causes, one_run_tables
from tools.dashboards.parts import BAD, GOOD, WARN, Query, lanes, lines, names, number
from tools.dashboards.promql import HEALTH, JOB, ONE, SCRAPED

__all__ = ["one_run_board"]

SIGNS = {21: ("yes", BAD), 22: ("firing", BAD)}


def one_run_board() -> str:
    """Its JSON."""
    runs = f"coderun_created_timestamp{{{ONE}}}"
    return board(
        ONE_RUN,
        "One agent run from its creation to its end: state and phase, Jobs, limits, causes, alerts, ConfigMaps.",
        variables=[
            datasource(),
            query("cluster", "Cluster", series="coderun_exporter_build_info", all_of_them=True),
            query("namespace", "Namespace", series=f"coderun_created_timestamp{{{SCRAPED}}}", all_of_them=False),
            query("coderun", "Run", series=runs, all_of_them=False),
        ],
        annotations=[ALERTS],
        rows=[
            Row("Now", [*_numbers(), causes()]),
            Row("Over time", _life()),
            Row("Details", one_run_tables()),
        ],
        since="6h",
    )


def _numbers() -> list[tuple[Any, int, int]]:
    waited = f"({WAITED}) or on (cluster) ({WAIT})"
    panels = [
        names(
            "Phase",
            "The phase that the controller reports, coloured by the state that it stands for; none: no status.",
            Query(PHASE, "{{phase}}"),
            words=STATES,
            nothing="no such run",
        ),
        names(
            "Cause",
            "Why the run has no Job, why its Job is unfinished, or why it failed. The table below has the details.",
            Query(f"max by (cause) ({STALL} or {HANG} or {FAILURE})", "{{cause}}"),
            levels=[(1, BAD)],
            nothing="no cause known",
        ),
        number("Age", "Time since its creation.", Query(f"max(time() - {CREATED})"), unit="s"),
        number(
            "Time without a Job",
            "From its creation to its first Job, or how long it has had none until now, and the limit. Not"
            " available once the first Job of several is deleted. `CodeRunJobCreationStalled`.",
            Query(f"max({waited})", "time"),
            Query(f"max({DEADLINE} and on (cluster) ({waited}))", "limit"),
            unit="s",
            nothing="not available",
        ),
        number(
            "Run time",
            "Of its newest Job, from start to end or until now, and the limit. `AgentJobHanging`.",
            Query(f"max((({RUNNING}) or on ({JOB}) ({TOOK})) and on ({JOB}) ({NEWEST}))", "time"),
            Query(f"max({LIMIT} and on ({JOB}) ({NEWEST}))", "limit"),
            unit="s",
            nothing="no Job",
        ),
        number(
            "Attempt",
            "Its spec.contextVersion; 1 is the first. `CodeRunRetryLoop` fires from the sixth.",
            Query(f"max(coderun_attempt{{{THIS}}})"),
            levels=[(3, WARN), (6, BAD)],
            nothing="unknown",
        ),
    ]
    return [(panel, 4, 4) for panel in panels]


def _life() -> list[tuple[Any, int, int]]:
    ended = f"max by ({JOB}) (job_finished_timestamp_seconds{{{ONE}"
    job = "\nor ".join(
        [
            f'16 * ({ended}, result="succeeded"}}) > bool 0) and on ({JOB}) {MINE}',
            f'17 * ({ended}, result="failed"}}) > bool 0) and on ({JOB}) {MINE}',
            f"15 * {of_jobs('job_suspended')}",
            POD_STATES,
        ]
    )
    life = lanes(
        "Timeline",
        "Phases (coloured by state), Jobs and their pods, causes, and firing alerts. A gap is an absence."
        " `CodeRunNotReconciled`, `CodeRunNotUpdated`, `AgentJobWithoutPod`, `AgentPodNotStarting`,"
        " `AgentJobSuspended`.",
        Query(PHASE, "Phase {{phase}}"),
        Query(job, "Job {{job_name}}"),
        Query(f"21 * max by (cluster, cause) ({STALL})", "No Job: {{cause}}"),
        Query(f"21 * max by (cluster, cause) ({HANG})", "Job unfinished: {{cause}}"),
        Query(f"21 * max by (cluster, cause) ({FAILURE})", "Run failed: {{cause}}"),
        Query(f"22 * {ALERTS}", "{{alertname}}"),
        words={**STATES, **JOBS, **SIGNS},
    )
    health = lanes(
        "Health of required ConfigMaps",
        "All that are required, in all namespaces. A run needs those of its own CLI. `RequiredConfigMapUnhealthy`.",
        Query(HEALTH, "{{configmap}}"),
        words={0: ("unhealthy", BAD), 1: ("healthy", GOOD)},
    )
    waiting = lines(
        "Time without a Job, and the limit",
        "While the run is open and has none. `CodeRunJobCreationStalled`.",
        Query(WAIT, "time without a Job"),
        Query(f"{DEADLINE} < +Inf", "limit"),
        unit="s",
    )
    running = lines(
        "Run time of its Jobs, and the limits",
        "While they are unfinished. Kubernetes ends a Job at its activeDeadlineSeconds, where that is set."
        " `AgentJobHanging`, `AgentFinishedNotExited`, `AgentJobsWithoutDeadline`.",
        Query(RUNNING, "{{job_name}}"),
        Query(f"max({of_jobs('job_max_runtime_seconds')} < +Inf)", "limit"),
        Query(f"max({of_jobs('job_deadline_seconds')})", "limit: activeDeadlineSeconds"),
        unit="s",
    )
    return [(life, 24, 8), (health, 24, 7), (waiting, 12, 7), (running, 12, 7)]
